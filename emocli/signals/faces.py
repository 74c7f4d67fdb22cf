"""Boxes around faces: which are one face, how many are kept, and the pictures inside.

A box is x, y, width, height and score: pixels of the frame from its upper left corner, a score from
0 to 1. Boxes may reach beyond the frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]  # (faces, 5)
Picture = NDArray[np.uint8]  # (height, width, 3)

MOST_FACES = 16  # of a frame that are kept: our choice, beyond it nobody is looked at


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union (faces, faces) of each box with each other one.

    >>> overlaps(np.array([[0, 0, 2, 2, 1.0]]), np.array([[1, 0, 2, 2, 1.0]])).round(3).tolist()
    [[0.333]]
    """
    a, b = (boxes.astype(np.float64) for boxes in (first[:, None], second[None]))
    ends = np.minimum(a[..., :2] + a[..., 2:4], b[..., :2] + b[..., 2:4])
    shared = (ends - np.maximum(a[..., :2], b[..., :2])).clip(0).prod(-1)
    union = a[..., 2:4].prod(-1) + b[..., 2:4].prod(-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def suppressed(boxes: Boxes, overlap: float) -> Boxes:
    """Return the boxes, the surest first, without those that overlap a surer one by more.

    Of equals the last comes first, as in face-api.

    >>> suppressed(np.array([[0, 0, 9, 9, .6], [0, 1, 9, 9, .9], [50, 0, 9, 9, .7]]), 0.4)[:, 4]
    array([0.9, 0.7])
    """
    boxes = boxes[np.argsort(boxes[:, 4], kind="stable")[::-1]]
    shared = overlaps(boxes, boxes)
    kept: list[int] = []
    for place in range(len(boxes)):
        if not (shared[place, kept] > overlap).any():
            kept.append(place)
    return boxes[kept]


def largest(boxes: Boxes, most: int = MOST_FACES) -> tuple[Boxes, int]:
    """Return the `most` boxes of the greatest area, in their order, and how many were left out."""
    if len(boxes) <= most:
        return boxes, 0
    order = np.argsort(-boxes[:, 2].astype(np.float64) * boxes[:, 3], kind="stable")
    return boxes[np.sort(order[:most])], len(boxes) - most


def crop(picture: Picture, box: NDArray[np.floating]) -> Picture | None:
    """Return the picture inside a box as it is, cut at the borders; None if nothing is left.

    Without a margin, and rounded down, as face-api does: its expression net was trained on such
    crops, and a margin of a quarter costs it 30 points of accuracy.
    """
    height, width = picture.shape[:2]
    x, y = (max(float(value), 0.0) for value in box[:2])
    right, bottom = (float(box[axis] + box[axis + 2]) for axis in (0, 1))
    across, down = int(min(right - x, width - x)), int(min(bottom - y, height - y))
    inside = picture[int(y) : int(y) + max(down, 0), int(x) : int(x) + max(across, 0)]
    return inside if inside.size else None
