"""A classifier as a rater: one label drawn from softmax(z / T + persona bias).

The stand-in for an audio language model, our design. z are the classifier's log-probabilities and T
is the rater's temperature, at most 1: a cold rater says what is likeliest. The bias is what each
modality says alone, as log-probabilities, times how much the persona leans to it: one that goes by
the tone of voice multiplies in the answer of the voice. Without an answer per modality there is no
bias, and personas differ by temperature only.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-6  # a probability below counts as this: the digits that records keep

Floats = NDArray[np.float64]


def distribution(
    probabilities: Sequence[float],
    alone: Mapping[str, Sequence[float]],
    leans: Mapping[str, float],
    temperature: float,
) -> Floats:
    """Return what a rater draws from, (labels,).

    Probabilities over the same labels: of the classifier, and in `alone` of each modality. Leans to
    modalities that are not there count as nothing.
    """
    scores = _logs(probabilities) / temperature
    for modality, weight in leans.items():
        if modality in alone:
            scores = scores + weight * _logs(alone[modality])
    likely = np.exp(scores - scores.max())
    shares: Floats = likely / likely.sum()
    return shares


def draw(shares: Floats, seed: int) -> int:
    """Return the index of a label drawn from shares (labels,) that add to one."""
    place = np.searchsorted(np.cumsum(shares), random.Random(seed).random(), side="right")
    return min(int(place), len(shares) - 1)


def _logs(probabilities: Sequence[float]) -> Floats:
    return np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))
