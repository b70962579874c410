"""The cross-entropy of a softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.loss import Loss, broadcast_weight

__all__ = ["CrossEntropy"]


class CrossEntropy(Loss):
    r"""The cross-entropy between targets and the softmax of logits.

    .. math::
        p_{nk} = \frac{e^{o_{nk}}}{\sum_j e^{o_{nj}}}, \qquad
        L = -\frac{1}{N} \sum_{n=1}^{N} \sum_{k=1}^{K} y_{nk} \log p_{nk}

    The softmax is part of the loss: pass logits :math:`o`, not probabilities.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of rows N. Where False, the loss is the sum over the minibatch.

    Raises
    ------
    ArgumentError
        `average` is not a bool.

    Notes
    -----
    **Targets.** One-hot rows or class probabilities, (..., K); or class indices, integers (...),
    which stand for the one-hot rows. :math:`n` runs over all rows of K logits, whatever the
    leading axes: in a batch of sequences, (B, T, K), over all its B T tokens.

    **Gradient.** For rows of targets that sum to 1, as all of those do,

    .. math:: \frac{\partial L}{\partial o_{nk}} = \frac{1}{N} (p_{nk} - y_{nk}).

    **Derivation, for one datapoint.** First the logarithm of the softmax, then its derivative:

    .. math::
        \log p_k &= o_k - \log \sum_j e^{o_j} \\
        \frac{\partial \log p_k}{\partial o_i}
            &= [k = i] - \frac{e^{o_i}}{\sum_j e^{o_j}} = [k = i] - p_i \\
        \frac{\partial L}{\partial o_i}
            &= -\sum_k y_k \frac{\partial \log p_k}{\partial o_i}
             = -\sum_k y_k \bigl( [k = i] - p_i \bigr) \\
            &= p_i \sum_k y_k - y_i \\
            &= p_i - y_i \qquad \text{since} \quad \textstyle\sum_k y_k = 1.

    The code keeps the sum of the row, :math:`s = \sum_k y_k`, so that it is the gradient of its
    own value for every target whatever: ``p * s - y``.

    **Derivation, for the minibatch.** Row :math:`n` of the logits appears in term :math:`n` of
    the mean alone, so each row is the gradient of one datapoint, divided by N:
    ``(p * s - y) / N``, where without averaging there is nothing to divide by. A row of the
    gradient sums to 0, since adding a constant to a row's logits changes nothing.

    **Weights.** A weight :math:`w_n` for each row multiplies its term, and the divisor becomes
    :math:`\sum_n w_n`. That is the loss for the targets :math:`w_n y_{nk}`, whose rows sum to
    :math:`w_n s_n`, and so needs no new formula. With weights 0 and 1 it is the mean over the
    rows that are not masked.

    **Stability.** With :math:`z_{nk} = o_{nk} - \max_j o_{nj}`, every exponential is in [0, 1]
    and their sum is in [1, K], so for logits of any finite size

    .. math:: -\sum_k y_k \log p_k = \sum_k y_k \Bigl( \log \sum_j e^{z_j} - z_k \Bigr)

    is finite. A difference of two logits, or a sum of them, that is itself too large for the type
    counts as the largest number that the type holds. A logit of :math:`-\infty` rules its class
    out, as if it were not there; a target on such a class makes the loss infinite.

    **Shapes.** Logits and gradient (N, K), or (..., K) with any leading axes; K at least 2, since
    the softmax of a single logit is always 1.

    **Saved.** The exponentials, their sums, the targets and their sums, and the divisor.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990);
    Bishop, "Pattern Recognition and Machine Learning" (2006), eqs. 4.104 to 4.109.

    Examples
    --------
    >>> loss = CrossEntropy()
    >>> round(float(loss([[2.0, 0.0], [0.0, 0.0]], [0, 1])), 6)
    0.410038
    >>> loss.grad()
    array([[-0.05960146,  0.05960146],
           [ 0.25      , -0.25      ]])
    """

    def __init__(self, average: bool = True) -> None:
        if not isinstance(average, bool | np.bool_):
            raise ArgumentError(
                f"average={average!r} for CrossEntropy",
                "True or False",
                "average=True for the mean over the minibatch, False for the sum",
            )
        self.average = bool(average)

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the cross-entropy of the logits, and what the pullback needs."""
        logits = predictions
        if logits.ndim < 2 or logits.shape[-1] < 2:
            raise ShapeError(
                f"logits of shape {logits.shape} for {self!r}",
                "a row of K >= 2 logits for each of N datapoints, (N, K), or (..., K)",
                "give the model an output for each class, two where the answer is yes or no; "
                "a single logit has a softmax of 1, whatever it is",
            )
        y, y_sum = self._rows(logits, targets)
        if sample_weight is not None:
            weight = broadcast_weight(sample_weight, logits[..., :1], self)
            y, y_sum = y * weight, y_sum * weight
        with np.errstate(over="ignore"):
            z = logits - logits.max(axis=-1, keepdims=True)
        e = np.exp(z)
        e_sum = e.sum(axis=-1, keepdims=True)
        log_sum = np.log(e_sum)
        divisor = 1.0
        if self.average:  # by 1, where all weights are 0
            divisor = self.count(logits, targets, sample_weight) or 1.0
        value = np.vdot(y, log_sum - z) / divisor
        if not abs(value) < np.inf:  # once more, with the largest number for what is larger still
            limit = np.finfo(z.dtype).max
            with np.errstate(over="ignore"):
                value = np.vdot(y / divisor, log_sum - np.maximum(z, -limit))
            value = np.clip(value, -limit, limit)
            impossible = np.isneginf(logits) & (y != 0)  # here the loss is infinite in truth
            if impossible.any():
                value = value + np.inf * y[impossible].sum()
        return value, (e, e_sum, y, y_sum, divisor)

    def pullback(self, saved: Any) -> Array:
        """Return ``p * s - y`` for each row, divided by N where the loss is a mean."""
        e, e_sum, y, y_sum, divisor = saved
        gradient: Array = e * (y_sum / e_sum)
        gradient -= y
        if self.average:
            gradient /= divisor
        return gradient

    def count(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> float:
        """Return the number of rows, or the sum of their weights."""
        rows: int = predictions.size // predictions.shape[-1]
        if sample_weight is None:
            return rows
        return float(sample_weight.sum()) * (rows / sample_weight.size)

    def _rows(self, logits: Array, targets: Array) -> tuple[Array, Any]:
        """Return the targets as rows over the classes, of the logits' type, and the rows' sums."""
        if targets.shape == logits.shape:
            y: Array = targets.astype(logits.dtype, copy=False)
            return y, y.sum(axis=-1, keepdims=True)
        rows, K = logits.shape[:-1], logits.shape[-1]
        if targets.shape != rows:
            raise ShapeError(
                f"targets of shape {targets.shape} for logits of shape {logits.shape}",
                f"one-hot rows {logits.shape} or class indices {rows}",
                "give each datapoint one row, or one index; targets.ravel() makes a column flat",
            )
        if targets.dtype.kind not in "iu":
            raise DtypeError(
                f"class indices of type {targets.dtype} for {self!r}",
                "integers",
                "convert them with targets.astype(np.int64)",
            )
        one_hot: Array = targets[..., None] == np.arange(K, like=targets)
        if np.count_nonzero(one_hot) < targets.size:  # an index that is no class has a row of zeros
            raise ShapeError(
                f"class indices from {targets.min()} to {targets.max()} for {self!r}",
                f"indices from 0 to {K - 1}, one for each column of the logits",
                "count the classes from 0, and give the model as many outputs as there are classes",
            )
        return one_hot.astype(logits.dtype), 1

    def __repr__(self) -> str:
        return f"CrossEntropy(average={self.average})"
