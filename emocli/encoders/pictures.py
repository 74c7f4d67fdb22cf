"""Bring pictures of any size into the square that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from emocli.errors import RecordError

Picture = NDArray[np.uint8]  # (height, width, 3), RGB


def require_picture(picture: Any) -> None:
    """Raise RecordError bad_picture for anything but uint8 (height, width, 3) with pixels."""
    shape, dtype = getattr(picture, "shape", None), getattr(picture, "dtype", None)
    if shape is None or len(shape) != 3 or shape[2] != 3 or not min(shape) or dtype != np.uint8:
        raise RecordError("bad_picture", f"not an RGB picture: shape {shape}, type {dtype}")


def owned(picture: Picture) -> Picture:
    """Return a picture as torch takes it: in one piece, and writable, copied if it is not."""
    return np.require(picture, requirements=["C", "W"])


def of_all(inputs: Sequence[Any], none: str) -> list[list[Any]]:
    """Return the `images` of each input; RecordError too_short, with a message, if one has none."""
    found = [list(given.images) for given in inputs]
    if not all(found):
        raise RecordError("too_short", none)
    return found


def at_most(picture: Picture, longest: int) -> Picture:
    """Return a copy of a picture whose longer side has at most so many pixels; never a larger one.

    Scaling is that of `squares`.
    """
    require_picture(picture)
    sides = picture.shape[:2]
    if max(sides) <= longest:
        return picture.copy()
    new = [max(1, round(side * longest / max(sides))) for side in sides]
    values = torch.from_numpy(owned(picture)).permute(2, 0, 1)[None]
    values = F.interpolate(values, new, mode="bilinear", antialias=True)
    return np.ascontiguousarray(values[0].permute(1, 2, 0).numpy())


def squares(pictures: Sequence[Any], size: int, *, centred: bool) -> Tensor:
    """Return pictures as floats 0 to 255 (batch, 3, size, size), channels last in memory.

    Each is scaled so that its longer side has `size` pixels, and lies in the middle or, if not
    `centred`, in the upper left corner; the rest is black. Scaling is bilinear, over all pixels
    that a new one covers (our choice: else thin lines flicker). Raises RecordError for no picture.
    """
    shape = (len(pictures), 3, size, size)
    batch = torch.zeros(shape).contiguous(memory_format=torch.channels_last)
    for place, picture in enumerate(pictures):
        require_picture(picture)
        height, width = picture.shape[:2]
        longest = max(height, width)
        new = [max(1, round(side * size / longest)) for side in (height, width)]
        top, left = ((size - side) // 2 if centred else 0 for side in new)
        values = torch.from_numpy(owned(picture)).permute(2, 0, 1)[None]
        if new != [height, width]:
            values = F.interpolate(values, new, mode="bilinear", antialias=True)
        batch[place, :, top : top + new[0], left : left + new[1]] = values[0]
    return batch
