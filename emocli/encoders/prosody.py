"""Prosody as features: measured by Praat and on the spectrum, without a network or weights.

`functionals` is 109 numbers of an utterance, in the manner of eGeMAPS; `frames` is 28 numbers 100
times a second (see `signals.functionals` and `signals.contour_features`, which name the sources).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emocli.encoders import Encoded, Encoder, Settings
from emocli.encoders.levels import require_usable
from emocli.errors import ConfigError
from emocli.signals import contour_features, functionals

MODALITY = "audio"
FRAMES, FUNCTIONALS = "frames", "functionals"
PLAIN = {"encoder": "prosody", "layer": None, "pooling": FUNCTIONALS}


def revision() -> str:
    """Return the versions of the columns and of Praat."""
    import parselmouth

    return f"columns:{contour_features.VERSION}+praat:{parselmouth.PRAAT_VERSION}"


def encoder(_folder: Path | None, settings: Settings) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz; it measures them one by one.

    It raises RecordError for less than 0.1 s and for samples that are not finite.
    """
    measure = _measure(settings.pooling)

    def encode(waveforms: Sequence[Any]) -> list[Encoded]:
        for wave in waveforms:
            require_usable(wave)
        return [Encoded(measure(wave)) for wave in waveforms]

    return encode


def _measure(name: str) -> Callable[[Any], Any]:
    if name == FUNCTIONALS:
        return functionals.vector
    if name == FRAMES:
        return contour_features.frames
    from emocli.encoders import pooling  # imports torch

    number = pooling.together(name)
    if not number:
        hint = f"choose from {FUNCTIONALS}, {FRAMES}, {FRAMES}/N"
        raise ConfigError(f"unknown pooling '{name}' of prosody", hint=hint)
    return lambda wave: pooling.means(contour_features.frames(wave), number)
