"""The cleaned samples of EEG themselves, for models that filter them (eegnet).

A frame is a sample of all channels, in standard deviations of the channel within the stretch, so
that electrodes with large amplitudes do not rule (our choice). Samples in windows that cannot be
used are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emocli.encoders import Encoded, Encoder, Settings
from emocli.encoders.eeg_features import Values
from emocli.errors import ConfigError, RecordError
from emocli.signals import eeg_repair
from emocli.signals.eeg import Eeg

MODALITY = "eeg"
PLAIN = {"encoder": "eeg-signal", "layer": None, "pooling": "frames"}
LEAST_SD_UV = 1e-6  # of a channel: below it nothing moves


def revision() -> str:
    """Return the version of what is handed on."""
    return "samples:1"


def encoder(_folder: Path | None, settings: Settings) -> Encoder:
    """Return the encoder of Eeg: frames (time, channels)."""
    if settings.pooling != "frames":
        message = f"unknown pooling '{settings.pooling}' of eeg-signal"
        raise ConfigError(message, hint="it has frames only")

    def encode(recordings: Sequence[Any]) -> list[Encoded]:
        return [_encoded(eeg) for eeg in recordings]

    return encode


def _encoded(eeg: Eeg) -> Encoded:
    samples = _repaired(eeg)
    good = np.isfinite(samples).all(axis=1)
    if not good.any():
        raise RecordError("no_good_windows", "no window can be used")
    mean, sd = samples[good].mean(axis=0), samples[good].std(axis=0)
    lost = 1 - good.mean()
    warning = f"{lost:.0%} of the samples cannot be used" if lost else ""
    values = (samples - mean) / np.maximum(sd, LEAST_SD_UV)
    return Encoded(np.ascontiguousarray(values, np.float32), warning)


def _repaired(eeg: Eeg) -> Values:
    """Return samples (time, channels) with repaired windows in place; NaN where none is usable."""
    samples = np.array(eeg.samples.T, np.float32)
    place = 0
    for windows, usable in eeg_repair.repaired(eeg):
        for window, is_usable in zip(windows, usable, strict=True):
            part = slice(place * eeg.grid.step, place * eeg.grid.step + eeg.grid.size)
            if eeg.wrong[place].any():
                samples[part] = window.T if is_usable else np.nan
            place += 1
    return samples[: (place - 1) * eeg.grid.step + eeg.grid.size]  # behind it nobody looked
