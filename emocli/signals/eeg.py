"""EEG that is ready for an encoder: cleaned samples, their electrodes, and which windows to use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.signals import eeg_windows
from emocli.signals.eeg_faults import Mask

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Eeg:
    """A stretch of EEG, filtered, referenced and resampled, cut into windows on a grid."""

    samples: Samples  # (channels, time), uV, finite
    names: tuple[str, ...]  # of the electrodes, 10-20 or 10-05
    rate_hz: float
    wrong: Mask  # (windows, channels): flat, clipped, lost, or an artifact there
    window_s: float = eeg_windows.WINDOW_S
    overlap_s: float = eeg_windows.OVERLAP_S

    @property
    def grid(self) -> eeg_windows.Grid:
        """The windows, in samples."""
        return eeg_windows.grid(self.rate_hz, self.window_s, self.overlap_s)

    @property
    def duration(self) -> float:
        """The seconds of the stretch."""
        return self.samples.shape[1] / self.rate_hz

    def windows(self, together: int = eeg_windows.TOGETHER) -> Iterator[Samples]:
        """Yield all windows, some at a time, (windows, channels, time); they share memory."""
        blocks: list[Any] = [self.samples]
        yield from eeg_windows.windows(blocks, self.grid, together)  # type: ignore[misc]
