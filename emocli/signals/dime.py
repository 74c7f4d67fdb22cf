"""DiME-Aug: records that rare classes lack, nearest neighbours, and interpolation between them.

Zhang, Jin, Wang, Wei and Dang, "Scaling Ambiguity", ICASSP 2026, https://arxiv.org/abs/2601.14620,
code: https://github.com/WendaZhang08/scaling-ambiguity-SER.
Neighbours are the two nearest, by Euclidean distance after standardisation within the class (the
source asks for three, the record itself included).

The source leaves these open; our choices: the ten word counts; population standard deviations; a
feature that does not vary in a class is ignored there. The source's code differs from its paper in
keeping the first record's text for every alpha; here the text is that of the nearer record, as
published.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

NEIGHBOURS = 2  # k = 3 with the record itself
LONG = 7  # letters of a long word
WORDS = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
NOT = re.compile(r"\b(?:no|not|never|none|nobody|nothing|nowhere|cannot|\w+n['\u2019]t)\b", re.I)
SELF = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours|ourselves)\b", re.I)


def lacking(counts: Sequence[int], rho: float) -> list[int]:
    """Return how many records each class lacks: max(0, floor(rho * greatest) - count).

    rho is taken as the decimal number it is written as: 0.29 of 100 is 29, not 28.

    >>> lacking([100, 12, 40], 0.29)
    [0, 17, 0]
    """
    target = int(Fraction(repr(rho)) * max(counts, default=0))
    return [max(0, target - count) for count in counts]


def standardised(rows: Array) -> Array:
    """Return rows (records, features) with mean 0 and SD 1 per feature; 0 where it is constant."""
    values = np.asarray(rows, np.float64)
    centred = values - values.mean(axis=0)
    spread = values.std(axis=0)
    # Rounding error of a constant is not spread.
    varies = spread > 1e-7 * np.abs(values).max(axis=0, initial=0.0)
    return np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)


def neighbours(rows: Array, index: int) -> npt.NDArray[np.intp]:
    """Return the two nearest others of a row, of rows (records, features); the first where tied.

    One neighbour with two rows, none with one.
    """
    away = rows - rows[index]
    distance = np.einsum("ij,ij->i", away, away)
    distance[index] = np.inf
    count = min(NEIGHBOURS, len(rows) - 1)
    if not count:
        return np.array([], np.intp)
    near = np.flatnonzero(distance <= np.partition(distance, count - 1)[count - 1])
    return near[np.argsort(distance[near], kind="stable")][:count]


def between(first: Array, second: Array, alpha: float) -> Array:
    """Return first + alpha (second - first), of arrays (time, ...) cut to the shorter, float64."""
    length = min(len(first), len(second))
    left, right = (np.asarray(values[:length], np.float64) for values in (first, second))
    return left + alpha * (right - left)


def shares(first: Array, second: Array, alpha: float) -> Array:
    """Return the distribution (classes,) between two, scaled to add to one."""
    mixed = between(first, second, alpha)
    return mixed / mixed.sum()


def lexical_counts(text: str) -> Array:
    """Return ten counts (10,) of a text.

    Words, different words, letters, words of seven letters and more, sentence ends, commas and
    the like, question marks, exclamation marks; and, in English, negations and first-person words.

    >>> lexical_counts("No, I don't! Why would I?").astype(int).tolist()
    [6, 5, 16, 0, 2, 1, 1, 1, 2, 2]
    """
    words = WORDS.findall(text)
    lengths = [sum(map(str.isalpha, word)) for word in words]
    counts = [
        len(words),
        len({word.casefold() for word in words}),
        sum(lengths),
        sum(length >= LONG for length in lengths),
        len(re.findall(r"[.!?\u2026]+", text)),
        len(re.findall(r"[,;:\u2013\u2014]|--", text)),
        text.count("?"),
        text.count("!"),
        len(NOT.findall(text)),
        len(SELF.findall(text)),
    ]
    return np.array(counts, np.float64)
