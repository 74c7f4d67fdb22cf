"""Logits of a face over time: means of seconds, and probabilities of the whole.

Means are taken of logits, not of probabilities (our choice: a geometric mean, so that one frame
that is sure of itself does not decide), each second counting once however many frames it has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BIN_S = 1.0  # our choice: an expression lasts 0.5 to 4 s
DOUBT = 0.5  # bins that say nothing, added to those that do: one second counts 2/3. Our choice.


class Bins(NamedTuple):
    """Means (bins, classes) over times, where each bin starts in s, and its number of frames."""

    starts: NDArray[np.float64]
    means: NDArray[np.float64]
    counts: NDArray[np.int64]


def binned(times: NDArray[np.floating], values: NDArray[np.floating], bin_s: float = BIN_S) -> Bins:
    """Return means of values (frames, classes) at times (frames,) s in bins that start at 0.

    Bins without a frame are left out. Raises ValueError unless both have the same length.

    >>> binned(np.array([0.0, 0.5, 7.2]), np.array([[1.0], [3.0], [5.0]])).means.tolist()
    [[2.0], [5.0]]
    """
    if len(times) != len(values):
        raise ValueError(f"{len(times)} times, {len(values)} values")
    numbers, places, counts = np.unique(
        np.floor(np.asarray(times, np.float64) / bin_s + 1e-9),
        return_inverse=True,
        return_counts=True,
    )
    sums = np.zeros((len(numbers), np.shape(values)[1]))
    np.add.at(sums, places, values)
    return Bins(numbers * bin_s, sums / counts[:, None], counts)


def probabilities(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return softmax(logits / temperature) over the last axis.

    Raises ValueError for a temperature that is not positive. C. Guo et al. 2017, On calibration of
    modern neural networks, https://arxiv.org/abs/1706.04599.

    >>> probabilities(np.array([0.0, np.log(3.0)])).round(2).tolist()
    [0.25, 0.75]
    """
    if not temperature > 0 or not np.isfinite(temperature):
        raise ValueError(f"temperature {temperature} is not positive")
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def overall(
    times: NDArray[np.floating], logits: NDArray[np.floating], temperature: float
) -> NDArray[np.float64]:
    """Return the probabilities (classes,) of a face: the mean over bins, over temperature."""
    return probabilities(binned(times, logits).means.mean(0), temperature)


def shrunk(
    times: NDArray[np.floating], values: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the mean (numbers,) of values (frames, numbers) over seconds, drawn towards 0.

    Frames count by their weights (frames,), from 0 to 1; a second by the mean weight of its frames;
    DOUBT seconds of zeros are added, so that of few frames, or poor ones, little is left.

    >>> shrunk(np.array([0.0, 0.5]), np.array([[3.0], [6.0]]), np.array([1.0, 1.0])).tolist()
    [3.0]
    """
    seconds = binned(times, values * np.asarray(weights)[:, None])
    counted = binned(times, np.asarray(weights, np.float64)[:, None])
    return np.asarray(seconds.means.sum(0) / (counted.means.sum() + DOUBT))
