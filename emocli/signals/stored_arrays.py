"""Arrays whose numbers stay in a file until a part of them is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

NUMERIC = re.compile(r"b1|[iu][1248]|f[248]")


class Span(NamedTuple):
    """Bytes in the file."""

    start: int
    size: int


@dataclass
class Type:
    """The type of an array's numbers."""

    code: str  # such as f8
    order: str = "="  # of bytes

    @property
    def of_numpy(self) -> np.dtype[Any] | None:
        """Numpy's type; None for what is no number."""
        order = self.order if self.order in "<>" else "="
        return np.dtype(order + self.code) if NUMERIC.fullmatch(self.code) else None


@dataclass
class Stored:
    """An array whose numbers are in the file (or, as text of protocol 0, in memory)."""

    path: Path
    shape: tuple[int, ...] = ()
    type: Type | None = None
    columns_first: bool = False
    data: Span | bytes = b""

    @property
    def numeric(self) -> bool:
        """Whether it is of real numbers."""
        return self.type is not None and self.type.of_numpy is not None

    @property
    def kind(self) -> str:
        """What it holds, for messages."""
        return str(self.type.of_numpy) if self.type and self.numeric else "no numbers"

    def filled(self, shape: Any, kind: Any, data: Any, columns_first: Any) -> Stored:
        """Return it with its contents, which must fit its shape."""
        self.shape, self.columns_first = tuple(int(n) for n in shape), bool(columns_first)
        self.type = kind if isinstance(kind, Type) else None
        dtype = self.type.of_numpy if self.type else None
        if dtype is not None:
            self.data = data.encode("latin-1") if isinstance(data, str) else data
            size = self.data.size if isinstance(self.data, Span) else len(self.data)
            if min(self.shape, default=0) < 0 or size != prod(self.shape) * dtype.itemsize:
                raise ValueError(f"{size} bytes are not an array of {self.shape}")
        return self

    def read(self, index: tuple[int, ...] = ()) -> npt.NDArray[Any]:
        """Return the array, or a part of it by its leading axes. Numbers only."""
        dtype = self.type.of_numpy if self.type else None
        if dtype is None:
            raise ValueError("not an array of numbers")
        order: Any = "F" if self.columns_first else "C"
        if not prod(self.shape):
            return np.empty(self.shape, dtype)[index]
        if isinstance(self.data, bytes):
            whole = np.frombuffer(self.data, dtype).reshape(self.shape, order=order)
        else:
            whole = np.memmap(
                self.path, dtype, "r", offset=self.data.start, shape=self.shape, order=order
            )
        return np.array(whole[index])
