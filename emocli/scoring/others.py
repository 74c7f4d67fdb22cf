"""What other speakers say of the stimulus of a record: majorities and means, arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Others:
    """The labels that other speakers gave to the stimulus of each row of a frame.

    `rows` are the rows of a frame that have a stimulus, `stimulus` and `speaker` the numbers of
    each. `count` is how many rows of other speakers have the same stimulus.
    """

    def __init__(self, rows: Ints, stimulus: Ints, speaker: Ints) -> None:
        self.rows, self.stimulus, self._speaker = rows, stimulus, speaker
        pairs = np.stack([stimulus, speaker], 1)
        _, own = np.unique(pairs, axis=0, return_inverse=True)
        self._own = own.reshape(-1)
        self.count = self.sums(np.ones((len(rows), 1)))[0][:, 0]

    def sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sum values (rows, columns) of other speakers: on the same stimulus, and on any.

        The values are those of `rows`, in their order; a value that is 0 throughout stays 0.
        """
        same = _by(self.stimulus, values) - _by(self._own, values)
        anywhere = values.sum(0) - _by(self._speaker, values)
        return same, anywhere

    def majority(self, values: Floats) -> Ints:
        """Return the column with the most votes (rows, columns) of the others, (rows,).

        Of equally many the one that other speakers gave most often to any stimulus, then the first
        (our choice); so too where no other speaker has the stimulus.
        """
        same, anywhere = self.sums(values)
        most = same >= same.max(1, keepdims=True)
        found: Ints = np.where(most, anywhere, -1.0).argmax(1)
        return found

    def mean(self, values: Floats) -> Floats:
        """Return the mean of the others' values (rows, columns), leaving out NaN.

        Where no other speaker has the stimulus it is their mean over all stimuli.
        """
        there = ~np.isnan(values)
        same, anywhere = self.sums(np.where(there, values, 0.0))
        known, known_anywhere = self.sums(there.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Floats = np.where(known > 0, same / known, anywhere / known_anywhere)
        return means


def _by(groups: Ints, values: Floats) -> Floats:
    """Return the sum of the values (rows, columns) of each row's group."""
    count = int(groups.max(initial=-1)) + 1
    columns = [np.bincount(groups, column, count).astype(np.float64) for column in values.T]
    total: Floats = np.stack(columns, 1)
    return total[groups]
