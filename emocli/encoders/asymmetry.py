"""Asymmetry of EEG: differential entropy of a left electrode minus that of its mirror image.

Pairs are F3 and F4, C3 and C4, ..., as far as a recording has both; no gain of the amplifier
changes a difference. Frames are windows; a frame has all bands of the first pair, then those of the
second, ...
"""

from __future__ import annotations

from pathlib import Path

from emocli.encoders import Encoder, Settings, eeg_features
from emocli.encoders.eeg_features import Values
from emocli.errors import RecordError
from emocli.signals import eeg_bands, eeg_montage
from emocli.signals.eeg import Eeg

MODALITY = "eeg"
PLAIN = {"encoder": "asymmetry", "layer": None, "pooling": "frames", "bands": eeg_bands.LISTED}


def revision() -> str:
    """Return the version of what is measured."""
    return f"bands:{eeg_bands.VERSION}"


def encoder(_folder: Path | None, settings: Settings) -> Encoder:
    """Return the encoder of Eeg: frames (windows, pairs x bands), or their pooling.

    It raises RecordError where no electrode has its mirror image.
    """
    bands = settings.bands or eeg_bands.BANDS

    def measure(windows: Values, eeg: Eeg) -> Values:
        pairs = _pairs(eeg.names)
        power = eeg_bands.band_power(windows, eeg.rate_hz, bands)
        entropy = eeg_bands.differential_entropy(power)
        return eeg_bands.flattened(eeg_bands.asymmetry(entropy, pairs))

    return eeg_features.encoder(measure, settings.pooling)


def _pairs(names: tuple[str, ...]) -> list[tuple[int, int]]:
    found = eeg_montage.pairs(names)
    if not found:
        message = f"no pair of electrodes left and right among {eeg_montage.shown(names)}"
        raise RecordError("no_pairs", message, hint="--encoder differential-entropy needs none")
    return [(names.index(left), names.index(right)) for left, right in found]
