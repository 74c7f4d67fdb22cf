"""Find 478 points of a face with the network of MediaPipe: see `mediapipe_face`.

The network wants an upright face in the middle of a square that is one and a half times as large as
its points. So it looks twice: at a square around the middle of the picture, then at the one that
the points it found there ask for, turned by the line of the eyes, as MediaPipe does from frame to
frame; and once more where the head is tilted. The picture is the detector's box as it is; beyond it
its border goes on (our choice: with a margin of a quarter around the box the blendshapes of 44
faces were as close to those of MediaPipe, .027 on average instead of .030; between MediaPipe's own
modes, for pictures and for films, it is .023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders import mediapipe_face, pictures

INPUT_PX = 256
FIRST = 1.15  # of the longer side of a picture, the first square: closest of 1 to 1.5
LARGER = 1.5  # a square than the box of the points (MediaPipe's)
TILTED_RAD = (
    0.2  # by so much a square may be turned against the one that its points ask for. Our choice
)
CORNERS = (33, 263)  # of the eyes, the outer ones
# A square may have so much of the first, and its middle lies in the picture; else the first counts.
# Our choice: those of 44 faces of films had .93 to 1.16.
LEAST, MOST = 0.25, 4.0
TOGETHER = 8  # pictures in a forward pass: on a core more are hardly faster


class Squares(NamedTuple):
    """Squares in pictures: middle (faces, 2), side (faces,) in pixels, angle (faces,) in rad."""

    middle: Tensor
    side: Tensor
    angle: Tensor


class Found(NamedTuple):
    """Points (faces, 478, 3) in pixels of each picture, depth in the same; how sure; squares."""

    points: Tensor
    presence: Tensor  # (faces,), 0 to 1
    squares: Squares


def find(weights: Mapping[str, Tensor], images: Sequence[Any]) -> Found:
    """Return the points of faces in pictures (height, width, 3), uint8 RGB, of any sizes.

    Raises RecordError for no picture.
    """
    for image in images:
        pictures.require_picture(image)
    sizes = torch.tensor([image.shape[1::-1] for image in images], dtype=torch.float32)
    whole = Squares(sizes / 2, FIRST * sizes.amax(1), torch.zeros(len(images)))
    found = look(weights, images, whole)
    for tilt in (-1.0, TILTED_RAD):  # the second look is at all
        wanted = _sensible(squares_around(found.points), whole, sizes)
        (again,) = torch.nonzero((wanted.angle - found.squares.angle).abs() > tilt, as_tuple=True)
        if len(again):
            seen = look(weights, [images[n] for n in again], Squares(*(w[again] for w in wanted)))
            found = _replaced(found, again, seen)
    return found


def _replaced(found: Found, places: Tensor, by: Found) -> Found:
    """Return what was found, with what was found later in some places."""
    points, presence = (
        one.index_copy(0, places, new) for one, new in zip(found[:2], by[:2], strict=True)
    )
    squares = (one.index_copy(0, places, new) for one, new in zip(found[2], by[2], strict=True))
    return Found(points, presence, Squares(*squares))


def _sensible(wanted: Squares, whole: Squares, sizes: Tensor) -> Squares:
    """Return the wanted squares, but the first for those that cannot hold the face of a picture."""
    share = wanted.side / whole.side
    inside = ((wanted.middle >= 0) & (wanted.middle <= sizes)).all(1)
    good = (share >= LEAST) & (share <= MOST) & inside
    middle = torch.where(good[:, None], wanted.middle, whole.middle)
    parts = zip(wanted[1:], whole[1:], strict=True)
    return Squares(middle, *(torch.where(good, one, other) for one, other in parts))


def squares_around(points: Tensor) -> Squares:
    """Return the squares around points (faces, 478, 3), with the eyes level."""
    least, most = points[..., :2].amin(1), points[..., :2].amax(1)
    left, right = (points[:, corner] for corner in CORNERS)
    angle = torch.atan2(right[:, 1] - left[:, 1], right[:, 0] - left[:, 0])
    return Squares((least + most) / 2, LARGER * (most - least).amax(1), angle)


def look(weights: Mapping[str, Tensor], images: Sequence[Any], squares: Squares) -> Found:
    """Return the points that the network finds in one square of each picture."""
    like = weights["mesh.first.bias"]
    points, presence = [], []
    for start in range(0, len(images), TOGETHER):
        some = range(start, min(start + TOGETHER, len(images)))
        batch = torch.stack([_cut(images[n], *(part[n] for part in squares)) for n in some])
        batch = batch.to(like, memory_format=torch.channels_last)
        seen, sure = forward(weights, batch)
        points.append(seen.float().cpu())
        presence.append(sure.float().cpu())
    return Found(_placed(torch.cat(points), squares), torch.cat(presence).sigmoid(), squares)


def _cut(image: Any, middle: Tensor, side: Tensor, angle: Tensor) -> Tensor:
    """Return a square (3, 256, 256) of a picture, 0 to 1; beyond its border the border goes on."""
    height, width = image.shape[:2]
    turned = _turning(angle) * side / torch.tensor([[width], [height]])
    shift = 2 * middle / torch.tensor([width, height]) - 1
    grid = F.affine_grid(
        torch.cat([turned, shift[:, None]], 1)[None], [1, 3, INPUT_PX, INPUT_PX], False
    )
    values = torch.from_numpy(pictures.owned(image)).permute(2, 0, 1)[None].float() / 255
    return F.grid_sample(values, grid, padding_mode="border", align_corners=False)[0]


def _turning(angle: Tensor) -> Tensor:
    """Return matrices (..., 2, 2) that turn by angles."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def _placed(points: Tensor, squares: Squares) -> Tensor:
    """Bring points (faces, 478, 3) in pixels of the network's input into the pictures."""
    scale = (squares.side / INPUT_PX)[:, None, None]
    centred = (points[..., :2] - INPUT_PX / 2) * scale
    flat = centred @ _turning(squares.angle).mT + squares.middle[:, None]
    return torch.cat([flat, points[..., 2:] * scale], -1)


