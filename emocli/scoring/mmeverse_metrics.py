"""The metrics of MMEVerse's sets, each as columns of statistics and figures of their sums.

Definitions as in the code of Emotion-LLaMAv2 (https://github.com/ooochen-30/Emotion-LLaMA-v2,
`evaluation/`), those of hit rate and open vocabulary as in MER-UniBench (AffectGPT, 2025,
https://arxiv.org/abs/2501.16566):

exact, sentiment: the answer in lower case is the label, letter for letter; an answer that is no
label of the set is wrong. Accuracy, and F1 weighted by the labels. Sentiment has no neutral.
hit_rate: on each wheel the share of records whose answer names the sector of the label; a record
whose label is in no sector, as neutral is, does not count on that wheel; the mean over the wheels.
open: on each wheel the means of precision and of recall of the set of sectors, 0 for an answer in
none; the F1 of these means; the mean over the wheels.
several: sets of words in lower case. Micro F1, mean F1 of the records, mean Jaccard index, and the
mean over the classes of average precision with 0 and 1 as scores. As there, a word that no label of
the set has is left out of answers.

Wheels and synonyms are ours (`emocli.llm.wheels`): four wheels, not their five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from emocli.llm import wheels
from emocli.metrics import classification, multilabel
from emocli.scoring.words import Floats

Words = Sequence[str]  # a label or an answer: one word, or several
HITS = 2  # statistics of a wheel for hit rate: hits, records that count
OPEN = 3  # and for open vocabulary: precision, recall, records that count


class Metric(NamedTuple):
    """A metric: statistics of records (records, statistics), and figures of sums of them."""

    names: tuple[str, ...]  # of its figures; the first is the one that averages take
    statistics: Callable[[Sequence[Words], Sequence[Words]], Floats]  # of labels and answers
    figures: Callable[[Floats], dict[str, Floats]]  # (..., statistics)


def _confusions(truth: Sequence[Words], answers: Sequence[Words]) -> Floats:
    """Return a one at the cell of label and answer; the last answer is all that is no label."""
    place = {word: i for i, word in enumerate(sorted({words[0] for words in truth}))}
    size = len(place) + 1
    cells = np.zeros((len(truth), size * size))
    for row, (label, answer) in enumerate(zip(truth, answers, strict=True)):
        given = place.get(answer[0].strip().lower(), size - 1) if len(answer) == 1 else size - 1
        cells[row, place[label[0]] * size + given] = 1.0
    return cells


def _exact(total: Floats) -> dict[str, Floats]:
    size = round(total.shape[-1] ** 0.5)
    square = total.reshape(*total.shape[:-1], size, size)
    return {
        "weighted_f1": classification.weighted_f1(square),
        "accuracy": classification.accuracy(square),
    }


def _hits(truth: Sequence[Words], answers: Sequence[Words]) -> Floats:
    rows = []
    for label, answer in zip(truth, answers, strict=True):
        found = [wheels.overlap(answer, label, wheel) for wheel in wheels.names()]
        rows.append([value for o in found for value in (o.common, o.gold > 0)])
    return np.asarray(rows, np.float64).reshape(len(truth), -1)


def _hit_rate(total: Floats) -> dict[str, Floats]:
    each = total.reshape(*total.shape[:-1], -1, HITS)
    return {"hit_rate": multilabel.mean_of(_ratio(each[..., 0], each[..., 1]))}


def _overlaps(truth: Sequence[Words], answers: Sequence[Words]) -> Floats:
    rows = []
    for label, answer in zip(truth, answers, strict=True):
        row: list[float] = []
        for wheel in wheels.names():
            both, predicted, gold = wheels.overlap(answer, label, wheel)
            precision = both / predicted if predicted else 0.0
            row += [precision, both / gold, 1.0] if gold else [0.0, 0.0, 0.0]
        rows.append(row)
    return np.asarray(rows, np.float64).reshape(len(truth), -1)


def _open(total: Floats) -> dict[str, Floats]:
    each = total.reshape(*total.shape[:-1], -1, OPEN)
    precision, recall = (_ratio(each[..., i], each[..., 2]) for i in range(2))
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    f1 = np.where(np.isnan(both), np.nan, f1)
    means = {"f1": f1, "precision": precision, "recall": recall}
    return {name: multilabel.mean_of(values) for name, values in means.items()}


def _sets(truth: Sequence[Words], answers: Sequence[Words]) -> Floats:
    lowered = [[{w.strip().lower() for w in words} for words in side] for side in (truth, answers)]
    classes = sorted(set[str]().union(*lowered[0]))
    true, given = (np.array([[c in s for c in classes] for s in side], bool) for side in lowered)
    shape = (len(truth), len(classes))
    rows = np.arange(len(truth))
    return multilabel.sums(true.reshape(shape), given.reshape(shape), rows, len(truth))


def _several(total: Floats) -> dict[str, Floats]:
    known = multilabel.figures(total)
    precisions = multilabel.set_average_precisions(total)
    names = ("micro_f1", "samples_f1", "jaccard")
    return {**{name: known[name] for name in names}, "map": multilabel.mean_of(precisions)}


def _ratio(above: Floats, below: Floats) -> Floats:
    result: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return result


METRICS = {
    "exact": Metric(("weighted_f1", "accuracy"), _confusions, _exact),
    "sentiment": Metric(("weighted_f1", "accuracy"), _confusions, _exact),
    "hit_rate": Metric(("hit_rate",), _hits, _hit_rate),
    "open": Metric(("f1", "precision", "recall"), _overlaps, _open),
    "several": Metric(("micro_f1", "samples_f1", "jaccard", "map"), _sets, _several),
}
