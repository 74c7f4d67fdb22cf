"""Compute the 52 blendshapes of MediaPipe from points of a face: see `mediapipe_face`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders.mediapipe_face import MIXING

SCALE = 0.5  # of the points
EPSILON = 1.0133e-6  # of the norms: 1e-6 as float16
# Which of the 478 points it takes (face_blendshapes_graph.cc of MediaPipe).
GIVEN = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172,
    173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283,
    284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324,
    332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385,
    386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472,
    473, 474, 475, 476, 477,
)  # fmt: skip
# Left and right are those of the person (the same file; ARKit's names).
NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


def forward(weights: Mapping[str, Tensor], points: Tensor) -> list[Tensor]:
    """Map points (faces, 478, 3 or 2), in pixels of a picture, to the numbers of three layers.

    They are the token of the face, 64 numbers, after half of the blocks and after all, and the 52
    blendshapes of NAMES, 0 to 1. Where the face is and how large does not matter.
    """
    like = weights["mixer.token"]
    flat = points[:, GIVEN, :2]
    flat = flat - flat.mean(1, keepdim=True)
    unit = flat.norm(dim=-1, keepdim=True).mean(1, keepdim=True).clamp_min(1e-6)
    x = (SCALE * flat / unit).to(like)
    x = _linear(weights, "mixer.numbers", _linear(weights, "mixer.points", x.mT).mT)
    x = torch.cat([like.expand(len(x), 1, -1), x], 1)
    tokens = []
    for block in range(MIXING):
        x = x + _perceptron(weights, f"mixer.{block}.across", x, across=True)
        x = x + _perceptron(weights, f"mixer.{block}.within", x, across=False)
        tokens.append(x[:, 0])
    shapes = _linear(weights, "mixer.shapes", x[:, 0]).sigmoid()
    return [tokens[MIXING // 2 - 1], tokens[-1], shapes]


def _perceptron(weights: Mapping[str, Tensor], name: str, x: Tensor, *, across: bool) -> Tensor:
    """Mix tokens (across) or the numbers of each, normalised before, by two layers with ReLU."""
    y = F.layer_norm(x, x.shape[-1:], weights[f"{name}.norm"], eps=EPSILON)
    y = y.mT if across else y
    y = _linear(weights, f"{name}.down", F.relu(_linear(weights, f"{name}.up", y)))
    return y.mT if across else y


def _linear(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
