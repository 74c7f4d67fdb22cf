"""Encode faces as 52 blendshapes: how far each movement of a face has gone, 0 to 1.

MediaPipe Face Landmarker, ported to torch (`mediapipe_face` has the sources): 478 points of each
face (`face_mesh`), and from 146 of them the blendshapes (`face_mixer`, whose NAMES they have, in
that order: jawOpen is 25, mouthSmileLeft and Right 44 and 45; the first, _neutral, says nothing).

Layer 0 is the points, 478 times across, down and depth, relative to the face (`face_mesh.level`);
layers 1 and 2 are 64 numbers each on the way to the blendshapes, layer 3 the blendshapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    face_mesh,
    face_mixer,
    mediapipe_face,
    pictures,
    pooling,
    weight_files,
)

MODALITY = "video"
FACES = True  # it takes the crops of a face, not whole frames
POOLINGS = pooling.POOLINGS
LAYERS = 3
UNEQUAL_LAYERS = True
PRESENT = 0.5  # MediaPipe calls what is less sure no face


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of the networks, as `models pull` writes it."""
    return config.get("model_type") == mediapipe_face.KIND


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of faces: of each input its `images`, small pictures (height, width, 3).

    Frames are faces, in order. It raises RecordError for no face and for what is no picture.
    """
    found = weight_files.tensors(folder, "MediaPipe's face landmarker")
    read = weight_files.read(found, mediapipe_face.shapes())
    weights = {name: _placed(tensor, settings) for name, tensor in read.items()}
    layers = pooling.layers_of(settings.layer, LAYERS)
    pooling.pieces(settings.pooling)  # raises for an unknown one

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no face")
        faces = face_mesh.find(weights, [image for several in images for image in several])
        states = [face_mesh.level(faces).flatten(1)]
        states += [s.float().cpu() for s in face_mixer.forward(weights, faces.points)]
        counts = [len(several) for several in images]
        values = torch.split(torch.cat([states[layer] for layer in layers], 1), counts)
        sure = torch.split(faces.presence, counts)
        return [
            Encoded(pooling.pooled(part, settings.pooling), _told(presence))
            for part, presence in zip(values, sure, strict=True)
        ]

    return run


def _placed(tensor: Tensor, settings: Settings) -> Tensor:
    """Return a tensor on its device, filters with the channels last in memory."""
    order = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
    return tensor.to(settings.device, getattr(torch, settings.dtype), memory_format=order)


def _told(presence: Tensor) -> str:
    """Return what is wrong with faces, or ""; their numbers are as good as they get."""
    unsure = int((presence < PRESENT).sum())
    told = f"in {unsure} of {len(presence)} frames no face for the network of points"
    return told if unsure else ""
