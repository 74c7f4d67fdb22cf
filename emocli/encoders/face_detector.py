"""Find faces in pictures with the tiny detector of face-api.

V. Mühler and V. Mandic, face-api 1.7.15, MIT, https://github.com/vladmandic/face-api: a small YOLO
v2 (J. Redmon and A. Farhadi 2017, https://arxiv.org/abs/1612.08242) of depthwise separable
convolutions. Ported from its TypeScript: the first layer has no padding, the last pooling has
stride 1, pictures lie in the upper left corner of a black square, from which the mean is
subtracted too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from emocli.encoders import face_api_weights, pictures
from emocli.encoders.face_api_layers import separable
from emocli.encoders.pictures import Picture
from emocli.errors import ConfigError
from emocli.signals import faces

INPUT_PX = 320  # 416 take twice the time, and saw no more faces in our clips
SCORE, OVERLAP = 0.5, 0.4  # the original's defaults
TOGETHER = 2  # pictures in a forward pass: more leave the cache and are slower
MEAN_RGB = (117.001, 114.697, 97.404)
# Width and height of the five boxes that each cell corrects, in cells.
ANCHORS = ((1.603231, 2.094468), (6.041143, 7.080126), (2.882459, 3.518061), (4.266906, 5.178857),
           (9.041765, 10.66308))  # fmt: skip
WIDTHS = (16, 32, 64, 128, 256, 512)  # channels after each layer
CELL_PX = 32
NUMBERS = 5  # of a box: x, y, width, height, score
LARGEST = 9.0  # log of how much larger than its anchor a box may be: far beyond any picture
SLOPE = 0.1  # of the leaky rectifier

Detector = Callable[[Sequence[Picture]], list[faces.Boxes]]


def shapes() -> dict[str, face_api_weights.Shape]:
    """Return the shapes of the network's tensors by name."""
    found = face_api_weights.plain("conv0", 3, WIDTHS[0], 3)
    for layer, (channels, out) in enumerate(itertools.pairwise(WIDTHS), 1):
        found |= face_api_weights.separable(f"conv{layer}", channels, out)
    return found | face_api_weights.plain("conv8", WIDTHS[-1], len(ANCHORS) * NUMBERS, 1)


def load(folder: Path, device: str = "cpu", input_px: int = INPUT_PX) -> Detector:
    """Return what finds the faces of pictures (height, width, 3), uint8 RGB, of any sizes.

    It returns boxes (faces, 5) in pixels of each picture, the surest first, and raises RecordError
    for what is no picture. Raises ConfigError for a folder that does not hold the detector.
    """
    if input_px < CELL_PX or input_px % CELL_PX:
        raise ConfigError(f"{input_px} pixels: not a multiple of {CELL_PX}")
    weights = face_api_weights.read(folder, face_api_weights.DETECTOR, shapes(), device)

    @torch.inference_mode()
    def detect(images: Sequence[Picture]) -> list[faces.Boxes]:
        found = []
        for start in range(0, len(images), TOGETHER):
            batch = images[start : start + TOGETHER]
            square = pictures.squares(batch, input_px, centred=False).to(device)
            cells = forward(weights, square).cpu().numpy()
            found += [boxes(c, image.shape) for c, image in zip(cells, batch, strict=True)]
        return found

    return detect


def forward(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Map pictures (batch, 3, size, size), 0 to 255, to cells (batch, rows, columns, 5, 5)."""
    x = (x - x.new_tensor(MEAN_RGB)[:, None, None]) / 255
    x = F.conv2d(x, weights["conv0.filters"], weights["conv0.bias"])
    for layer in range(1, len(WIDTHS)):  # rectified after pooling: the same, of fewer numbers
        x = F.leaky_relu(F.max_pool2d(x, 2, ceil_mode=True), SLOPE)
        x = separable(weights, f"conv{layer}", x)
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, stride=1)
    x = F.leaky_relu(x, SLOPE)
    x = F.conv2d(x, weights["conv8.filters"], weights["conv8.bias"])
    x = x.permute(0, 2, 3, 1)
    return x.reshape(*x.shape[:3], len(ANCHORS), NUMBERS)


def boxes(cells: NDArray[np.float32], shape: Sequence[int]) -> faces.Boxes:
    """Return the faces (faces, 5) of cells (rows, columns, 5, 5) in a picture of this shape."""
    scores = _sigmoid(cells[..., 4])
    row, column, anchor = np.nonzero(scores > SCORE)
    chosen = cells[row, column, anchor]
    centre = np.stack([column, row], axis=1) + _sigmoid(chosen[:, :2])
    exponents = chosen[:, 2:4].astype(np.float64).clip(max=LARGEST)
    size = np.exp(exponents) * np.array(ANCHORS)[anchor]
    pixels = max(shape[:2]) / len(cells)  # of the picture, in a cell
    found = np.concatenate([centre - size / 2, size], axis=1) * pixels
    scored = np.concatenate([found, scores[row, column, anchor][:, None]], axis=1)
    return faces.suppressed(scored.astype(np.float32), OVERLAP)


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x.astype(np.float64)))
