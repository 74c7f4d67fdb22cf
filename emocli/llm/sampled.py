"""A classifier as a rater: one label drawn from softmax(z / T + persona bias).

The stand-in for an audio language model, our design. z are the classifier's log-probabilities and T
is the rater's temperature, at most 1: a cold rater chooses the likeliest label. The bias is the sum
of the log-probabilities of each modality's own prediction, times the persona's weight for it: a
persona that goes by the tone of voice multiplies in the prediction of the voice. Without
predictions per modality there is no bias, and personas differ by temperature only.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-6  # lower bound of probabilities: the digits that records keep

Floats = NDArray[np.float64]


def distribution(
    probabilities: Sequence[float],
    by_modality: Mapping[str, Sequence[float]],
    leans: Mapping[str, float],
    temperature: float,
) -> Floats:
    """Return the distribution a rater draws from, (labels,).

    `probabilities` are those of the classifier, `by_modality` those of each modality alone, over
    the same labels. Leans to modalities without a prediction are ignored.
    """
    scores = _logs(probabilities) / temperature
    for modality, weight in leans.items():
        if modality in by_modality:
            scores = scores + weight * _logs(by_modality[modality])
    exponentials = np.exp(scores - scores.max())
    shares: Floats = exponentials / exponentials.sum()
    return shares


def draw(shares: Floats, seed: int) -> int:
    """Return the index of a label drawn from shares (labels,) that sum to one."""
    place = np.searchsorted(np.cumsum(shares), random.Random(seed).random(), side="right")
    return min(int(place), len(shares) - 1)


def _logs(probabilities: Sequence[float]) -> Floats:
    return np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))
