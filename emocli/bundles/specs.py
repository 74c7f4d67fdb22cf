"""The spec of a stream, and how a feature differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emocli.records.modality import MODALITIES

# Fields that say how a feature was made; a missing field is a value, too.
MADE = (*dict.fromkeys(key for row in MODALITIES.values() for key in row.made), "normalized")
SAMPLED = "sampled"  # how films are looked at
RECORDING = "recording"  # a feature that is relative to the recording it is a part of
MATCHED = ("encoder", "revision", "layer", "pooling", "dim", *MADE)


def timed(spec: Mapping[str, Any]) -> bool:
    """Say whether a stream is a sequence; its `dim` is then that of one frame."""
    # "frames/4" is means of 4, "multiview/frames=8" the tokens of fewer frames.
    return str(spec.get("pooling")).partition("/")[0] in ("frames", "multiview")


def mismatch(spec: Mapping[str, Any], feature: Mapping[str, Any]) -> str | None:
    """Say how a record's feature differs from the spec of a stream; None if it fits."""
    for key in MATCHED:
        expected, found = spec.get(key), feature.get(key)
        if key == "normalized" and expected and found == RECORDING:
            continue  # all there is of a speaker
        if key == SAMPLED and isinstance(found, dict) and isinstance(expected, dict):
            found = {name: found.get(name) for name in expected}  # what it leaves open may be any
        if key == "encoder" and expected and isinstance(found, str):
            found, expected = Path(found).name, Path(expected).name  # its revision says the rest
        if expected is not None and found != expected:
            return f"{key} is {feature.get(key)!r}, not {spec.get(key)!r}"
    for key in MADE:
        if spec.get(key) is None and feature.get(key) is not None:
            return f"{key} is {feature[key]!r}, not none"
    return None
