"""Read one variable of a MATLAB file: through scipy, or h5py for version 7.3, which is HDF5.

A variable inside of structs and cells is named as MATLAB does: `DREAMER.Data{4}.EEG.stimuli{6}`.
Shapes and indices are MATLAB's; indices count from 0, the numbers in names from 1.
"""

from __future__ import annotations

import functools
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError, printable
from emocli.signals import mat_elements

Array = npt.NDArray[Any]
Index = tuple[int, ...]

HDF5 = b"\x89HDF\r\n\x1a\n"
HDF5_AT = (0, 512)  # MATLAB writes a header of its own before it
MOST_ZLIB = 1100  # bytes that a byte of a deflated stream can become, rounded up
NUMERIC = "biuf"  # kinds of numpy that are real numbers
STEP = re.compile(r"\.?(\w+)|[{(](\d+)[)}]")


def contents(path: Path) -> dict[str, str]:
    """Return the variables, each with shape and class in words; RecordError for another file."""
    if _is_hdf5(path):
        with _hdf5(path) as file:
            return {name: _described(file[name]) for name in file if not name.startswith("#")}
    return {name: f"{shape} {kind}" for name, shape, kind in _listed(path)}


def shapes(path: Path) -> dict[str, Index]:
    """Return the shapes of the variables, but of those that are structs or cells in HDF5."""
    if _is_hdf5(path):
        with _hdf5(path) as file:
            return {n: file[n].shape[::-1] for n in file if hasattr(file[n], "shape")}
    return {name: tuple(shape) for name, shape, _ in _listed(path)}


def load(path: Path, variable: str, index: Index = ()) -> Array:
    """Return a variable, or a part of it by its leading axes.

    Raises KeyError if it is not there, IndexError if the index is not, RecordError for another
    file.
    """
    steps = _steps(variable)
    if _is_hdf5(path):
        with _hdf5(path, KeyError, IndexError) as file:
            return _of_hdf5(file, steps, index)
    if len(steps) > 1:
        return _inside(path, steps)[index]
    status = path.stat()
    # What several records share is kept for the next of them.
    read = _kept if index else _variable
    return np.array(read(path, str(steps[0]), status.st_mtime_ns, status.st_size)[index])


def _steps(variable: str) -> list[str | int]:
    """Return the names and the numbers (from 0) that lead to a variable.

    >>> _steps("DREAMER.Data{4}.EEG")
    ['DREAMER', 'Data', 3, 'EEG']
    """
    found = list(STEP.finditer(variable))
    if not found or "".join(match[0] for match in found) != variable or not found[0][1]:
        raise KeyError(variable)
    return [match[1] if match[1] else int(match[2]) - 1 for match in found]


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.read(HDF5_AT[-1] + len(HDF5))
    except OSError as error:
        raise RecordError("not_readable", f"cannot be read: {error.strerror}") from None
    return any(first[at : at + len(HDF5)] == HDF5 for at in HDF5_AT)


@contextmanager
def _scipy(path: Path) -> Iterator[Any]:
    """Give scipy.io; what it raises of a file becomes a RecordError."""
    import scipy.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield scipy.io
    except RecordError:
        raise
    except Exception as error:  # it raises what its parsers raise, MemoryError for damaged sizes
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> RecordError:
    reason = printable(str(error)).strip()[:100] or type(error).__name__
    return RecordError("decode_failed", f"{path.name} is no MATLAB file: {reason}")


def _listed(path: Path) -> list[tuple[str, Index, str]]:
    with _scipy(path) as io:
        found: list[tuple[str, Index, str]] = io.whosmat(str(path))
        most = path.stat().st_size * MOST_ZLIB
        if any(min(shape, default=0) < 0 or prod(shape) > most for _, shape, _ in found):
            raise ValueError("a variable is larger than the file can hold")
        return found


def _variable(path: Path, name: str, *version: int) -> Array:
    if name not in [found for found, _, _ in _listed(path)]:
        raise KeyError(name)
    with _scipy(path) as io:
        value: Array = io.loadmat(str(path), variable_names=[name])[name]
        return value


_kept = functools.lru_cache(maxsize=1)(_variable)


def _inside(path: Path, steps: list[str | int]) -> Array:
    """Return a part of a struct or cell; KeyError if it is not there."""
    try:
        found = mat_elements.load(path, steps)
    except (ValueError, struct.error, zlib.error, OSError) as error:
        raise _damaged(path, error) from None
    if found is None:
        _listed(path)  # which says what is wrong with it, if it is not only of another kind
        hint = "structs are read of little-endian files of version 5 to 7.3: save it again"
        raise RecordError("decode_failed", f"{path.name}: no struct can be read of it", hint=hint)
    return found


def _element(values: Array, place: int) -> Any:
    if not 0 <= place < len(values):
        raise KeyError(place + 1)
    return values[place]


@contextmanager
def _hdf5(path: Path, *passing: type[Exception]) -> Iterator[Any]:
    """Give an open file of h5py; what it raises of a file, but `passing`, becomes a RecordError."""
    try:
        import h5py
    except ImportError:
        message = f"{path.name} is of MATLAB 7.3, which needs h5py"
        hint = "pip install 'emocli[eeg]'"
        raise RecordError("missing_package", message, hint=hint) from None
    try:
        with h5py.File(path, "r") as file:
            yield file
    except Exception as error:  # h5py raises OSError, RuntimeError, ValueError and KeyError
        if isinstance(error, (RecordError, *passing)):
            raise
        reason = printable(str(error)).strip()[:100]
        raise RecordError("decode_failed", f"{path.name} is no HDF5 file: {reason}") from None


def _described(node: Any) -> str:
    word = _class(node)
    return f"{node.shape[::-1]} {word}".strip() if hasattr(node, "shape") else word or "group"


def _class(node: Any) -> str:
    """Return MATLAB's class of a variable, such as double or char."""
    kind = node.attrs.get("MATLAB_class", b"")
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)


def _of_hdf5(file: Any, steps: list[str | int], index: Index) -> Array:
    """Return a part of a variable; HDF5 has MATLAB's axes in reverse."""
    node = file
    for step in steps:
        if isinstance(step, str):
            if not hasattr(node, "keys") or step not in node:
                raise KeyError(step)
            node = node[step]
        else:
            if getattr(node, "dtype", np.dtype("f8")).kind != "O":  # a cell is of references
                raise KeyError(step)
            node = file[_element(np.ravel(node[()]), step)]
    if not hasattr(node, "shape"):
        raise KeyError(steps[-1])
    if _class(node) == "char":
        return np.array("".join(map(chr, np.ravel(node[()]))))
    if len(index) > len(node.shape):
        raise IndexError(f"{len(index)} indices for {len(node.shape)} axes")
    places = [range(size)[at] for size, at in zip(node.shape[::-1], index, strict=False)]
    return np.asarray(node[(..., *reversed(places))]).T
