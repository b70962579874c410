"""The cross-entropy of a softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number, true_or_false
from handgrad.errors import ArgumentError
from handgrad.kernels.compiling import kernel
from handgrad.loss import Loss, broadcast_weight
from handgrad.losses.classes import check_scores, one_hot, weighted_rows

__all__ = ["CrossEntropy"]

_LARGE = 6e4  # which every floating type holds
FEW = 8192
"""Logits from which on NumPy's form is the faster one: it takes many exponentials at a time."""


@kernel
def from_indices(logits: Any, indices: Any, p: Any) -> Any:
    """Write p, and return the sum of ``-log p`` over the right classes.

    The sum is not a number where an index is none of the classes.
    """
    if np.minimum.reduce(indices) < 0 or np.maximum.reduce(indices) >= logits.shape[1]:
        return np.nan
    most = logits.take(_places(logits, logits.argmax(axis=1)))  # faster than max on short rows
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.subtract(logits, most[:, None], out=p)
        right = z.take(_places(z, indices))
        np.exp(z, out=p)
        s = np.add.reduce(p, axis=1)
        p /= s[:, None]
        return np.add.reduce(np.log(s) - right)


@from_indices.compiled()
def _(logits: Any, indices: Any, p: Any) -> Any:
    N, K = logits.shape
    total = 0.0
    for n in range(N):
        t = indices[n]
        if t < 0 or t >= K:
            return np.nan
        most, s = logits[n, 0], logits[n, 0] * 0
        for k in range(1, K):
            most = max(most, logits[n, k])
        for k in range(K):
            p[n, k] = np.exp(logits[n, k] - most)
            s += p[n, k]
        total += np.log(s) - (logits[n, t] - most)
        for k in range(K):
            p[n, k] /= s
    return total


def _places(rows: Array, indices: Array) -> Array:
    """Return where in all entries of the rows each of them has its index."""
    places: Array = indices + np.arange(0, rows.size, rows.shape[1], like=indices)
    return places


@kernel
def from_indices_pullback(p: Any, indices: Any, divisor: float) -> Any:
    """Return ``(p - y) / divisor``, where y is 1 at each row's index and 0 elsewhere."""
    gradient = p.copy()
    gradient.reshape(-1)[_places(p, indices)] -= 1
    gradient /= divisor
    return gradient


