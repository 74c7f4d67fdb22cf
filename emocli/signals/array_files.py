"""Files of arrays: MATLAB's (.mat), pickles (.pkl, .dat) and numpy's (.npy)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError, printable
from emocli.signals import mat_files, pickled_arrays
from emocli.signals.mat_files import Index
from emocli.signals.stored_arrays import Stored

NPY = b"\x93NUMPY"
WHOLE = ""  # the name of the variable where the file is one array
SHOWN = 8  # variables in a message


def contents(path: Path) -> dict[str, str]:
    """Return the variables of a file, each with its shape and type in words.

    Raises RecordError for what is no file of arrays.
    """
    if path.suffix.lower() == ".mat":
        return mat_files.contents(path)
    if path.suffix.lower() == ".npy":
        array = _numpy(path)
        return {WHOLE: f"{array.shape} {array.dtype}"}
    found = pickled_arrays.read(path)
    if isinstance(found, dict):
        return {str(name): _described(value) for name, value in found.items()}
    return {WHOLE: _described(found)}


def load(path: Path, variable: str = WHOLE, index: Index = ()) -> npt.NDArray[Any]:
    """Return an array of numbers, or a part of it by its leading axes.

    Only this part is read, but of a compressed file or one of MATLAB before 7.3 the variable.
    Raises RecordError, with what is in the file, where that is something else.
    """
    try:
        array = _loaded(path, variable, index)
    except KeyError:
        raise RecordError(
            "no_variable", f"{_asked(path, variable)} is not there", hint=_there(path)
        ) from None
    except IndexError:
        message = f"{_asked(path, variable)} has no part {list(index)}"
        raise RecordError("wrong_index", message, hint=_there(path)) from None
    if array.dtype.kind not in mat_files.NUMERIC:
        raise _not_numeric(path, variable)
    return array


def _not_numeric(path: Path, variable: str) -> RecordError:
    message = f"{_asked(path, variable)} is not of real numbers"
    return RecordError("not_numeric", message, hint=_there(path))


def _loaded(path: Path, variable: str, index: Index) -> npt.NDArray[Any]:
    if path.suffix.lower() == ".mat":
        return mat_files.load(path, variable, index)
    if path.suffix.lower() == ".npy":
        if variable != WHOLE:
            raise KeyError(variable)
        return np.array(_numpy(path)[index])
    found = pickled_arrays.read(path)
    if variable != WHOLE:
        if not isinstance(found, dict):
            raise KeyError(variable)
        found = found[variable]
    if not isinstance(found, Stored) or not found.numeric:
        raise _not_numeric(path, variable)
    return found.read(index)


def _numpy(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = printable(str(error))[:100]
        raise RecordError("decode_failed", f"{path.name} is no array of numpy: {reason}") from None
    return array


def _described(value: Any) -> str:
    if isinstance(value, Stored):
        return f"{value.shape} {value.kind}"
    return type(value).__name__


def _asked(path: Path, variable: str) -> str:
    return f"{path.name}: {variable or 'an array'}"


def _there(path: Path) -> str:
    """Return what a file has, for a message."""
    found = contents(path)
    names = [f"{printable(name)} {what}".strip() for name, what in found.items()][:SHOWN]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"the file has {', '.join(names) or 'nothing'}{more}"


def shapes(path: Path) -> dict[str, Index]:
    """Return the shapes of the arrays of a file; RecordError for what is no file of arrays."""
    if path.suffix.lower() == ".mat":
        return mat_files.shapes(path)
    if path.suffix.lower() == ".npy":
        return {WHOLE: _numpy(path).shape}
    found = pickled_arrays.read(path)
    every = found.items() if isinstance(found, dict) else [(WHOLE, found)]
    return {str(name): value.shape for name, value in every if isinstance(value, Stored)}
