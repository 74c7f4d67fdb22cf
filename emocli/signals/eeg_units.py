"""Units of EEG: what the numbers of a file are, and whether that can be.

EEG has an SD of some 10 uV. A file whose header gives no unit, or the wrong one, is read as 10 V: a
million times too much, which no later step would notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError

Array = npt.NDArray[np.float64]

UV_PER_V = 1e6
VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "μV": 1e-6, "nV": 1e-9}
UNITS = ("V", "mV", "uV")  # that a person may give
LARGEST_SD_UV = 1000.0  # our choice: 20 times that of loud EEG, a 20th of EEG in mV read as V
LEAST_SD_UV = 0.01  # our choice: below the noise of every amplifier
USUAL_SD_UV = 10.0
PIECES = 30  # seconds that are looked at, evenly over the recording


def scale(labels: Sequence[str], unit: str | None) -> Array:
    """Return what mne's volts are multiplied by where the numbers of the file are in `unit`.

    `labels` are the units in the header. 1 without `unit`.
    """
    if unit is None:
        return np.ones(len(labels))
    if unit not in UNITS:
        raise RecordError("wrong_unit", f"unknown unit {unit}", hint=f"one of {', '.join(UNITS)}")
    return np.array([VOLTS[unit] / VOLTS.get(label, 1.0) for label in labels])


def typical_sd_uv(read: Callable[[int, int], Array], samples: int, rate_hz: float) -> float:
    """Return the median over channels and seconds of the SD within a second, uV.

    Channels that do not move, and seconds that contain NaN, do not count; NaN if none is left.
    """
    size = max(2, min(samples, round(rate_hz)))
    starts = np.unique(np.linspace(0, samples - size, PIECES).astype(int))
    with np.errstate(over="ignore", invalid="ignore"):  # what is no EEG may be of any size
        found = np.stack([read(int(start), int(start) + size).std(axis=1) for start in starts])
    moving = found[found > 0]  # NaN is not
    return float(np.median(moving)) if len(moving) else float("nan")


def require_plausible(
    read: Callable[[int, int], Array],
    samples: int,
    rate_hz: float,
    *,
    labels: Sequence[str] = (),
    given: str | None = None,
) -> None:
    """Raise RecordError where the samples in uV are much too large or too small to be EEG.

    They were read as numbers in the unit that was `given`, or else in those of the header, `labels`
    (V where it has none); the hint is the unit in which the numbers would be EEG, if there is one.
    """
    sd_uv = typical_sd_uv(read, samples, rate_hz)
    if not (sd_uv > LARGEST_SD_UV or sd_uv < LEAST_SD_UV):
        return  # NaN, too: nothing moves, which is told elsewhere
    message = f"the typical SD is {sd_uv:.3g} uV, that of EEG is some 10 uV"
    named = [label for label in labels if label in VOLTS]
    read_as = given or (max(named, key=named.count) if named else "V")
    probable = _probable(sd_uv / UV_PER_V / VOLTS[read_as])
    if probable is None:
        hint = "in no unit would the numbers be EEG"
    else:
        hint = f"probably the numbers are {probable}, read as {read_as}"
        hint += f": emocli extract-eeg --unit {probable}"
    raise RecordError("wrong_unit", message, hint=hint)


def _probable(sd: float) -> str | None:
    """Return the unit in which numbers of such an SD are closest to EEG, if they can be EEG.

    >>> _probable(15.0), _probable(2e-5), _probable(1e9)
    ('uV', 'V', None)
    """
    sizes = {unit: sd * VOLTS[unit] * UV_PER_V for unit in UNITS}
    fitting = {u: size for u, size in sizes.items() if LEAST_SD_UV <= size <= LARGEST_SD_UV}
    return min(fitting, key=lambda u: abs(math.log(fitting[u] / USUAL_SD_UV)), default=None)
