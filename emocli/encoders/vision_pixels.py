"""Bring frames to what a network of vision takes, as the files of its checkpoint say.

`preprocessor_config.json` (of networks of clips `video_preprocessor_config.json`) says how frames
are scaled, cut and normalised, in the words of transformers,
https://huggingface.co/docs/transformers/main_classes/image_processor. Scaling is torch's, over all
pixels that a new one covers, in 8 bits: within 1 of 255 of Pillow's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders import weight_files
from emocli.encoders.pictures import Picture, require_picture
from emocli.errors import ConfigError

OF_IMAGES = ("preprocessor_config.json", "processor_config.json")
OF_CLIPS = ("video_preprocessor_config.json", *OF_IMAGES)
PARTS = ("video_processor", "image_processor")  # of processor_config.json
MODES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
BILINEAR = 2
LARGEST = 4096  # pixels of a side
NARROW = 16  # times longer than wide: of such a picture only the middle is scaled. Our choice.


@dataclass(frozen=True)
class Pixels:
    """How a frame becomes numbers. Sizes are (height, width)."""

    mean: tuple[float, ...]  # of red, green, blue, of 1
    sd: tuple[float, ...]
    edge: int | None = None  # to which the shorter side is scaled
    size: tuple[int, int] | None = None  # to which a frame is scaled, whatever its shape
    crop: tuple[int, int] | None = None  # from the middle
    mode: str = "bilinear"
    scale: float = 1 / 255

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of what a network gets."""
        found = self.crop or self.size
        assert found is not None
        return found

    def of(self, side: int) -> Pixels:
        """Return the same for pictures (side, side)."""
        edge = self.edge and max(side, round(self.edge * side / self.shape[0]))
        return replace(self, edge=edge, size=self.size and (side, side), crop=(side, side))


def read(folder: Path, names: Sequence[str]) -> Pixels:
    """Return what the first of these files says that is there; ConfigError if none makes sense."""
    for name in names:
        if weight_files.is_there(path := folder / name):
            said = weight_files.json_object(path)
            said = next((said[part] for part in PARTS if part in said), said)
            try:
                return _said(said)
            except weight_files.UNUSABLE as error:
                message = f"{path} does not say how frames are brought to size: {error!s:.200}"
                raise ConfigError(message, hint=weight_files.AGAIN) from None
    message = f"{folder} is not a whole encoder of video: no {names[0]}"
    raise ConfigError(message, hint=weight_files.AGAIN)


def _said(said: Mapping[str, Any]) -> Pixels:
    crops = said.get("do_center_crop", "crop_size" in said)
    crop = _sides(said["crop_size"]) if crops else None
    if not said.get("do_resize", True):
        raise ValueError("frames of any size are not scaled")
    edge, size = _scaled(said["size"], bool(crops))
    scaled = size or (edge or 0, edge or 0)
    if (shape := crop or size) is None or any(s < n for s, n in zip(scaled, shape, strict=True)):
        raise ValueError(f"{shape} pixels of {scaled}")
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    sd: tuple[float, ...] = (1.0, 1.0, 1.0)
    if said.get("do_normalize", True):
        mean, sd = (_three(said[key]) for key in ("image_mean", "image_std"))
    scale = float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0
    if not (min(sd) > 0 and math.isfinite(scale)):
        raise ValueError(f"image_std {sd}, rescale_factor {scale}")
    return Pixels(mean, sd, edge, size, crop, MODES[said.get("resample") or BILINEAR], scale)


def _scaled(said: Any, crops: bool) -> tuple[int | None, tuple[int, int] | None]:
    """Return the length of the shorter side, or height and width.

    A number alone is the first where the middle is cut out, as older files have it.
    """
    if isinstance(said, Mapping) and "shortest_edge" in said:
        return _pixels(said["shortest_edge"]), None
    if isinstance(said, int) and crops:
        return _pixels(said), None
    return None, _sides(said)


def _sides(said: Any) -> tuple[int, int]:
    if isinstance(said, Mapping):
        return _pixels(said["height"]), _pixels(said["width"])
    return _pixels(said), _pixels(said)


def _pixels(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError(f"a side of {value!r:.60} pixels")
    return value


def _three(values: Any) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise ValueError(f"{values!r:.60} are not three numbers")
    return found


def batches(pictures: Sequence[Picture], how: Pixels, together: int) -> Iterator[Tensor]:
    """Yield numbers (batch, 3, height, width) of so many pictures at a time."""
    for start in range(0, len(pictures), together):
        yield of(pictures[start : start + together], how)


def of(pictures: Sequence[Picture], how: Pixels) -> Tensor:
    """Return the numbers (batch, 3, height, width); RecordError bad_picture for no picture."""
    raw = torch.cat([_cut(_resized(picture, how), how) for picture in pictures]).float()
    mean, sd = (torch.tensor(values)[:, None, None] for values in (how.mean, how.sd))
    return (raw * how.scale - mean) / sd


def _resized(picture: Picture, how: Pixels) -> Tensor:
    """Return a picture (1, 3, height, width) of 8 bits, scaled."""
    require_picture(picture)
    picture = _middle(picture) if how.edge else picture
    height, width = picture.shape[:2]
    new = how.size or (height, width)
    if how.edge:
        shorter = min(height, width)
        new = (how.edge * height // shorter, how.edge * width // shorter)
    values = torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]
    if new == (height, width):
        return values
    return F.interpolate(values, new, mode=how.mode, antialias=how.mode != "nearest")


def _middle(picture: Picture) -> Picture:
    """Return the middle of a picture that is so narrow that scaling it takes all memory."""
    height, width = picture.shape[:2]
    most = NARROW * min(height, width)
    down, across = (max(0, (side - most) // 2) for side in (height, width))
    return picture[down : down + most, across : across + most]


def _cut(values: Tensor, how: Pixels) -> Tensor:
    if how.crop is None:
        return values
    top, left = ((have - want) // 2 for have, want in zip(values.shape[2:], how.crop, strict=True))
    return values[:, :, top : top + how.crop[0], left : left + how.crop[1]]
