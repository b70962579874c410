"""Scores of classes that a confusion matrix tells, and the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["class_scores", "mean_scores", "roc_auc"]


def class_scores(confusion: Array) -> dict[str, Array]:
    r"""Return precision, recall and F1 of each class.

    .. math::
        \text{precision}_k = \frac{C_{kk}}{\sum_t C_{tk}}, \qquad
        \text{recall}_k = \frac{C_{kk}}{\sum_p C_{kp}}, \qquad
        F_{1,k} = \frac{2 C_{kk}}{\sum_t C_{tk} + \sum_p C_{kp}}

    Each is 0 where its denominator is, as in scikit-learn.

    Parameters
    ----------
    confusion : Array, (K, K)
        A row for each true class, a column for each predicted one.

    Examples
    --------
    >>> {name: values.tolist() for name, values in class_scores(np.array([[3, 1], [0, 4]])).items()}
    {'precision': [1.0, 0.8], 'recall': [0.75, 1.0], 'f1': [0.8571428571428571, 0.8888888888888888]}
    """
    right, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    parts = {"precision": (right, said), "recall": (right, true), "f1": (2 * right, true + said)}
    return {
        name: np.divide(a, b, out=np.zeros(len(confusion)), where=b > 0)
        for name, (a, b) in parts.items()
    }


def mean_scores(confusion: Array, scores: Array, y: Array) -> dict[str, float]:
    """Return the means over the classes of precision, recall, F1 and AUC, and balanced accuracy.

    Of a class that is neither there nor predicted nothing is known, and it does not count. Balanced
    accuracy is the mean recall of the classes that are there; the AUC is that of each of these
    against all others, and missing where there is but one.

    Parameters
    ----------
    confusion : Array, (K, K)
        A row for each true class, a column for each predicted one.
    scores : Array, (N, K)
        How much each row looks like each class.
    y : Array, (N,)
        The class of each row.

    Examples
    --------
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> mean_scores(np.array([[1, 0], [1, 1]]), scores, np.array([0, 1, 1]))["roc_auc"]
    1.0
    """
    true, said = confusion.sum(axis=1), confusion.sum(axis=0)
    each = class_scores(confusion)
    known: dict[str, Any] = {
        "balanced_accuracy": each["recall"][true > 0].mean(),
        **{name: values[true + said > 0].mean() for name, values in each.items()},
    }
    there = np.flatnonzero(true > 0)
    if len(there) > 1:
        known["roc_auc"] = np.mean([roc_auc(scores[:, k], y == k) for k in there])
    return {name: float(value) for name, value in known.items()}


def roc_auc(scores: Array, positive: Array, sample_weight: Array | None = None) -> float:
    r"""Return the area under the ROC curve: how often a positive row's score is the larger one.

    .. math:: \text{AUC} = \frac{\sum_s p_s \bigl(\sum_{r < s} q_r + q_s / 2\bigr)}{P Q}

    where :math:`p_s` and :math:`q_s` are the weights of the positive and the negative rows with the
    score s, and P and Q their sums; equal scores count half (Mann and Whitney, 1947).

    Parameters
    ----------
    scores : Array, (N,)
        The larger, the more a row looks positive.
    positive : Array, (N,)
        Whether it is.
    sample_weight : Array, (N,), optional
        How much it counts; each row as much as the others where this is None.

    Examples
    --------
    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    weight = np.ones(len(scores)) if sample_weight is None else sample_weight
    _, place = np.unique(scores, return_inverse=True)
    p, q = (np.bincount(place, weight * rows) for rows in (positive, ~positive))
    return float(p @ (np.cumsum(q) - q / 2) / (p.sum() * q.sum()))
