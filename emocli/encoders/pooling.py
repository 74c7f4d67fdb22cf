"""Choose layers, and pool the frames of a recording, which come in pieces, into one vector.

Pooling `statistics` gives the seven of BLEMORE's baseline: mean, standard deviation and five
percentiles of each number over time. Lachmann et al., "Not all Blends are Equal: The BLEMORE
Dataset of Blended Emotion Expressions with Relative Salience Annotations", 2026,
https://arxiv.org/abs/2601.13225.
Our choice: the standard deviation is that of the population, and percentiles are interpolated
linearly, as in numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emocli.encoders import Encoded, Encoder
from emocli.errors import ConfigError

POOLINGS = ("mean", "std", "mean+std", "statistics", "frames")
PERCENTILES = (10, 25, 50, 75, 90)


def layer_of(number: int, last: int) -> int:
    """Return the layer, 0 to `last`, of a number: negative ones count from the last.

    Raises ConfigError for a number out of range.

    >>> layer_of(2, 4), layer_of(-1, 4)
    (2, 4)
    """
    if not -last - 1 <= number <= last:
        raise ConfigError(f"no layer {number}", hint=f"the encoder has 0 to {last}")
    return number % (last + 1)


def layers_of(wanted: int | Sequence[int] | None, last: int) -> list[int]:
    """Return the layers that are wanted, by default the last one; see `layer_of`."""
    numbers = wanted if isinstance(wanted, Sequence) else [-1 if wanted is None else wanted]
    return [layer_of(number, last) for number in numbers]


def statistics(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return (7 x dim,) of frames (time, dim): all means, all standard deviations, and so on."""
    parts = [frames.mean(0)[None], frames.std(0)[None], np.percentile(frames, PERCENTILES, axis=0)]
    return np.concatenate(parts).astype(np.float32).ravel()


def means(frames: NDArray[np.floating], together: int) -> NDArray[np.float32]:
    """Return (groups, dim), the means of groups of `together` frames (time, dim) and of the rest.

    >>> means(np.array([[1.0], [3.0], [5.0]]), 2).tolist()
    [[2.0], [5.0]]
    """
    starts = np.arange(0, len(frames), together)
    sums = np.add.reduceat(frames, starts, axis=0, dtype=np.float64)
    counts = np.diff(starts, append=len(frames))[:, None]
    return (sums / counts).astype(np.float32)


def together(pooling: str) -> int:
    """Return N of "frames/N", 0 of any other name.

    >>> together("frames/5"), together("frames"), together("frames/0")
    (5, 0, 0)
    """
    name, _, number = pooling.partition("/")
    return int(number) if name == "frames" and number.isdecimal() else 0


class Moments:
    """Mean and variance of frames that come in pieces (Chan et al. 1979's merge)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, states: Tensor) -> None:
        """Add `states` (layers, time, dim)."""
        count, total = states.shape[1], self.count + states.shape[1]
        mean = states.mean(1)
        shift = mean - self.mean
        within = (states - mean[:, None]).square().sum(1)
        self.squares = self.squares + within + shift.square() * (self.count * count / total)
        self.mean, self.count = self.mean + shift * (count / total), total

    def result(self, pooling: str) -> NDArray[np.float32]:
        """Return (layers x dim x 1 or 2,), layer by layer."""
        std = (self.squares / self.count).sqrt()
        chosen = {"mean": [self.mean], "std": [std], "mean+std": [self.mean, std]}[pooling]
        return torch.cat(chosen, dim=1).flatten().cpu().numpy()


class Frames:
    """Frames that come in pieces, kept; with the same methods as `Moments`."""

    def __init__(self) -> None:
        self.pieces: list[Tensor] = []

    def add(self, states: Tensor) -> None:
        """Add `states` (layers, time, dim)."""
        self.pieces.append(states.transpose(0, 1).flatten(1))

    def result(self, pooling: str) -> NDArray[np.float32]:
        """Return frames (time, layers x dim), each N or all; or statistics (7 x layers x dim,)."""
        frames = torch.cat(self.pieces).cpu().numpy()
        if number := together(pooling):
            return means(frames, number)
        return statistics(frames) if pooling == "statistics" else frames


def is_known(pooling: str) -> bool:
    """Say whether a name is one of POOLINGS or frames/N."""
    return pooling in POOLINGS or together(pooling) > 0


def pieces(pooling: str) -> Moments | Frames:
    """Return the collector for the frames of one recording; ConfigError for an unknown pooling."""
    if not is_known(pooling):
        hint = f"choose from {', '.join(POOLINGS)}, frames/N; logits of a classifier"
        raise ConfigError(f"unknown pooling '{pooling}'", hint=hint)
    return Moments() if pooling in ("mean", "std", "mean+std") else Frames()


def pooled(frames: Tensor, pooling: str) -> NDArray[np.float32]:
    """Return frames (time, dim), or what one of POOLINGS makes of them."""
    kept = pieces(pooling)
    kept.add(frames[None])
    return kept.result(pooling)


def weighted(encoder: Encoder, weights: Sequence[float], pooling: str) -> Encoder:
    """Return an encoder that pools the weighted mean of the layers that another has as frames.

    The other gives (time, layers x dim); `weights` are shares, one for each layer.
    """
    pieces(pooling)  # raises for an unknown one
    shares = torch.tensor(weights)

    def run(inputs: Sequence[Any]) -> list[Encoded]:
        return [Encoded(mean(values), warning) for values, warning in encoder(inputs)]

    def mean(frames: NDArray[np.float32]) -> NDArray[np.float32]:
        layers = torch.from_numpy(frames).view(len(frames), len(weights), -1)
        return pooled(torch.einsum("l,tld->td", shares, layers), pooling)

    return run


def repeated(count: int, wanted: int) -> str:
    """Return the warning that an encoder of `wanted` frames had fewer, or "".

    >>> repeated(3, 16), repeated(16, 16)
    ('3 of 16 frames, which are repeated', '')
    """
    return f"{count} of {wanted} frames, which are repeated" if count < wanted else ""
