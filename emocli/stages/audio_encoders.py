"""What turns sound into features, by the encoder's name: Praat, or a pretrained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from emocli.cli import options
from emocli.errors import ConfigError

Spec = dict[str, Any]
Encode = Callable[[Sequence[Any]], list[Any]]  # waveforms (time,) to one float32 array each

PROSODY = "prosody"  # measured: no network, nothing to pull
FRAMES, FUNCTIONALS = "frames", "functionals"
PLAIN = {"encoder": PROSODY, "layer": None, "pooling": FUNCTIONALS}


def load(run: options.Run, spec: Spec) -> tuple[Encode, str]:
    """Return what encodes waveforms, and its revision."""
    return _prosody(spec["pooling"]) if spec["encoder"] == PROSODY else _whisper(run, spec)


def _whisper(run: options.Run, spec: Spec) -> tuple[Encode, str]:
    from emocli import hub
    from emocli.encoders import whisper
    from emocli.pipeline import devices

    folder = hub.resolve(spec["encoder"], offline=run.flags["offline"])
    device = devices.pick(run.flags["device"])
    model = whisper.load(folder, device, devices.numbers(run.flags["dtype"], device))
    encode = partial(whisper.encode, model, layers=spec["layer"], pooling=spec["pooling"])
    return encode, hub.revision(spec["encoder"])


def _prosody(pooling: str) -> tuple[Encode, str]:
    """Return what measures; the revision says which columns, and which Praat."""
    import parselmouth

    from emocli.signals import contour_features, functionals

    measure: Callable[[Any], Any] = contour_features.frames
    if pooling == FUNCTIONALS:
        measure = functionals.vector
    elif pooling != FRAMES:
        measure = _grouped(pooling)
    revision = f"columns:{contour_features.VERSION}+praat:{parselmouth.PRAAT_VERSION}"
    return lambda waves: [measure(wave) for wave in waves], revision


def _grouped(pooling: str) -> Callable[[Any], Any]:
    from emocli.encoders import pooling as pooled
    from emocli.signals import contour_features

    number = pooled.together(pooling)
    if not number:
        hint = f"choose from {FUNCTIONALS}, {FRAMES}, {FRAMES}/N"
        raise ConfigError(f"no pooling '{pooling}' of {PROSODY}", hint=hint)
    return lambda wave: pooled.means(contour_features.frames(wave), number)
