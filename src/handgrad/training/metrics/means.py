"""Metrics of classes that look at each class by itself, and the log loss."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.training.metrics.classes import ConfusionMatrix, OfClasses
from handgrad.training.metrics.gathering import GatheringMetric
from handgrad.training.metrics.scores import class_scores, roc_auc

__all__ = ["F1", "ROCAUC", "BalancedAccuracy", "LogLoss", "Precision", "Recall"]


class _OfConfusion(ConfusionMatrix):
    """A number that the confusion matrix tells, so that no more than that is gathered."""

    def __init__(self, positive: int | None = None, ignore_index: int | None = None) -> None:
        super().__init__(ignore_index)
        self.positive = positive

    def result(self) -> float:  # type: ignore[override]
        confusion = self._counts
        if not len(confusion):
            return 0.0
        each = class_scores(confusion)[self.name]
        if self.positive is None:
            known = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
            return float(each[known].mean()) if known.any() else 0.0
        if not 0 <= self.positive < len(each):
            raise ArgumentError(
                f"positive={self.positive!r} for {type(self).__name__} of {len(each)} classes",
                f"the index of a class, from 0 to {len(each) - 1}, or None for their mean",
                "count the classes from 0",
            )
        return float(each[self.positive])

    def __repr__(self) -> str:
        given = {"positive": self.positive, "ignore_index": self.ignore_index}
        said = (f"{name}={value}" for name, value in given.items() if value is not None)
        return f"{type(self).__name__}({', '.join(said)})"


class Precision(_OfConfusion):
    r"""The share of what is taken for a class that is of that class.

    .. math:: \frac{C_{kk}}{\sum_t C_{tk}}

    of the confusion matrix :math:`C`; 0 where nothing is taken for it.

    Parameters
    ----------
    positive : int, optional
        The class that is meant; None for the mean over all classes that are there or predicted, as
        scikit-learn's ``average="macro"``.
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.
    ArgumentError
        There is no such class.

    Examples
    --------
    >>> metric = Precision(positive=1)
    >>> metric.reset()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]), np.array([1, 1, 0]))
    >>> metric.result()
    0.5
    """

    name = "precision"


class Recall(_OfConfusion):
    r"""The share of a class that is found.

    .. math:: \frac{C_{kk}}{\sum_p C_{kp}}

    of the confusion matrix :math:`C`; 0 where there is nothing of it.

    Parameters
    ----------
    positive, ignore_index
        As `Precision` takes them.

    Raises
    ------
    ShapeError, ArgumentError
        As `Precision` raises them.

    Examples
    --------
    >>> metric = Recall(positive=0)
    >>> metric.reset()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]), np.array([0, 0, 1]))
    >>> metric.result()
    0.5
    """

    name = "recall"


class F1(_OfConfusion):
    r"""The harmonic mean of precision and recall.

    .. math:: \frac{2 C_{kk}}{\sum_t C_{tk} + \sum_p C_{kp}}

    of the confusion matrix :math:`C`.

    Parameters
    ----------
    positive, ignore_index
        As `Precision` takes them.

    Raises
    ------
    ShapeError, ArgumentError
        As `Precision` raises them.

    Examples
    --------
    >>> metric = F1(positive=1)
    >>> metric.reset()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]), np.array([1, 1, 0]))
    >>> metric.result()
    0.5
    """

    name = "f1"


class BalancedAccuracy(ConfusionMatrix):
    """The mean recall of the classes that are there, so that a rare one counts as the others do.

    Parameters
    ----------
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.

    Examples
    --------
    >>> metric = BalancedAccuracy()
    >>> metric.reset()
    >>> metric.update(np.array([[0.9, 0.1], [0.9, 0.1], [0.7, 0.3]]), np.array([0, 0, 1]))
    >>> metric.result()
    0.5
    """

    name = "balanced_accuracy"

    def result(self) -> float:  # type: ignore[override]
        there = self._counts.sum(axis=1) > 0
        recall = class_scores(self._counts)["recall"] if there.any() else np.zeros(1)
        return float(recall[there].mean()) if there.any() else 0.0


class ROCAUC(GatheringMetric, OfClasses):
    """The mean area under the ROC curves of the classes that are there, each against all others.

    All scores are kept until the epoch ends, since the area is no mean over batches.

    Parameters
    ----------
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.

    Examples
    --------
    >>> metric = ROCAUC()
    >>> metric.reset()
    >>> metric.update(np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]]), np.array([0, 1, 0]))
    >>> metric.result()
    1.0
    """

    name = "roc_auc"

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        scores, classes, weight = self._rows(predictions, targets, sample_weight)
        # As probabilities: rows are compared with each other, and a row's scores may all be larger.
        p = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        p /= p.sum(axis=1, keepdims=True)
        self.gather(p, classes, np.ones(len(p)) if weight is None else weight)

    def result(self) -> float:
        scores, classes, weight = self.gathered()
        there = np.unique(classes[weight > 0])
        if len(there) < 2:
            return float("nan")  # there is nothing to tell apart
        areas = [roc_auc(scores[:, k], classes == k, weight) for k in there]
        return float(np.mean(areas))


class LogLoss(OfClasses):
    r"""The mean of minus the logarithm of the probability that is given to the target's class.

    .. math:: -\frac{1}{N} \sum_n \log \operatorname{softmax}(\hat y_n)_{t_n}

    It is the cross-entropy, for a model that is trained with another loss.

    Parameters
    ----------
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.

    Examples
    --------
    >>> metric = LogLoss()
    >>> metric.reset()
    >>> metric.update(np.zeros((3, 2)), np.array([0, 1, 0]))
    >>> round(metric.result(), 4)
    0.6931
    """

    name = "log_loss"

    def reset(self) -> None:
        self._sum: float = 0.0
        self._seen: float = 0.0

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        scores, classes, weight = self._rows(predictions, targets, sample_weight)
        if not len(classes):
            return
        scores = scores.astype(np.float64)
        shifted = scores - scores.max(axis=1, keepdims=True)
        logs = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(classes)), classes]
        self._sum += float(logs.sum() if weight is None else weight @ logs)
        self._seen += float(len(logs) if weight is None else weight.sum())

    def result(self) -> float:
        return self._sum / self._seen if self._seen else 0.0
