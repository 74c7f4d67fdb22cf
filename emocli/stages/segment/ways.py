"""How recordings are cut: the values of --segment and --segments."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from emocli.errors import UsageError

AUTO, NONE, VAD, FIXED = "auto", "none", "vad", "SECONDS"
WINDOWS, EVENTS, ANNOTATIONS = "windows", "events", "annotations"  # of EEG
WORDS = (AUTO, NONE, VAD, WINDOWS, EVENTS, ANNOTATIONS)
LONG_S = 30.0  # a longer recording is cut by itself: the window of Whisper
SHORTEST_S, LONGEST_S = 0.5, 3600.0  # of a fixed window: what encoders take, and 115 MB; our choice


class Way(NamedTuple):
    """Where to cut: at pauses (AUTO, VAD), every so many `seconds` (FIXED), or as a `file` says.

    EEG, which has no pauses, is cut at fixed times by AUTO; at WINDOWS, EVENTS or ANNOTATIONS.
    """

    kind: str
    seconds: float = 0.0
    file: Path | None = None

    @property
    def longest_s(self) -> float:
        """How long a recording may be that is not cut."""
        return LONG_S if self.kind == AUTO else 0.0


def way(text: str, file: Path | None) -> Way:
    """Return the meaning of --segment and --segments; UsageError for what has none.

    >>> way("auto", None).kind, way("12.5", None).seconds
    ('auto', 12.5)
    """
    if file is not None and text not in (AUTO, NONE):
        raise UsageError(f"--segment {text} and --segments {file}: only one can say where to cut")
    if text in WORDS:
        return Way(text, file=file)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not SHORTEST_S <= seconds <= LONGEST_S:
        words = f"neither {', '.join(WORDS)} nor seconds from {SHORTEST_S:g} to {LONGEST_S:g}"
        raise UsageError(f"--segment {text:.40}: {words}")
    return Way(FIXED, seconds)
