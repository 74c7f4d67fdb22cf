"""The features of a record: the only reader and writer of `features.STREAM`.

A stream is a vector (dim,) or a sequence of frames (time, dim). Frames that contain NaN or infinity
are masked; a stream counts as long as one frame is finite. Every command reads features here, so
that training and prediction see the same numbers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.records import Record, validation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLACES = ("vector", "array")  # the field with the numbers of a stream: inline, or in the store
HINT = "encode it again"


@dataclass(frozen=True)
class Stream:
    """The numbers of one stream: float32 (dim,) or (time, dim), and which frames are finite."""

    values: NDArray[np.float32]
    finite: NDArray[np.bool_]  # (time,); of a vector ()

    @property
    def timed(self) -> bool:
        """Whether the stream has a time axis."""
        return self.values.ndim == 2

    @property
    def masked(self) -> int:
        """How many frames contain NaN or infinity."""
        return int(self.finite.size - self.finite.sum())

    @property
    def warning(self) -> str:
        """A warning about masked frames; empty if none is masked."""
        frames = f"{self.masked} of {self.finite.size} frames"
        return f"{frames} contain NaN or infinity: masked" if self.masked else ""


def of(record: Record) -> Record:
    """Return the features of a record by stream; {} if they are not an object."""
    features = record.get("features")
    return features if isinstance(features, dict) else {}


def checked(record: Record) -> Record:
    """Return the features of a record by stream; RecordError if they are not an object."""
    if not isinstance(record.get("features"), dict | None):
        message = f"features is not an object: {record['features']!r:.60}"
        raise RecordError("bad_features", message, hint=HINT)
    return of(record)


def described(record: Record, name: str) -> Record:
    """Return a feature whose description has the types of `records.types`, else RecordError.

    `read` looks at the numbers alone, since a pipe reads the features of each record several times.
    """
    feature: Record = validation.value(record, "features", name, code="bad_feature") or {}
    return feature


def read(record: Record, name: str, store: Store, dim: int | None = None) -> Stream:
    """Return the numbers of a stream; its frames must have `dim` numbers, by default its own `dim`.

    Raises RecordError: bad_feature if the stream cannot be read, not_in_store, bad_shape, and
    not_finite if no frame is finite.
    """
    import numpy as np

    feature = of(record).get(name)
    if not isinstance(feature, dict):
        message = f"features.{name} is not an object: {feature!r:.60}"
        raise RecordError("bad_feature", message, hint=HINT)
    values = _values(name, feature, store)
    expected = feature.get("dim") if dim is None else dim
    if expected is None:
        raise RecordError("bad_feature", f"features.{name} does not state its dim", hint=HINT)
    if values.ndim not in (1, 2) or values.shape[-1] != expected or not values.size:
        shape = f"({expected},) or (time, {expected})"
        message = f"features.{name} has the shape {values.shape}, not {shape}"
        raise RecordError("bad_shape", message, hint=HINT)
    finite = np.asarray(np.isfinite(values).all(axis=-1))
    if not finite.any():
        where = " in every frame" if values.ndim == 2 else ""
        message = f"features.{name} contains NaN or infinity{where}"
        raise RecordError("not_finite", message, hint=HINT)
    return Stream(values, finite)


def _values(name: str, feature: Record, store: Store) -> NDArray[np.float32]:
    """Return a feature's numbers, float32: its vector, or its array, memory-mapped."""
    import numpy as np

    vector, frames = (feature.get(place) for place in PLACES)
    try:
        if vector is not None:
            return _vector(vector)
        if frames is None:
            raise KeyError("neither vector nor array")
        with np.errstate(over="ignore"):  # what overflows float32 is infinite, and masked
            return np.asarray(store.array(frames) if isinstance(frames, dict) else frames, "f4")
    except (TypeError, ValueError, OverflowError, KeyError, OSError, EOFError) as error:
        message = f"features.{name} cannot be read: {error}"
        raise RecordError("bad_feature", message, hint=HINT) from None


def _vector(values: Any) -> NDArray[np.float32]:
    """Return a list's numbers, float32; null is NaN."""
    import numpy as np

    if not isinstance(values, list | tuple | np.ndarray):
        raise TypeError(f"not a list of numbers: {values!r:.60}")
    with np.errstate(over="ignore"):
        try:
            packed = struct.pack(f"{len(values)}d", *values)  # three times as fast as asarray
            return np.frombuffer(packed).astype(np.float32)
        except (TypeError, struct.error):
            return np.asarray(values, np.float32)


def description(feature: Record) -> Record:
    """Return the metadata of a feature: everything but its numbers."""
    return {key: value for key, value in feature.items() if key not in PLACES}


def with_values(feature: Record, values: Any, store: Store, *, inline: bool = True) -> Record:
    """Return a feature with these numbers: a vector inline, frames in the store."""
    if inline and values.ndim == 1:
        return description(feature) | {"vector": values}
    return description(feature) | {"array": store.put_array(values)}
