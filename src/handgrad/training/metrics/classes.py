"""Metrics of predictions that are a score for each class."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.errors import ShapeError
from handgrad.loss import broadcast_weight
from handgrad.training.metrics.metric import Metric, Sums

__all__ = ["Accuracy", "ConfusionMatrix", "OfClasses", "TopK"]


class OfClasses(Sums):
    """What the metrics of classes have in common: which rows count."""

    def __init__(self, ignore_index: int | None = None) -> None:
        self.ignore_index = ignore_index

    def _rows(
        self, predictions: Array, targets: Array, sample_weight: Array | None
    ) -> tuple[Array, Array, Array | None]:
        """Return scores (M, K), class indices (M,) and weights (M,) of the rows that count."""
        scores, classes = _classes(predictions, targets, self)
        weight = None
        if sample_weight is not None:
            rows = np.empty(predictions.shape[:-1])
            weight = np.broadcast_to(broadcast_weight(sample_weight, rows, self), rows.shape)
            weight = weight.ravel()
        if self.ignore_index is not None:
            kept = classes != self.ignore_index
            scores, classes = scores[kept], classes[kept]
            weight = None if weight is None else weight[kept]
        return scores, classes, weight

    def __repr__(self) -> str:
        ignored = "" if self.ignore_index is None else f"ignore_index={self.ignore_index}"
        return f"{type(self).__name__}({ignored})"


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


class _Share(OfClasses):
    """A share of the datapoints."""

    def reset(self) -> None:
        self._right: float = 0
        self._seen: float = 0

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        scores, classes, weight = self._rows(predictions, targets, sample_weight)
        right = self._look(scores, classes)
        if weight is None:
            self._right += int(np.count_nonzero(right))
            self._seen += right.size
        else:
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
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

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

    def __init__(self, k: int = 5, ignore_index: int | None = None) -> None:
        super().__init__(ignore_index)
        self.k = positive_size(k, "k", "TopK")
        self.name = f"top_{self.k}"

    def _look(self, scores: Array, classes: Array) -> Array:
        K = scores.shape[1]
        if classes.size and (classes.min() < 0 or classes.max() >= K):
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
        ignored = "" if self.ignore_index is None else f", ignore_index={self.ignore_index}"
        return f"TopK({self.k}{ignored})"


class ConfusionMatrix(OfClasses):
    """How often each class was taken for each: a row for each true class, a column for each named.

    With sample weights, how much weight was: the counts are floats then.

    Parameters
    ----------
    ignore_index : int, optional
        Datapoints with this class index don't count, as in `CrossEntropy`.

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
        scores, classes, weight = self._rows(predictions, targets, sample_weight)
        if not len(classes):
            return
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
        pairs = classes.astype(np.int64) * K + scores.argmax(axis=1)
        counts = np.bincount(pairs, weight, minlength=K * K).reshape(K, K)
        self._counts = self._counts + counts

    def result(self) -> Array:
        return self._counts.copy()
