"""Metrics of one label per record, all of them functions of a confusion matrix.

Sokolova and Lapalme, "A systematic analysis of performance measures for classification tasks",
Information Processing & Management 45(4), 2009, https://doi.org/10.1016/j.ipm.2009.03.002;
UAR as in Schuller, Steidl and Batliner, "The INTERSPEECH 2009 Emotion Challenge", Interspeech 2009,
https://doi.org/10.21437/Interspeech.2009-103

Conventions, those of scikit-learn where it has one: a class absent from the truth has no recall and
is left out of UAR (`balanced_accuracy_score`). Other tools, and scikit-learn's `recall_score` with
`average="macro"`, count a class that is only predicted as recall 0: `uar_predicted`, which is .25
where UAR is .5 if half of the records of one class are taken for a class that nobody has. A class
absent from truth and prediction has no F1 and is left out of macro F1 (`f1_score` without
`labels`), unless `absent=0.0` counts it as zero (`f1_score` with `labels`); a class never predicted
has no precision (NaN, where scikit-learn warns and returns 0), but an F1 of zero. Leading axes of a
confusion matrix are kept: a value per matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "macro_f1", "uar", "uar_predicted", "weighted_f1"]

Floats = NDArray[np.float64]


def confusion_matrix(
    truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> Floats:
    """Count (classes truth, classes prediction); rows are the truth.

    Raises ValueError when lengths differ or an index is not below `classes`.
    """
    truth, predicted = np.asarray(truth, np.int64), np.asarray(predicted, np.int64)
    if truth.shape != predicted.shape:
        raise ValueError(f"truth and prediction differ in length: {len(truth)} != {len(predicted)}")
    for name, values in (("truth", truth), ("prediction", predicted)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} has {values.min()}..{values.max()}, not 0..{classes - 1}")
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def support(confusion: Floats) -> Floats:
    """Return the records per class of the truth, (..., classes)."""
    total: Floats = np.asarray(confusion, np.float64).sum(-1)
    return total


def recall(confusion: Floats) -> Floats:
    """Return the recall of each class, (..., classes); NaN for a class without records."""
    return _ratio(_hits(confusion), support(confusion))


def precision(confusion: Floats) -> Floats:
    """Return the share of right predictions per class, (..., classes); NaN without predictions."""
    return _ratio(_hits(confusion), np.sum(confusion, -2))


def f1(confusion: Floats) -> Floats:
    """Return 2 TP / (2 TP + FP + FN) per class, (..., classes); NaN where the class is absent."""
    return _ratio(2 * _hits(confusion), support(confusion) + np.sum(confusion, -2))


def accuracy(confusion: Floats) -> Floats:
    """Return the share of right predictions (WA, WAR), in [0, 1]."""
    return _ratio(_hits(confusion).sum(-1), support(confusion).sum(-1))


def uar(confusion: Floats) -> Floats:
    """Return the unweighted average recall (UA, balanced accuracy), in [0, 1].

    The mean of the recalls of the classes that the truth has; never adjusted for chance.
    """
    return _mean(recall(confusion))


def uar_predicted(confusion: Floats) -> Floats:
    """Return the mean recall of the classes that truth or prediction has, in [0, 1].

    A class that is only predicted counts as 0, so this is at most `uar`; NaN without a record.
    """
    recalls = recall(confusion)
    is_only_predicted = np.isnan(recalls) & (np.sum(confusion, -2) > 0)
    return _mean(np.where(is_only_predicted, 0.0, recalls))


def macro_f1(confusion: Floats, absent: float = np.nan) -> Floats:
    """Return the unweighted mean of the classes' F1, in [0, 1].

    `absent` stands for classes that neither truth nor prediction have: NaN leaves them out.
    """
    scores = f1(confusion)
    return _mean(np.where(np.isnan(scores), absent, scores))


def weighted_f1(confusion: Floats) -> Floats:
    """Return the mean of the classes' F1 weighted by their share of the truth, in [0, 1]."""
    weights = support(confusion)
    return _ratio((np.nan_to_num(f1(confusion)) * weights).sum(-1), weights.sum(-1))


def _hits(confusion: Floats) -> Floats:
    return np.diagonal(np.asarray(confusion, np.float64), axis1=-2, axis2=-1)


def _ratio(above: Floats, below: Floats) -> Floats:
    below = np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)[()]


def _mean(values: Floats) -> Floats:
    """Return the mean of the defined values over the last axis; NaN where all are NaN."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1))
