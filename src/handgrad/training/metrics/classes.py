"""Metrics of predictions that are a score for each class."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import positive_size
from handgrad.component import Array
from handgrad.errors import ShapeError
from handgrad.training.metrics.metric import Metric

__all__ = ["Accuracy", "ConfusionMatrix", "TopK"]


def _rows_of_scores(predictions: Array, metric: Metric) -> None:
    if predictions.ndim != 2 or predictions.shape[1] < 2:
        raise ShapeError(
            f"predictions of shape {predictions.shape} for {metric!r}",
            "a score for each of K >= 2 classes, (N, K)",
            "give the model an output for each class, or use a metric for numbers",
        )


def _classes(predictions: Array, targets: Array, metric: Metric) -> Array:
    """Return the targets as class indices, from indices or one-hot rows."""
    _rows_of_scores(predictions, metric)
    if targets.shape == predictions.shape:
        indices: Array = targets.argmax(axis=1)
        return indices
    if targets.shape != predictions.shape[:1] or targets.dtype.kind not in "iu":
        raise ShapeError(
            f"targets of shape {targets.shape} and type {targets.dtype} for {metric!r}",
            f"class indices {predictions.shape[:1]}, integers, or one-hot rows {predictions.shape}",
            "give each datapoint one index, or one row",
        )
    return targets


class _Share(Metric):
    """A share of the datapoints."""

    def reset(self) -> None:
        self._right = self._seen = 0

    def result(self) -> float:
        return self._right / self._seen if self._seen else 0.0


class Accuracy(_Share):
    r"""The share of datapoints whose highest score is the target's class.

    .. math:: \frac{1}{N} \sum_n [\operatorname{argmax}_k \hat y_{nk} = t_n]

    Of equal scores the first counts.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.

    Examples
    --------
    >>> metric = Accuracy()
    >>> metric.reset()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([1, 1]))
    >>> metric.result()
    0.5
    """

    name = "accuracy"

    def update(self, predictions: Array, targets: Array) -> None:
        classes = _classes(predictions, targets, self)
        self._right += int(np.count_nonzero(predictions.argmax(axis=1) == classes))
        self._seen += len(classes)


class TopK(_Share):
    r"""The share of datapoints whose target is among the k classes with the highest scores.

    .. math:: \frac{1}{N} \sum_n [\operatorname{rank}_n(t_n) \le k]

    Of equal scores the first ranks higher, so that ``TopK(1)`` is `Accuracy`.

    Parameters
    ----------
    k : int
        How many classes may be named.

    Raises
    ------
    ArgumentError
        `k` is not a positive integer.
    ShapeError
        The predictions are not rows of scores, or the targets neither class indices nor one-hot.

    Examples
    --------
    >>> metric = TopK(2)
    >>> metric.reset()
    >>> metric.update(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), np.array([1, 2]))
    >>> metric.result()
    0.5
    """

    def __init__(self, k: int = 5) -> None:
        self.k = positive_size(k, "k", "TopK")
        self.name = f"top_{self.k}"

    def update(self, predictions: Array, targets: Array) -> None:
        classes = _classes(predictions, targets, self)[:, None]
        K = predictions.shape[1]
        if (classes < 0).any() or (classes >= K).any():
            raise ShapeError(
                f"class indices from {classes.min()} to {classes.max()} for {self!r}",
                f"indices from 0 to {K - 1}, one for each column of the scores",
                "count the classes from 0",
            )
        own = np.take_along_axis(predictions, classes, axis=1)
        ahead = (predictions > own) | ((predictions == own) & (np.arange(K) < classes))
        self._right += int(np.count_nonzero(ahead.sum(axis=1) < self.k))
        self._seen += len(classes)

    def __repr__(self) -> str:
        return f"TopK({self.k})"


class ConfusionMatrix(Metric):
    """How often each class was taken for each: a row for each true class, a column for each named.

    Raises
    ------
    ShapeError
        The predictions are not rows of scores, the targets neither class indices nor one-hot, or
        a class index has no column.

    Examples
    --------
    >>> metric = ConfusionMatrix()
    >>> metric.reset()
    >>> metric.update(np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]), np.array([1, 1, 0]))
    >>> metric.result()
    array([[0, 1],
           [1, 1]])
    """

    name = "confusion_matrix"

    def reset(self) -> None:
        self._counts = np.zeros((0, 0), dtype=np.int64)

    def update(self, predictions: Array, targets: Array) -> None:
        classes = _classes(predictions, targets, self)
        K = predictions.shape[1]
        if not len(self._counts):
            self._counts = np.zeros((K, K), dtype=np.int64)
        if len(self._counts) != K or classes.min() < 0 or classes.max() >= K:
            raise ShapeError(
                f"class indices from {classes.min()} to {classes.max()} and {K} scores "
                f"for {self!r}",
                f"indices from 0 to {len(self._counts) - 1}, and as many scores in every batch",
                "count the classes from 0, and give the model as many outputs as classes",
            )
        pairs = classes.astype(np.int64) * K + predictions.argmax(axis=1)
        self._counts += np.bincount(pairs, minlength=K * K).reshape(K, K)

    def result(self) -> Array:
        return self._counts.copy()
