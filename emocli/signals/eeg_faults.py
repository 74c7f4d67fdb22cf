"""Find windows and channels of EEG that are no EEG: NaN, flat, clipped, too large.

All thresholds are our choice, and lie far from what recordings are like: a mask costs data, a fault
that is missed is later caught by the threshold of artifacts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from emocli.signals.eeg_preparation import ARTIFACT_UV

Mask = npt.NDArray[np.bool_]  # (windows, channels), True where it is so
Array = npt.NDArray[np.floating]

FLAT_UV = 0.5  # a window whose samples are all this close: amplifiers alone have more
STILL_S = 0.5  # a stretch without any change at all: the electrode, or the converter, was off
CLIPPED = 0.02  # share of samples that are exactly the greatest, or the least, of the window
BAD_SHARE = 0.5  # a channel with more bad windows than this is bad
STRANGE = 5.0  # robust z of a channel's log SD among the channels, as in PREP
LEAST_FACTOR = 5.0  # between the SD of such a channel and the median: alpha alone may make 3
MAD = 1.4826  # SD of a normal distribution over its median absolute deviation

KINDS = ("not_finite", "flat", "clipped")  # as recorded; "artifact" after filtering


def faults(windows: Array, rate_hz: float) -> dict[str, Mask]:
    """Return what is wrong with windows (windows, channels, time), uV, as they were recorded.

    `not_finite`: a sample is NaN or infinite. `flat`: nothing changes, all along or for half a
    second. `clipped`: the converter was at its limit. Each is (windows, channels).
    """
    finite: Mask = np.asarray(np.isfinite(windows).all(axis=2))
    with np.errstate(invalid="ignore"):
        low, high = windows.min(axis=2), windows.max(axis=2)
        flat: Mask = np.asarray(high - low < FLAT_UV) | _still(windows, rate_hz)
        clipped: Mask = np.zeros(low.shape, np.bool_)
        for edge in (low, high):
            clipped |= np.asarray((windows == edge[..., None]).mean(axis=2) >= CLIPPED)
    return {"not_finite": ~finite, "flat": flat & finite, "clipped": clipped & finite & ~flat}


def _still(windows: Array, rate_hz: float) -> Mask:
    """Say where half a second of samples are equal, wherever it begins: (windows, channels)."""
    run = max(2, round(STILL_S * rate_hz)) - 1  # samples like the one before them
    if run >= windows.shape[2]:
        return np.zeros(windows.shape[:2], np.bool_)
    equal, length = windows[..., 1:] == windows[..., :-1], 1
    while length < run:  # `equal` says so of stretches of this length
        step = min(length, run - length)
        equal, length = equal[..., :-step] & equal[..., step:], length + step
    return np.asarray(equal.any(axis=2))


def artifacts(windows: Array, threshold_uv: float = ARTIFACT_UV) -> Mask:
    """Say where a filtered window (windows, channels, time) leaves its median by this much."""
    middle = np.median(windows, axis=2, keepdims=True)
    return np.asarray((np.abs(windows - middle) > threshold_uv).any(axis=2))


def any_of(found: Mapping[str, Mask]) -> Mask:
    """Return where anything is wrong."""
    return np.logical_or.reduce(list(found.values()))


def bad_channels(wrong: Mask, sd_uv: Array | None = None) -> Mask:
    """Return the channels that are bad throughout, (channels,).

    A channel is bad if more than half of its windows are wrong, or, given the median SD of every
    channel's windows (channels,) in uV, if that is far from the other channels'.

    Bigdely-Shamlo, N. et al. (2015). The PREP pipeline. https://doi.org/10.3389/fninf.2015.00016
    """
    bad: Mask = wrong.mean(axis=0) > BAD_SHARE
    if sd_uv is None or (~bad).sum() < 4:  # among fewer none is strange
        return bad
    logs = np.log(np.maximum(sd_uv, 1e-9))
    middle = np.median(logs[~bad])
    spread = MAD * np.median(np.abs(logs[~bad] - middle))
    far: Mask = np.abs(logs - middle) > max(STRANGE * float(spread), math.log(LEAST_FACTOR))
    return bad | far


def counts(found: Mapping[str, Mask]) -> dict[str, int]:
    """Return the number of windows and channels of each kind, those of none left out."""
    return {kind: int(mask.sum()) for kind, mask in found.items() if mask.any()}
