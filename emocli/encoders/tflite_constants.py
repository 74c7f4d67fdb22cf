"""The constants of a TensorFlow Lite file, in the order in which its operators take them.

A file is a FlatBuffer (https://flatbuffers.dev/internals): tables point to their fields by offsets.
Of its schema (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/schema/schema.fbs)
only what leads to numbers is read; nothing is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARK = b"TFL3"  # after the offset of the root
DEQUANTIZE = 6  # an operator: float32 of float16
FLOATS: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
}  # by the number of a type
# Fields by their number: of the model, of its graph, of a tensor, an operator, a code, a buffer.
CODES, GRAPHS, BUFFERS = 1, 2, 4
TENSORS, OPERATORS = 0, 3
SHAPE, TYPE, BUFFER = 0, 1, 2
CODE, INPUTS, OUTPUTS = 0, 1, 2
OLD_CODE, NEW_CODE = 0, 3
DATA = 0


@dataclass(frozen=True)
class _Table:
    """A table of a FlatBuffer, at a byte of the file."""

    data: bytes
    at: int

    def place(self, field: int) -> int | None:
        """Return where a field is, None where it has its default."""
        layout = self.at - _number(self.data, "<i4", self.at)
        entry = 4 + 2 * field
        if entry + 2 > _number(self.data, "<u2", layout):
            return None
        offset = _number(self.data, "<u2", layout + entry)
        return self.at + offset if offset else None

    def number(self, field: int, dtype: str) -> int:
        """Return a number, 0 by default."""
        place = self.place(field)
        return 0 if place is None else _number(self.data, dtype, place)

    def numbers(self, field: int, dtype: str) -> NDArray[np.generic]:
        """Return a vector of numbers, empty by default."""
        place = self.place(field)
        if place is None:
            return np.zeros(0, dtype)
        start = place + _number(self.data, "<u4", place)
        return np.frombuffer(self.data, dtype, _number(self.data, "<u4", start), start + 4)

    def tables(self, field: int) -> list[_Table]:
        """Return a vector of tables, empty by default."""
        offsets = self.numbers(field, "<u4")
        if not len(offsets):
            return []
        place = self.place(field) or 0
        first = place + _number(self.data, "<u4", place) + 4
        return [_Table(self.data, first + 4 * n + int(o)) for n, o in enumerate(offsets)]


def _number(data: bytes, dtype: str, at: int) -> int:
    return int(np.frombuffer(data, dtype, 1, at)[0])


def constants(data: bytes) -> list[NDArray[np.float32]]:
    """Return the float constants of the first graph of a file, once for each operator's use.

    float16 that an operator makes into float32 counts as the latter's. Raises ValueError or
    LookupError for anything but a TensorFlow Lite file.
    """
    if data[4:8] != MARK:
        raise ValueError(f"{data[4:8]!r} in place of {MARK!r}")
    return list(_constants(_Table(data, _number(data, "<u4", 0))))


def _constants(model: _Table) -> Iterator[NDArray[np.float32]]:
    graph, buffers = model.tables(GRAPHS)[0], model.tables(BUFFERS)
    tensors, codes = graph.tables(TENSORS), [_code(code) for code in model.tables(CODES)]
    originals: dict[int, int] = {}  # of a tensor, that of float16
    for operator in graph.tables(OPERATORS):
        inputs = [int(n) for n in operator.numbers(INPUTS, "<i4") if n >= 0]
        if codes[operator.number(CODE, "<u4")] == DEQUANTIZE:
            originals[int(operator.numbers(OUTPUTS, "<i4")[0])] = inputs[0]
            continue
        for number in inputs:
            tensor = tensors[originals.get(number, number)]
            values = buffers[tensor.number(BUFFER, "<u4")].numbers(DATA, "u1")
            dtype = FLOATS.get(tensor.number(TYPE, "i1"))
            if len(values) and dtype:
                shape = [int(size) for size in tensor.numbers(SHAPE, "<i4")]
                found = np.frombuffer(values.tobytes(), dtype, math.prod(shape))
                yield found.reshape(shape).astype(np.float32)


def _code(code: _Table) -> int:
    """Return the number of an operator, which older files keep in one byte."""
    return max(code.number(OLD_CODE, "i1"), code.number(NEW_CODE, "<i4"))