@from_indices_pullback.compiled()
def _(p: Any, indices: Any, divisor: float) -> Any:
    gradient, share = np.empty_like(p), p.dtype.type(1 / divisor)
    for n in range(len(p)):
        for k in range(p.shape[1]):
            gradient[n, k] = p[n, k] * share
        gradient[n, indices[n]] = (p[n, indices[n]] - 1) * share
    return gradient


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
    label_smoothing : float, default 0.0
        The share :math:`\epsilon` of each target that all classes have alike, 0 to 1.
    ignore_index : int, optional
        The class index of rows that count nowhere: not in the sum, not in N, with no gradient.

    Raises
    ------
    ArgumentError
        `average` is not a bool, `label_smoothing` is not from 0 to 1, or `ignore_index` is not an
        integer.
    ShapeError, DtypeError
        The targets are none for these logits, or there is a single logit.

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

    **Smoothing.** With :math:`\epsilon` the targets :math:`(1 - \epsilon) \, y_{nk} + \epsilon / K`
    stand in the place of :math:`y_{nk}`, so that no logit has to grow without end; no new formula
    either.

    **Ignored rows.** A row whose class index is `ignore_index` has a target of zeros, and
    :math:`s_n = 0`: it adds nothing to the value, and its gradient is 0. Where all rows are
    ignored the loss is 0 (PyTorch divides 0 by 0). In one-hot rows nothing is ignored. A metric
    knows nothing of it; what is masked by weights of 0 is masked for all.

    **Stability.** With :math:`z_{nk} = o_{nk} - \max_j o_{nj}`, every exponential is in [0, 1]
    and their sum is in [1, K], so for logits of any finite size

    .. math:: -\sum_k y_k \log p_k = \sum_k y_k \Bigl( \log \sum_j e^{z_j} - z_k \Bigr)

    is finite. A difference of two logits, or a sum of them, that is itself too large for the type
    counts as the largest number that the type holds. A logit of :math:`-\infty` rules its class
    out, as if it were not there; a target on such a class makes the loss infinite.

    **Shapes.** Logits and gradient (N, K), or (..., K) with any leading axes; K at least 2, since
    the softmax of a single logit is always 1.

    **Saved.** The exponentials, their sums, the targets and their sums, and the divisor. Where the
    targets are class indices that all count alike, the softmax, the indices and the divisor.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990);
    Bishop, "Pattern Recognition and Machine Learning" (2006), eqs. 4.104 to 4.109; for smoothing,
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer
    vision", CVPR 2016, section 7.

    Examples
    --------
    >>> loss = CrossEntropy()
    >>> round(float(loss([[2.0, 0.0], [0.0, 0.0]], [0, 1])), 6)
    0.410038
    >>> loss.grad()
    array([[-0.05960146,  0.05960146],
           [ 0.25      , -0.25      ]])
    """

    def __init__(
        self,
        average: bool = True,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
    ) -> None:
        name = "CrossEntropy"
        self.average = true_or_false(
            average,
            "average",
            name,
            "average=True for the mean over the minibatch, False for the sum",
        )
        self.label_smoothing = real_number(
            label_smoothing, "label_smoothing", name, least=0, most=1
        )
        if ignore_index is not None and (
            isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer)
        ):
            raise ArgumentError(
                f"ignore_index={ignore_index!r} for {name}",
                "an integer, or None",
                "give the index that stands for no class, -100 say",
            )
        self.ignore_index = None if ignore_index is None else int(ignore_index)

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the cross-entropy of the logits, and what the pullback needs."""
        logits = predictions
        check_scores(
            logits,
            self,
            "a single logit has a softmax of 1, whatever it is: BinaryCrossEntropy takes that",
        )
        if sample_weight is None and self._bare(logits, targets):
            indices = targets.ravel().astype(np.intp)  # a copy, which nobody writes to
            rows = logits.reshape(len(indices), -1)
            p: Array = np.empty_like(rows)
            divisor = float(len(indices)) if self.average else 1.0
            summed = from_indices if rows.size < FEW else from_indices.formula
            value = summed(rows, indices, p) / divisor
            if abs(value) < _LARGE:
                saved = p.reshape(logits.shape), None, indices, None, divisor
                return logits.dtype.type(value), saved
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
        if y_sum is None:  # the targets are indices, and e is the softmax itself
            rows = e.reshape(len(y), -1)
            gradient: Array = from_indices_pullback(rows, y, divisor).reshape(e.shape)
            return gradient
        gradient = e * (y_sum / e_sum)
        gradient -= y
        if self.average:
            gradient /= divisor
        return gradient

    def count(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> float:
        """Return the number of rows that are not ignored, or the sum of their weights."""
        if self.ignore_index is None or targets.shape == predictions.shape:
            return weighted_rows(predictions, sample_weight)
        kept = targets != self.ignore_index
        if sample_weight is None:
            return float(np.count_nonzero(kept))
        kept = kept.astype(sample_weight.dtype)
        return float((broadcast_weight(sample_weight, kept, self) * kept).sum())

    def _bare(self, logits: Array, targets: Array) -> bool:
        """Return whether the targets are class indices, one for each row, that all count alike."""
        return (
            targets.shape == logits.shape[:-1]
            and targets.dtype.kind in "iu"
            and not self.label_smoothing
            and self.ignore_index is None
        )

    def _rows(self, logits: Array, targets: Array) -> tuple[Array, Any]:
        """Return the targets as rows over the classes, of the logits' type, and the rows' sums."""
        if targets.shape == logits.shape:
            y: Array = targets.astype(logits.dtype, copy=False)
            if self.label_smoothing:
                y = self._smoothed(y)
            return y, y.sum(axis=-1, keepdims=True)
        if self.ignore_index is None:
            y = one_hot(targets, logits, self, rows_too=True).astype(logits.dtype)
            return (self._smoothed(y) if self.label_smoothing else y), 1
        kept = targets != self.ignore_index
        y = np.multiply(one_hot(targets, logits, self, kept, rows_too=True), 1, dtype=logits.dtype)
        y_sum = np.multiply(kept[..., None], 1, dtype=logits.dtype)  # 0 for a row that is ignored
        return (self._smoothed(y) * y_sum if self.label_smoothing else y), y_sum

    def _smoothed(self, y: Array) -> Array:
        """Return the rows with a share of each given to all classes alike."""
        y = y * (1 - self.label_smoothing)
        y += self.label_smoothing / y.shape[-1]
        return y

    def __repr__(self) -> str:
        options = [f"average={self.average}"]
        if self.label_smoothing:
            options.append(f"label_smoothing={self.label_smoothing}")
        if self.ignore_index is not None:
            options.append(f"ignore_index={self.ignore_index}")
        return f"CrossEntropy({', '.join(options)})"
