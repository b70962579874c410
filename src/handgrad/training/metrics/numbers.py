"""Metrics of predictions that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ShapeError
from handgrad.loss import broadcast_weight
from handgrad.training.metrics.metric import Metric, Sums

__all__ = ["R2", "MeanAbsoluteError", "MeanAbsolutePercentageError"]


def _differences(predictions: Array, targets: Array, metric: Metric) -> Array:
    if predictions.shape != targets.shape:
        raise ShapeError(
            f"predictions of shape {predictions.shape} and targets of shape {targets.shape} "
            f"for {metric!r}",
            "two arrays of one shape",
            "reshape the targets, for instance with targets.reshape(predictions.shape)",
        )
    difference: Array = np.subtract(predictions, targets, dtype=np.float64)
    return difference


class MeanAbsoluteError(Sums):
    r"""The mean absolute difference, over all entries.

    .. math:: \frac{1}{M} \sum_{m=1}^M |\hat y_m - y_m|

    With sample weights, the weighted mean.

    Raises
    ------
    ShapeError
        Predictions and targets differ in shape.

    Examples
    --------
    >>> metric = MeanAbsoluteError()
    >>> metric.reset()
    >>> metric.update(np.array([[1.0], [2.0]]), np.array([[1.5], [4.0]]))
    >>> metric.result()
    1.25
    """

    name = "mean_absolute_error"

    def reset(self) -> None:
        self._sum: float = 0.0
        self._seen: float = 0

    def _errors(self, predictions: Array, targets: Array) -> Array:
        return np.abs(_differences(predictions, targets, self))

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        errors = self._errors(predictions, targets)
        if sample_weight is None:
            self._sum += float(errors.sum())
            self._seen += errors.size
        else:
            weight = broadcast_weight(sample_weight, errors, self)
            self._sum += float((weight * errors).sum())
            self._seen += float(weight.sum()) * (errors.size / weight.size)

    def result(self) -> float:
        return self._sum / self._seen if self._seen else 0.0


class MeanAbsolutePercentageError(MeanAbsoluteError):
    r"""The mean absolute difference, as a share of the target, over all entries.

    .. math:: \frac{1}{M} \sum_{m=1}^M \frac{|\hat y_m - y_m|}{\max(|y_m|, \varepsilon)}

    with the machine's :math:`\varepsilon` of float64, as in scikit-learn: a target of 0 makes it
    enormous. 0.1 is ten percent. With sample weights, the weighted mean.

    Raises
    ------
    ShapeError
        Predictions and targets differ in shape.

    Examples
    --------
    >>> metric = MeanAbsolutePercentageError()
    >>> metric.reset()
    >>> metric.update(np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]]))
    >>> metric.result()
    0.5
    """

    name = "mean_absolute_percentage_error"

    def _errors(self, predictions: Array, targets: Array) -> Array:
        least = np.finfo(np.float64).eps
        return super()._errors(predictions, targets) / np.maximum(np.abs(targets), least)


class R2(Metric):
    r"""The coefficient of determination, averaged over the outputs.

    .. math::
        R^2 = 1 - \frac{\sum_n (y_n - \hat y_n)^2}{\sum_n (y_n - \bar y)^2}

    The outputs are the last axis, (N, K); the other axes, as in (N, T, K), are datapoints. Sample
    weights :math:`w_n` multiply the terms of both sums, and :math:`\bar y` is the weighted mean.

    An output whose targets are all equal counts as 1 where it is predicted exactly, and as 0
    where it is not, as in scikit-learn.

    Raises
    ------
    ShapeError
        Predictions and targets differ in shape.

    Notes
    -----
    The sum of squares around the mean is gathered without the mean being known beforehand. With
    :math:`n_a, \bar a, S_a` of what has been seen and :math:`n_b, \bar b, S_b` of the new batch,
    where :math:`n` is a number of datapoints or the sum of their weights,

    .. math:: S = S_a + S_b + (\bar b - \bar a)^2 \, \frac{n_a n_b}{n_a + n_b},

    which does not lose its digits as :math:`\sum y^2 - n \bar y^2` does.

    References
    ----------
    Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979), eq. 2.1.

    Examples
    --------
    >>> metric = R2()
    >>> metric.reset()
    >>> metric.update(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]))
    >>> metric.update(np.array([[5.0]]), np.array([[5.0]]))
    >>> metric.result()
    0.875
    """

    name = "r2"

    def reset(self) -> None:
        self._seen: float = 0
        self._mean = self._spread = self._squares = np.zeros(1)

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        difference = _differences(predictions, targets, self)
        axes = difference if difference.ndim < 2 else difference[..., 0]  # a row for each entry
        weight = np.ones(axes.shape)
        if sample_weight is not None:
            weight *= broadcast_weight(sample_weight, axes, self)
        K = difference.size // axes.size
        w, y = weight.ravel(), targets.reshape(-1, K).astype(np.float64, copy=False)
        N = float(w.sum())
        if not N:
            return
        mean = w @ y / N
        squares = w @ np.square(difference.reshape(-1, K))
        self._add(N, mean, w @ np.square(y - mean), squares)

    def _add(self, seen: float, mean: Array, spread: Array, squares: Array) -> None:
        total = self._seen + seen
        step = mean - self._mean
        self._spread = self._spread + spread + step * step * (self._seen * seen / total)
        self._mean = self._mean + step * (seen / total)
        self._squares = self._squares + squares
        self._seen = total

    def merge(self, state: dict[str, Any]) -> None:
        if state["seen"]:
            self._add(**state)

    def result(self) -> float:
        varies = self._spread > 0
        ratio = np.divide(
            self._squares, self._spread, out=(self._squares > 0).astype(float), where=varies
        )
        return float(np.mean(1 - ratio))
