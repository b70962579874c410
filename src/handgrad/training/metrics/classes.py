"""Metrics of predictions that are a score for each class."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.errors import ShapeError
from handgrad.loss import broadcast_weight
from handgrad.training.metrics.metric import Metric

__all__ = ["Accuracy", "ConfusionMatrix", "TopK"]


def _classes(predictions: Array, targets: Array, metric: Metric) -> tuple[Array, Array]:
    """Return scores and targets as rows: (M, K) and class indices (M,), over all leading axes."""
    rows, K = predictions.shape[:-1], predictions.shape[-1] if predictions.ndim else 0
    if not rows or K < 2:
        raise ShapeError(
            f"predictions of shape {predictions.shape} for {metric!r}",
            "a score for each of K >= 2 classes, (N, K), or (..., K) with any leading axes",
            "give the model an output for each class, or use a metric for numbers",
        )
    if targets.shape == predictions.shape:
        targets = targets.argmax(axis=-1)
    elif targets.shape != rows or targets.dtype.kind not in "iu":
        raise ShapeError(
            f"targets of shape {targets.shape} and type {targets.dtype} for {metric!r}",
            f"class indices {rows}, integers, or one-hot rows {predictions.shape}",
            "give each datapoint one index, or one row",
        )
    if predictions.ndim == 2:
        return predictions, targets
    return predictions.reshape(-1, K), targets.ravel()


def _weight(sample_weight: Array, predictions: Array, metric: Metric) -> Array:
    """Return a weight for each row of scores, (M,)."""
    rows = np.empty(predictions.shape[:-1])
    return np.broadcast_to(broadcast_weight(sample_weight, rows, metric), rows.shape).ravel()


class _Share(Metric):
    """A share of the datapoints."""

    def reset(self) -> None:
        self._right: float = 0
        self._seen: float = 0

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        right = self._look(*_classes(predictions, targets, self))
        if sample_weight is None:
            self._right += int(np.count_nonzero(right))
            self._seen += right.size
        else:
            weight = _weight(sample_weight, predictions, self)
            self._right += float(weight @ right)
            self._seen += float(weight.sum())

    @abstractmethod
    def _look(self, scores: Array, classes: Array) -> Array:
        """Return which rows are right."""

    def result(self) -> float:
        return self._right / self._seen if self._seen else 0.0


class Accuracy(_Share):
    r"""The share of datapoints whose highest score is the target's class.

    .. math:: \frac{1}{N} \sum_n [\operatorname{argmax}_k \hat y_{nk} = t_n]

    Of equal scores the first counts. A datapoint with a sample weight counts that much.

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

    def _look(self, scores: Array, classes: Array) -> Array:
        right: Array = scores.argmax(axis=1) == classes
        return right


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

    def _look(self, scores: Array, classes: Array) -> Array:
        K = scores.shape[1]
        if (classes < 0).any() or (classes >= K).any():
            raise ShapeError(
                f"class indices from {classes.min()} to {classes.max()} for {self!r}",
                f"indices from 0 to {K - 1}, one for each column of the scores",
                "count the classes from 0",
            )
        own, classes = scores[np.arange(len(scores)), classes, None], classes[:, None]
        ahead = (scores > own) | ((scores == own) & (np.arange(K) < classes))
        right: Array = ahead.sum(axis=1) < self.k
        return right

    def __repr__(self) -> str:
        return f"TopK({self.k})"


class ConfusionMatrix(Metric):
    """How often each class was taken for each: a row for each true class, a column for each named.

    With sample weights, how much weight was: the counts are floats then.

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

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        scores, classes = _classes(predictions, targets, self)
        K = scores.shape[1]
        if not len(self._counts):
            self._counts = np.zeros((K, K), dtype=np.int64)
        if len(self._counts) != K or classes.min() < 0 or classes.max() >= K:
            raise ShapeError(
                f"class indices from {classes.min()} to {classes.max()} and {K} scores "
                f"for {self!r}",
                f"indices from 0 to {len(self._counts) - 1}, and as many scores in every batch",
                "count the classes from 0, and give the model as many outputs as classes",
            )
        weight = None
        if sample_weight is not None:
            weight = _weight(sample_weight, predictions, self)
        pairs = classes.astype(np.int64) * K + scores.argmax(axis=1)
        counts = np.bincount(pairs, weight, minlength=K * K).reshape(K, K)
        self._counts = self._counts + counts

    def result(self) -> Array:
        return self._counts.copy()
