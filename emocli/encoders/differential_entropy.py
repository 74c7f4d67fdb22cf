"""Differential entropy of EEG: 1/2 ln(2 pi e variance) of each channel in each band, nats.

Variances are in uV^2 (see `signals.eeg_bands`). Frames are windows; a frame has all bands of the
first channel, then those of the second, ...
"""

from __future__ import annotations

from pathlib import Path

from emocli.encoders import Encoder, Settings, eeg_features
from emocli.encoders.eeg_features import Values
from emocli.signals import eeg_bands
from emocli.signals.eeg import Eeg

MODALITY = "eeg"
PLAIN = {
    "encoder": "differential-entropy",
    "layer": None,
    "pooling": "frames",
    "bands": eeg_bands.LISTED,
}


def revision() -> str:
    """Return the version of what is measured."""
    return f"bands:{eeg_bands.VERSION}"


def encoder(_folder: Path | None, settings: Settings) -> Encoder:
    """Return the encoder of Eeg: frames (windows, channels x bands), or their pooling."""
    bands = settings.bands or eeg_bands.BANDS

    def measure(windows: Values, eeg: Eeg) -> Values:
        power = eeg_bands.band_power(windows, eeg.rate_hz, bands)
        return eeg_bands.flattened(eeg_bands.differential_entropy(power))

    return eeg_features.encoder(measure, settings.pooling)