def level(found: Found) -> Tensor:
    """Return points (faces, 478, 3) relative to the face: the eyes level, the mean at 0.

    The unit is the mean distance of the points from the middle, across and down (our choice; that
    of the blendshapes' network, over all points).
    """
    centred = found.points - found.points.mean(1, keepdim=True)
    flat = centred[..., :2] @ _turning(found.squares.angle)
    unit = flat.norm(dim=-1).mean(1)[:, None, None].clamp_min(1e-6)
    return torch.cat([flat, centred[..., 2:]], -1) / unit


def forward(weights: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Map squares (batch, 3, 256, 256), 0 to 1, to points (batch, 478, 3) and presence (batch,).

    Points are in pixels of the square, presence is a logit.
    """
    x = F.pad(x, (0, 1, 0, 1))  # TensorFlow's "same" at stride 2
    x = _convolved(weights, "mesh.first", x, stride=2)
    x = F.prelu(x, weights["mesh.first.slope"])
    for name, channels, out, halves in mediapipe_face.blocks():
        y = _convolved(weights, f"{name}.narrow", x, stride=2 if halves else 1)
        y = F.prelu(y, weights[f"{name}.narrow.slope"])
        y = _convolved(weights, f"{name}.depth", y, padding=1)
        y = _convolved(weights, f"{name}.widen", y)
        if halves:
            x = F.pad(F.max_pool2d(x, 2), (0, 0, 0, 0, 0, out - channels))
        x = F.prelu(x + y, weights[f"{name}.slope"])
    points, presence = (_convolved(weights, f"mesh.{n}", x) for n in ("points", "presence"))
    return points.reshape(len(x), mediapipe_face.POINTS, 3), presence.flatten()


def _convolved(
    weights: Mapping[str, Tensor], name: str, x: Tensor, stride: int = 1, padding: int = 0
) -> Tensor:
    """Convolve, depthwise where a filter has one channel."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    groups = x.shape[1] // kernel.shape[1]
    return F.conv2d(x, kernel, bias, stride=stride, padding=padding, groups=groups)
