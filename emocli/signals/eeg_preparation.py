"""How recordings of EEG are prepared for an encoder."""

from __future__ import annotations

from dataclasses import dataclass

AVERAGE, RECORDED = "average", "recorded"  # what channels are referred to
BAND_HZ = (0.5, 75.0)  # by default: delta to gamma, without drift
RATE_HZ = 200.0  # by default, of recordings with a higher one: SEED's
LEAST_RATE_HZ = 1.0
WINDOW_S, OVERLAP_S = 4.0, 2.0  # by default
ARTIFACT_UV = 150.0  # from the median of the window: no brain does that

Edges = tuple[float | None, float | None]


@dataclass(frozen=True)
class Preparation:
    """How samples are prepared; None of a band's edge, a notch or a rate leaves it as recorded."""

    band_hz: Edges | None = None  # None: BAND_HZ, as far as there is
    notch_hz: float | None = None
    reference: str = AVERAGE
    rate_hz: float | None = None  # None: RATE_HZ, or the recording's if that is lower
    window_s: float = WINDOW_S
    overlap_s: float = OVERLAP_S
    channels: tuple[str, ...] = ()  # () is all electrodes; -Fp1 leaves Fp1 out
    artifact_uv: float = ARTIFACT_UV
