"""The stream that flags of `encode` describe."""

from __future__ import annotations

from typing import Any

from emocli import encoders, modalities
from emocli.errors import UsageError
from emocli.stages import encode
from emocli.stages.encode import Spec


def custom(modality: str | None, flags: dict[str, Any], name: str | None) -> Spec:
    """Return the stream described by flags, with the defaults of its modality and encoder."""
    known = modalities.names()
    if modality not in known:
        names = " or ".join([", ".join(known[:-1]), known[-1]])
        raise UsageError(f"--encoder and --as need one --modality ({names}), not {modality}")
    for other in known:
        for flag, reason in modalities.load(other).FLAGS.items():
            if flags[flag] and other != modality:
                raise UsageError(reason)
    encoder = flags["encoder"] or ""
    if flags["layer"] and encoders.is_measured(encoder, modality):
        raise UsageError(f"--layer: {encoder} is not a neural network and has no layers")
    kind = modalities.load(modality)
    overrides = {
        key: flags[key] for key in ("encoder", "layer", "pooling") if flags[key] is not None
    }
    spec: Spec = {
        "stream": name or modality,
        "modality": modality,
        **encode.plain(modality, encoder),
        **overrides,
        **kind.settings(flags),
    }
    if isinstance(spec["layer"], str):
        layers = _numbers(spec["layer"])
        if len(layers) > 1 and not kind.SEVERAL_LAYERS:
            raise UsageError(f"--layer {spec['layer']}: an encoder of {modality} takes one layer")
        spec["layer"] = layers if kind.SEVERAL_LAYERS else layers[0]
    return spec


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"--layer {text}: not a number, or numbers such as 1,2") from None
