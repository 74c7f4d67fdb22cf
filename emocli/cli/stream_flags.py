"""The stream that flags of `encode` describe."""

from __future__ import annotations

import math
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
        layers, weights = _layers(spec["layer"])
        if (len(layers) > 1 or weights) and not kind.SEVERAL_LAYERS:
            raise UsageError(f"--layer {spec['layer']}: an encoder of {modality} takes one layer")
        spec["layer"] = layers if kind.SEVERAL_LAYERS else layers[0]
        spec |= {"layer_weights": weights} if weights else {}
    return spec


def _layers(text: str) -> tuple[list[int], list[float] | None]:
    """Return the layers that a flag names, and their shares if they have weights.

    >>> _layers("1,2"), _layers("4:1,8:3")
    (([1, 2], None), ([4, 8], [0.25, 0.75]))
    """
    pairs = [part.partition(":") for part in text.split(",")]
    try:
        layers, weights = [int(pair[0]) for pair in pairs], [float(p[2]) for p in pairs if p[1]]
    except ValueError:
        hint = "numbers such as 1,2, or with weights 4:0.2,8:0.8"
        raise UsageError(f"--layer {text}: not a number of a layer", hint=hint) from None
    if not weights:
        return layers, None
    total = math.fsum(weights)
    if len(weights) < len(layers) or min(weights) < 0 or not 0 < total < math.inf:
        message = f"--layer {text}: each layer needs a weight from 0, and one must be above 0"
        raise UsageError(message)
    return layers, [weight / total for weight in weights]
