"""What the encoders that measure EEG share: windows in, frames or a vector out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.encoders import Encoded, Encoder
from emocli.errors import ConfigError, RecordError
from emocli.signals import eeg_repair
from emocli.signals.eeg import Eeg

Values = npt.NDArray[np.float32]
Measure = Callable[[Values, Eeg], Values]  # windows (windows, channels, time) -> (windows, dim)

POOLINGS = ("frames", "mean", "std", "mean+std", "statistics")
FRAMES = "frames"


def encoder(measure: Measure, pooling: str) -> Encoder:
    """Return the encoder that measures windows; those that cannot be used are NaN throughout.

    It raises RecordError where no window can be used, ConfigError for an unknown pooling.
    """
    if pooling not in POOLINGS:
        hint = f"choose from {', '.join(POOLINGS)}"
        raise ConfigError(f"unknown pooling '{pooling}' of EEG", hint=hint)

    def encode(recordings: Sequence[Any]) -> list[Encoded]:
        return [finished(measured(measure, eeg), eeg, pooling) for eeg in recordings]

    return encode


def finished(frames: Values, eeg: Eeg, pooling: str, told: Sequence[str] = ()) -> Encoded:
    """Return frames (windows, dim) pooled, and a warning; windows not to be used are NaN.

    RecordError where no window can be used.
    """
    usable = np.isfinite(frames).all(axis=1)
    if not usable.any():
        message, hint = _nothing(eeg)
        raise RecordError("no_good_windows", message, hint=hint)
    lost = int((~usable).sum())
    warnings = [*told, *([f"{lost} of {len(frames)} windows cannot be used"] if lost else [])]
    values = frames if pooling == FRAMES else _pooled(frames[usable], pooling)
    return Encoded(values, "; ".join(warnings))


def measured(measure: Measure, eeg: Eeg) -> Values:
    """Return frames (windows, dim) of a stretch of EEG."""
    parts = []
    for windows, usable in eeg_repair.repaired(eeg):
        values = measure(windows, eeg)
        values[~usable] = np.nan
        parts.append(values)
    if not parts:
        message = f"{eeg.duration:g} s are less than a window of {eeg.window_s:g} s"
        raise RecordError("too_short", message, hint="a shorter --window")
    return np.concatenate(parts)


def _pooled(frames: Values, pooling: str) -> Values:
    from emocli.encoders import pooling as pooled

    if pooling == "statistics":
        return pooled.statistics(frames)
    parts = {"mean": frames.mean(axis=0), "std": frames.std(axis=0)}
    return np.concatenate([parts[name] for name in pooling.split("+")]).astype(np.float32)


def _nothing(eeg: Eeg) -> tuple[str, str]:
    """Return the message and the hint where no window can be used."""
    shares = eeg.wrong.mean(axis=0) if len(eeg.wrong) else np.zeros(len(eeg.names))
    worst = [name for name, share in zip(eeg.names, shares, strict=True) if share == 1.0]
    if not worst:
        return "no window can be used: channels are wrong in all of them", "look at it: plot eeg"
    from emocli.signals.eeg_montage import shown

    return (
        f"no window can be used: {shown(worst)} cannot be used or interpolated",
        f"emocli extract-eeg --channels={','.join(f'-{name}' for name in worst)} leaves it out",
    )
