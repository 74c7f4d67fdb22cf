"""When a record is, in seconds, as far as its fields say so."""

from __future__ import annotations

import math
from typing import Any

from emocli.records.types import Record


def seconds(value: Any) -> float | None:
    """Return a time; None for what is none.

    >>> seconds(2), seconds("soon"), seconds(float("nan"))
    (2.0, None, None)
    """
    known = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if known else None


def duration(record: Record) -> float | None:
    """Return how long the sound of a record is, which several stages note."""
    for name in ("audio", "transcript", "alignment"):
        about = record.get(name)
        known = seconds(about.get("duration")) if isinstance(about, dict) else None
        if known is not None:
            return known
    return None
