"""The shares of classes among records, found from a predictor's own probabilities by EM.

M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a classifier to new a priori
probabilities: a simple procedure", Neural Computation 14(1), 2002,
https://doi.org/10.1162/089976602753284446. Where only the shares of the classes have changed since
training, a posterior is right again once it is multiplied by new share / share in training and made
to add to one (their equation 2.4); unknown shares are those of greatest likelihood (2.9).

Ours: a record may have a training share of its own (a voice and a sentence were learned from other
corpora), so that records are given as evidence, log posterior - log share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDS = 1000  # at most
SMALLEST_STEP = 1e-6  # of any share; our choice


def estimated(evidence: Floats, start: Floats) -> Floats:
    """Return the shares (classes,) of greatest likelihood of `evidence` (records, classes).

    Evidence is log posterior - log share in training, up to a constant in each record. EM goes from
    `start`, positive shares, until no share changes by more than 1e-6. ValueError without records.

    >>> evidence = np.log([[4.0, 1.0], [4.0, 1.0], [1.0, 4.0]])
    >>> estimated(evidence, np.array([0.5, 0.5])).round(3).tolist()
    [0.778, 0.222]
    """
    if not len(evidence):
        raise ValueError("no records")
    likelihood = np.exp(evidence - evidence.max(1, keepdims=True))
    shares = start / start.sum()
    for _ in range(ROUNDS):
        joint = likelihood * shares
        found = (joint / joint.sum(1, keepdims=True)).mean(0)
        moved = np.abs(found - shares).max()
        shares = found
        if moved < SMALLEST_STEP:
            break
    return shares
