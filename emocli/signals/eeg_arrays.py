"""EEG that stands as an array in a file that mne does not read: .mat, .dat, .pkl, .npy.

SEED, DEAP, DREAMER, FACED and others are handed out so. Which variable, which part of it, the rate,
the names of its rows and the unit are not in the file: who describes the file has to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np

from emocli.errors import RecordError
from emocli.signals import array_files
from emocli.signals.eeg_files import Recording
from emocli.signals.eeg_kinds import kind_of
from emocli.signals.eeg_units import UV_PER_V, require_plausible, scale

UNIT = "uV"


def read(
    path: str | Path,
    variable: str = array_files.WHOLE,
    index: Sequence[int] = (),
    *,
    names: Sequence[str],
    rate_hz: float,
    unit: str = UNIT,
) -> Recording:
    """Return a recording: a part of a variable, (channels, time) or (time, channels).

    `variable` is "" where the file is one array; `index` goes into its leading axes and counts from
    0. `names` are those of all channels of the array, in order; those that EOG, GSR and the like
    are called are no EEG. `unit` (V, mV or uV) is that of the numbers. Raises RecordError where the
    file is something else, and where the unit is not plausible.
    """
    path = Path(path)
    if not (isfinite(rate_hz) and rate_hz > 0):
        raise RecordError("bad_rate", f"the rate of the samples is {rate_hz} Hz")
    volts = scale([""], unit)[0]
    samples = array_files.load(path, variable, tuple(index))
    samples = _channels_first(samples, len(names), path, variable)
    data = np.array(samples, np.float64)
    data *= volts
    return _recording(data, list(names), float(rate_hz), unit)


def _channels_first(samples: np.ndarray, channels: int, path: Path, variable: str) -> np.ndarray:
    """Return (channels, time) of an array with one axis of channels and one of time."""
    place = f"{path.name}: {variable or 'the array'}"
    if samples.ndim == 2 and samples.shape[0] == channels:
        found = samples
    elif samples.ndim == 2 and samples.shape[1] == channels:
        found = samples.T
    else:
        message = f"{place} is {samples.shape}, not {channels} channels by time"
        hint = "channels names every row, index leads to one trial"
        raise RecordError("wrong_shape", message, hint=hint)
    if found.shape[1] == 0:
        raise RecordError("no_samples", f"{place} has no samples")
    return found


def _recording(data: np.ndarray, names: list[str], rate_hz: float, unit: str) -> Recording:
    """Return the recording of samples in V, (channels, time)."""
    import mne

    kinds = [kind_of(name) for name in names]
    # Doubled names are told by eeg_montage; mne would rename them, with a warning.
    unique = [f"{place} {name}" for place, name in enumerate(names)]
    raw = mne.io.RawArray(data, mne.create_info(unique, rate_hz, kinds), verbose="ERROR")
    places = tuple(place for place, kind in enumerate(kinds) if kind == "eeg")
    pairs = zip(names, kinds, strict=True)
    others = tuple(f"{name} ({kind})" for name, kind in pairs if kind != "eeg")
    if not places:
        raise RecordError("no_channels", f"no EEG channels, only {', '.join(others)}"[:300])
    recording = Recording(
        names=tuple(names[place] for place in places),
        rate_hz=rate_hz,
        samples=data.shape[1],
        marks=(),
        others=others,
        warnings=(),
        raw=raw,
        scales=np.full(len(places), UV_PER_V),
        places=places,
    )
    require_plausible(recording.read, recording.samples, rate_hz, given=unit)
    return recording
