"""Encode faces with the expression net of face-api: 256 features and 7 logits for each.

V. Mühler and V. Mandic, face-api 1.7.15, MIT, https://github.com/vladmandic/face-api: four blocks
of depthwise separable convolutions, densely added, a mean over the last 7 x 7 cells and a linear
layer whose classes are in our order. The input is the detector's box as it is, without a margin
(`signals.faces.crop`), in the middle of a black square. Ported from its TypeScript; scaling is ours
(`pictures`).

Pooling `seen` is the mean over the seconds in which the face is seen, drawn towards 0 where frames
are few, small, blurred or turned (`signals.face_averages`, `signals.face_quality`; our choice).

Layer 0 to 2 are the means of the first three blocks (32, 64 and 128 numbers), layer 3 is the 256
features and, behind them, the logits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders import Encoded, Encoder, Settings, face_api_weights, pictures, pooling
from emocli.encoders.face_api_layers import same, separable
from emocli.errors import ConfigError
from emocli.signals import face_averages, face_quality

MODALITY = "video"
FACES = True  # it takes the crops of a face, not whole frames
SEEN = "seen"
POOLINGS = (*pooling.POOLINGS, SEEN)
WIDTHS = (32, 64, 128, 256)
LAYERS = len(WIDTHS) - 1
UNEQUAL_LAYERS = True
CLASSES = 7  # neutral, happy, sad, angry, fearful, disgusted, surprised: as records.labels.EMOTIONS
LOGITS = slice(WIDTHS[-1], WIDTHS[-1] + CLASSES)  # of the numbers of the last layer
INPUT_PX = 112
MEAN_RGB = (122.782, 117.001, 104.298)
POOR = 0.5  # a face that counts less is told
TOGETHER = 16  # faces in a forward pass: fastest of 1 to 32 on a core


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of the expression net, as `models pull` writes it."""
    return config.get("model_type") == face_api_weights.EXPRESSION


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of faces: of each input its `images`, small pictures (height, width, 3).

    Frames are faces, in order. It raises RecordError for no face and for what is no picture.
    """
    weights = face_api_weights.read(folder, face_api_weights.EXPRESSION, shapes(), settings.device)
    weights = {name: tensor.to(getattr(torch, settings.dtype)) for name, tensor in weights.items()}
    wanted = [LAYERS] if settings.layer is None else settings.layer
    chosen = [wanted] if isinstance(wanted, int) else list(wanted)
    layers = [pooling.layer_of(layer, LAYERS) for layer in chosen]
    if settings.pooling != SEEN and not pooling.is_known(settings.pooling):
        hint = f"choose from {', '.join(POOLINGS)}, frames/N"
        raise ConfigError(f"unknown pooling '{settings.pooling}'", hint=hint)

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no face")
        values = _all(weights, [image for several in images for image in several], layers)
        parts = torch.split(values, [len(several) for several in images])
        if settings.pooling == SEEN:
            return [_seen(given, part) for given, part in zip(inputs, parts, strict=True)]
        return [Encoded(pooling.pooled(part, settings.pooling)) for part in parts]

    return run


def _seen(given: Any, frames: Tensor) -> Encoded:
    """Return the mean of frames (faces, dim), each as well as it is seen; say if that is not well.

    `given` has `times` and, if known, the detector's `scores`.
    """
    scores = getattr(given, "scores", None) or [1.0] * len(frames)
    pairs = zip(given.images, scores, strict=True)
    weights = np.array([face_quality.weight(image, score) for image, score in pairs])
    vector = face_averages.shrunk(np.asarray(given.times), frames.numpy(), weights)
    poor = int((weights < POOR).sum())
    told = f"in {poor} of {len(frames)} frames the face is small, blurred or turned" if poor else ""
    return Encoded(vector.astype(np.float32), told)


def _all(weights: Mapping[str, Tensor], images: Sequence[Any], layers: Sequence[int]) -> Tensor:
    """Return the numbers (faces, dim) of some layers, one beside the other."""
    found = []
    for start in range(0, len(images), TOGETHER):
        batch = pictures.squares(images[start : start + TOGETHER], INPUT_PX, centred=True)
        states = forward(weights, batch.to(weights["fc.bias"]))
        found.append(torch.cat([states[layer] for layer in layers], dim=1).float().cpu())
    return torch.cat(found)


def shapes() -> dict[str, face_api_weights.Shape]:
    """Return the shapes of the network's tensors by name."""
    found = face_api_weights.plain("dense0.conv0", 3, WIDTHS[0], 3)
    for block, out in enumerate(WIDTHS):
        for layer in range(4):
            channels = WIDTHS[block - 1] if layer == 0 else out
            if block or layer:
                found |= face_api_weights.separable(f"dense{block}.conv{layer}", channels, out)
    return found | {"fc.weights": (CLASSES, WIDTHS[-1]), "fc.bias": (CLASSES,)}


def forward(weights: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    """Map pictures (batch, 3, 112, 112), 0 to 255, to the numbers (batch, dim) of each layer."""
    x = (x - x.new_tensor(MEAN_RGB)[:, None, None]) / 255
    states = []
    for block in range(len(WIDTHS)):
        x = _block(weights, f"dense{block}", x)
        states.append(x.mean((2, 3)))
    logits = F.linear(states[-1], weights["fc.weights"], weights["fc.bias"])
    return [*states[:-1], torch.cat([states[-1], logits], dim=1)]


def _block(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Halve height and width; each of four convolutions sees the sum of those before."""
    if f"{name}.conv0.filters" in weights:
        first, bias = weights[f"{name}.conv0.filters"], weights[f"{name}.conv0.bias"]
        added = F.relu(F.conv2d(same(x), first, bias, stride=2))
    else:
        added = F.relu(separable(weights, f"{name}.conv0", x, stride=2))
    total = added
    for layer in range(1, 4):
        total = total + separable(weights, f"{name}.conv{layer}", F.relu(total))
    return F.relu(total)
