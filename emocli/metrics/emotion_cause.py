"""Emotion-cause pairs: the scorer of SemEval-2024 Task 3, strict and proportional, both subtasks.

Wang, Ma, Xia, Yu and Cambria, "SemEval-2024 Task 3: Multimodal Emotion Cause Analysis in
Conversations", 2024, https://arxiv.org/abs/2405.13049; behaviour read from its scorer,
https://github.com/NUSTM/SemEval-2024_ECAC

A pair is a row of integers. Subtask 1: conversation, turn of the emotion, turn of the cause, first
word of the cause, word after its last, emotion. Subtask 2: the same without the two words. Words
count from 0 and are separated by blanks (`cause_span` finds a cause as the scorer does).
Emotions are indices into `EMOTIONS`, which lacks neutral: leave out pairs with neutral first.
Duplicate pairs count once. Per emotion, with 1e-8 added to every denominator as the scorer does
(so the best is 1 - 1e-8), F1 = 2 P R / (P + R); the figures are the mean over emotions weighted by
their gold pairs, and the micro average, in [0, 1]. Without gold pairs they are NaN.

- Strict, and subtask 2: a prediction is right when a gold pair equals it.
- Proportional: among gold pairs with the same turns and emotion a prediction takes the one of which
  it covers the largest share (ties: the longer overlap, then the first); P = overlapping words /
  predicted words, R = overlapping words / gold words. A gold cause that several predictions take
  has its words counted once for each, one that none takes once; the weights count gold pairs.

The task's pages disagree on which is the main figure of subtask 1 (README: strict; CodaLab:
proportional): report both.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["pair_f1", "proportional_f1", "strict_f1"]

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
EPSILON = 1e-8

Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]
Span = tuple[int, ...]


def cause_span(cause: str, utterance: str) -> tuple[int, int]:
    """Return the first word of a gold cause and the word after its last; 0, 0 when not found.

    ASCII punctuation at both ends of the cause is cut off first, also where it belongs to a word
    ("'s late" becomes "s late", which is then not found), as in the scorer. The first place with
    the same words counts. The scorer crashes on punctuation alone; here it is not found.

    >>> cause_span("Oh , I see !", "Oh , I see ! Well .")
    (0, 4)
    """
    while (shorter := cause.strip().strip(string.punctuation)) != cause:
        cause = shorter
    words, spoken = cause.split(), utterance.split()
    for start in range(len(spoken) - len(words) + 1):
        if words and spoken[start : start + len(words)] == words:
            return start, start + len(words)
    return 0, 0


def strict_counts(gold: Pairs, predicted: Pairs, conversations: int) -> Floats:
    """Count per conversation and emotion, (conversations, 6, 4): right, predicted, gold, pairs.

    The last two are the same. Conversations are numbered from 0.
    Raises ValueError naming the first row that is not a pair, or with both widths when they differ.
    """
    gold, predicted = _checked(gold, predicted, conversations)
    right = sorted(set(map(tuple, gold.tolist())) & set(map(tuple, predicted.tolist())))
    rows = (np.array(right, np.int64).reshape(-1, gold.shape[1]), predicted, gold, gold)
    cells = (part[:, 0] * len(EMOTIONS) + part[:, -1] for part in rows)
    counts = [np.bincount(cell, minlength=conversations * len(EMOTIONS)) for cell in cells]
    return np.stack(counts, -1).reshape(conversations, len(EMOTIONS), 4).astype(np.float64)


def proportional_counts(gold: Pairs, predicted: Pairs, conversations: int) -> Floats:
    """Count words per conversation and emotion, (conversations, 6, 4).

    Overlapping, predicted and gold words (once per match), then gold pairs. Raises as
    `strict_counts` does.
    """
    gold, predicted = _checked(gold, predicted, conversations)
    if gold.shape[1] != 6:
        raise ValueError(f"pairs of {gold.shape[1]} numbers, not the 6 of subtask 1")
    counts = np.zeros((conversations, len(EMOTIONS), 4))
    places: dict[Span, list[Span]] = {}
    for row in gold.tolist():
        places.setdefault((*row[:3], row[5]), []).append((row[3], row[4]))
        counts[row[0], row[5], 3] += 1
    free = {(*key, *span) for key, spans in places.items() for span in spans}
    for row in predicted.tolist():
        key, cell = (*row[:3], row[5]), counts[row[0], row[5]]
        cell[1] += row[4] - row[3]
        overlap, taken = _best(row[3], row[4], places.get(key, []))
        if overlap:
            cell[0] += overlap
            cell[2] += taken[1] - taken[0]
            free.discard((*key, *taken))
    for conversation, _, _, emotion, start, end in free:
        counts[conversation, emotion, 2] += end - start
    return counts


def figures(total: Floats) -> dict[str, Floats]:
    """Return every figure of counts (..., 6, 4), summed over conversations, per leading index."""
    right, predicted, gold, pairs = (total[..., i] for i in range(4))
    every = pairs.sum(-1)
    weights = pairs / np.where(every > 0, every, np.nan)[..., None]
    weighted = [(score * weights).sum(-1) for score in _scores(right, predicted, gold)]
    micro = _scores(*(np.where(every > 0, c.sum(-1), np.nan) for c in (right, predicted, gold)))
    names = ("precision", "recall", "f1")
    weighted_scores = dict(zip((f"weighted_{name}" for name in names), weighted, strict=True))
    return weighted_scores | dict(zip((f"micro_{name}" for name in names), micro, strict=True))


def strict_f1(gold: Pairs, predicted: Pairs) -> float:
    """Return the weighted strict F1 of subtask 1, in [0, 1]; NaN without a gold pair."""
    return _weighted_f1(strict_counts, gold, predicted)


def proportional_f1(gold: Pairs, predicted: Pairs) -> float:
    """Return the weighted proportional F1 of subtask 1, in [0, 1]; NaN without a gold pair."""
    return _weighted_f1(proportional_counts, gold, predicted)


def pair_f1(gold: Pairs, predicted: Pairs) -> float:
    """Return the weighted F1 of subtask 2, in [0, 1]; NaN without a gold pair.

    Of the pairs of subtask 1 the two words are left out first.
    """
    gold, predicted = (np.asarray(rows, np.int64) for rows in (gold, predicted))
    if gold.ndim == 2 and gold.shape[1] == 6 and predicted.shape[1:] == (6,):
        gold, predicted = gold[:, [0, 1, 2, 5]], predicted[:, [0, 1, 2, 5]]
    return _weighted_f1(strict_counts, gold, predicted)


def _weighted_f1(
    count: Callable[[Pairs, Pairs, int], Floats], gold: Pairs, predicted: Pairs
) -> float:
    last = max(int(np.max(np.asarray(rows)[:, 0], initial=0)) for rows in (gold, predicted))
    return float(figures(count(gold, predicted, last + 1).sum(0))["weighted_f1"])


def _best(start: int, end: int, spans: list[Span]) -> tuple[int, Span]:
    """Return the overlap with the gold span that a prediction takes, and that span."""
    best, overlap, taken = (0.0, 0), 0, (0, 0)
    for first, last in spans:
        words = min(end, last) - max(start, first)
        if words > 0 and (words / (last - first), words) > best:
            best, overlap, taken = (words / (last - first), words), words, (first, last)
    return overlap, taken


def _scores(right: Floats, predicted: Floats, gold: Floats) -> tuple[Floats, Floats, Floats]:
    precision, recall = right / (predicted + EPSILON), right / (gold + EPSILON)
    return precision, recall, 2 * precision * recall / (precision + recall + EPSILON)


def _checked(gold: Pairs, predicted: Pairs, conversations: int) -> tuple[Pairs, Pairs]:
    """Return both without duplicates, in their order, or raise ValueError."""
    gold, predicted = (np.asarray(rows, np.int64) for rows in (gold, predicted))
    if gold.ndim != 2 or gold.shape[1] not in (4, 6) or gold.shape[1:] != predicted.shape[1:]:
        raise ValueError(f"pairs are {gold.shape} and {predicted.shape}, not (pairs, 6) or (., 4)")
    for name, rows in (("gold", gold), ("predicted", predicted)):
        bad = (rows < 0).any(1) | (rows[:, 0] >= conversations) | (rows[:, -1] >= len(EMOTIONS))
        if rows.shape[1] == 6:
            bad |= rows[:, 4] < rows[:, 3]
        if bad.any():
            row = rows[int(bad.argmax())].tolist()
            raise ValueError(
                f"{name} pair {int(bad.argmax())} is {row}: expected numbers from 0, "
                f"conversations below {conversations}, emotions below {len(EMOTIONS)}, "
                "and a span that ends after its start"
            )
    width = gold.shape[1]
    first, second = (
        np.array(list(dict.fromkeys(map(tuple, rows.tolist()))), np.int64).reshape(-1, width)
        for rows in (gold, predicted)
    )
    return first, second
