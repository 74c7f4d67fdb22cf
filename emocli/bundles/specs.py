"""What a stream must be, and how a feature differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emocli.records.modality import MODALITIES

# What features say of how they were made: that they do not say it is a value, too.
MADE = (*(key for row in MODALITIES.values() for key in row.made), "normalized")
MATCHED = ("encoder", "revision", "layer", "pooling", "dim", *MADE)


def timed(spec: Mapping[str, Any]) -> bool:
    """Say whether a stream is a sequence: its `dim` is then the numbers of one frame."""
    return str(spec.get("pooling")).partition("/")[0] == "frames"  # "frames/4": means of 4


def mismatch(wanted: Mapping[str, Any], feature: Mapping[str, Any]) -> str | None:
    """Say how a record's feature differs from what a stream must be; None when it fits."""
    for key in MATCHED:
        expected = wanted.get(key)
        if expected is not None and feature.get(key) != expected:
            return f"{key} is {feature.get(key)!r}, not {expected!r}"
    for key in MADE:
        if wanted.get(key) is None and feature.get(key) is not None:
            return f"{key} is {feature[key]!r}, not none"
    return None
