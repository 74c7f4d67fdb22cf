"""The two views of a film that Emotion-LLaMAv2 takes: one frame in detail, and many coarsely.

Emotion-LLaMAv2 and MMEVerse, 2026, https://arxiv.org/abs/2601.16449, and its released code,
https://github.com/ooochen-30/Emotion-LLaMA-v2. Of the key frame, 448 pixels wide, each 4 patches
that follow each other in reading order are concatenated to one token; of each of 16 frames the
grid of patches is averaged to 2 x 2 tokens. The class token is in neither.

Our choices: the key frame is the one in the middle of those sampled, the 16 are spread evenly over
them (the code takes 16 neighbours at random), and in `both`, which is one sequence, tokens of the
temporal view have zeros behind their numbers, to the width of the others.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.errors import ConfigError

NAME = "multiview"
BOTH, GLOBAL, TEMPORAL = "both", "global", "temporal"
LARGEST = {"global": 4096, "merge": 64, "frames": 4096, "grid": 64}


@dataclass(frozen=True)
class Views:
    """Which views, and their sizes.

    `global_` is the side of the key frame in pixels, `merge` the patches of it in a token, `frames`
    those of the temporal view, `grid` the tokens along a side of each of them.
    """

    view: str = BOTH
    global_: int = 448
    merge: int = 4
    frames: int = 16
    grid: int = 2


def parsed(pooling: str) -> Views | None:
    """Return the views that a pooling names: multiview or multiview/KEY=VALUE,...; None of others.

    Keys are view (both, global, temporal), global, merge, frames and grid. Raises ConfigError.

    >>> parsed("multiview/frames=8,view=temporal").frames
    8
    """
    name, _, rest = pooling.partition("/")
    if name != NAME:
        return None
    views = Views()
    for part in rest.split(",") if rest else ():
        key, _, value = part.partition("=")
        if key == "view" and value in (BOTH, GLOBAL, TEMPORAL):
            views = replace(views, view=value)
        elif value.isascii() and value.isdigit() and 1 <= int(value) <= LARGEST.get(key, 0):
            sizes: dict[str, Any] = {"global_" if key == "global" else key: int(value)}
            views = replace(views, **sizes)
        else:
            known = ",".join(f"{k.rstrip('_')}={v}" for k, v in asdict(Views()).items())
            raise ConfigError(f"unknown pooling '{pooling}': {part:.60}", hint=f"{NAME}/{known}")
    return views


def spread(count: int, wanted: int) -> list[int]:
    """Return the numbers of frames that are spread evenly over `count`; some twice if too few.

    >>> spread(6, 3), spread(2, 4)
    ([1, 3, 5], [0, 0, 1, 1])
    """
    return [(2 * place + 1) * count // (2 * wanted) for place in range(wanted)]


def merged(patches: Tensor, count: int) -> Tensor:
    """Return tokens (patches / count, count x dim) of the key frame's patches (patches, dim).

    >>> merged(torch.arange(4.0)[:, None], 2).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    return patches.reshape(len(patches) // count, count * patches.shape[1])


def averaged(patches: Tensor, rows: int, grid: int) -> Tensor:
    """Return tokens (frames x grid x grid, dim) of patches (frames, patches, dim) in so many rows.

    Tokens are in the order of time, and in reading order within a frame.
    """
    frames, count, dim = patches.shape
    maps = patches.transpose(1, 2).reshape(frames, dim, rows, count // rows)
    return F.adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2).reshape(-1, dim)


def together(detail: Tensor | None, coarse: Tensor | None) -> Any:
    """Return the tokens of the views as one sequence (tokens, dim), the key frame's first."""
    found = [tokens for tokens in (detail, coarse) if tokens is not None]
    width = max(tokens.shape[1] for tokens in found)
    return torch.cat([F.pad(tokens, (0, width - tokens.shape[1])) for tokens in found]).numpy()


def require_whole(patches: tuple[int, int], views: Views) -> None:
    """Raise ConfigError if the key frame's patches do not make whole tokens."""
    if math.prod(patches) % views.merge:
        message = f"{NAME}: {patches[0]} x {patches[1]} patches are no multiple of {views.merge}"
        raise ConfigError(message, hint=f"another size: --pooling {NAME}/global=PIXELS")
