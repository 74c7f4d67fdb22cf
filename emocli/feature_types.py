"""What encoders add to a record, for people and type checkers; nothing is converted into these."""

from __future__ import annotations

from typing import TypedDict


class ArrayReference(TypedDict):
    """An array in the store."""

    path: str
    shape: list[int]
    dtype: str
    sha256: str


class Feature(TypedDict, total=False):
    """What an encoder made of one stream: `vector` inline, or `array` in the store."""

    modality: str
    encoder: str
    revision: str | None
    layer: int | list[int] | None  # None where an encoder has no layers
    pooling: str
    dim: int
    adapter: str  # what was added to the encoder's weights
    level_dbfs: float  # to which the sound was brought; absent: as it was
    context: int  # turns before the record's own that were read with it
    normalized: str  # the field by which numbers are z-scores, as `speaker`; absent: they are none
    warning: str
    vector: list[float]
    array: ArrayReference
    streams: list[str]  # of `fused`: those that were used
    masked_frames: dict[str, int]  # of `fused`: how many frames of a sequence were not
    gates: dict[str, dict[str, float]]  # of `fused`: the weights that a model gave
