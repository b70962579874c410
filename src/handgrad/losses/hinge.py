"""The hinge loss for several classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number, true_or_false
from handgrad.errors import ShapeError
from handgrad.loss import Loss, broadcast_weight
from handgrad.losses.classes import check_scores, one_hot, weighted_rows

__all__ = ["HingeLoss"]


class HingeLoss(Loss):
    r"""How far the right class' score is from being ahead of every other one by a margin.

    .. math::
        L = \frac{1}{N} \sum_{n=1}^{N} \frac{1}{K} \sum_{k \ne t_n}
            \max(0, \; m - o_{n t_n} + o_{nk})

    for scores :math:`o` and class indices :math:`t`. Each row's sum is divided by the number of
    classes K, as in PyTorch's ``MultiMarginLoss``, which this is. Weston and Watkins, and the
    course CS231n, do not divide: K times this loss is theirs.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of rows N. Where False, the loss is the sum over the minibatch.
    margin : float, default 1.0
        By how much the right class should be ahead, :math:`m > 0`.

    Raises
    ------
    ArgumentError
        `average` is not a bool, or `margin` is not a finite number > 0.
    ShapeError, DtypeError
        The targets are not a class index for each row of scores.

    Notes
    -----
    **Targets.** Class indices, integers (...). :math:`n` runs over all rows of K scores, whatever
    the leading axes.

    **Gradient.** With :math:`v_{nk} = [k \ne t_n] \, [m - o_{n t_n} + o_{nk} > 0]`, which says
    whether class :math:`k` is too near,

    .. math::
        \frac{\partial L}{\partial o_{nk}} = \frac{1}{NK} \Bigl(
            v_{nk} - [k = t_n] \sum_j v_{nj} \Bigr).

    **Derivation, for one datapoint.** Write :math:`g_j = m - o_t + o_j` for what class :math:`j`
    lacks of the margin. A term of the sum is :math:`g_j` where it is positive and else 0, so that
    its derivative is :math:`v_j` times that of :math:`g_j`:

    .. math::
        \frac{\partial g_j}{\partial o_i} &= [i = j] - [i = t] \\
        \frac{\partial L}{\partial o_i}
            &= \frac{1}{K} \sum_j v_j \bigl( [i = j] - [i = t] \bigr)
             = \frac{1}{K} \Bigl( v_i - [i = t] \sum_j v_j \Bigr)

    which is ``near * scale``, with ``near`` for :math:`v` and :math:`1 / (NK)` for ``scale``; from
    it the row's sum is subtracted where the class is ``right``. A row of the gradient sums to 0,
    since adding a constant to a row's scores changes nothing.

    **The kink.** Where a class is behind by exactly the margin the derivative is 0, as in PyTorch.

    **Weights.** A weight :math:`w_n` for each row multiplies its term, and the divisor becomes
    :math:`\sum_n w_n` in the place of N.

    **Shapes.** Scores and gradient (N, K), or (..., K) with any leading axes; K at least 2.

    **Saved.** Which classes are too near, which are right, and the scale, with weights
    :math:`w_n / (K \sum_n w_n)`.

    References
    ----------
    Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.

    Examples
    --------
    >>> loss = HingeLoss()
    >>> float(loss([[3.0, 2.5, 0.0, 2.0]], [0]))
    0.125
    >>> loss.grad()
    array([[-0.25,  0.25,  0.  ,  0.  ]])
    """

    def __init__(self, average: bool = True, margin: float = 1.0) -> None:
        self.average = true_or_false(
            average,
            "average",
            "HingeLoss",
            "average=True for the mean over the minibatch, False for the sum",
        )
        self.margin = real_number(margin, "margin", "HingeLoss", above=0)

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the mean of the rows' terms, and what the pullback needs."""
        scores = predictions
        check_scores(scores, self, "a margin is between two of them")
        if targets.shape == scores.shape:
            raise ShapeError(
                f"targets of shape {targets.shape} for {self!r}",
                f"a class index for each row of scores, {scores.shape[:-1]}",
                "make indices of one-hot rows with targets.argmax(axis=-1)",
            )
        right = one_hot(targets, scores, self)
        ahead = scores[right].reshape(*targets.shape, 1)  # the right class' score
        with np.errstate(over="ignore"):
            gap = self.margin - ahead + scores
        near = np.multiply((gap > 0) & ~right, 1, dtype=scores.dtype)
        scale: Any = 1.0 / scores.shape[-1]
        if sample_weight is not None:
            scale = broadcast_weight(sample_weight, ahead, self) / scores.shape[-1]
        if self.average:  # by 1, where all weights are 0
            scale = scale / (self.count(scores, targets, sample_weight) or 1.0)
        value = (np.maximum(gap, 0) * near * scale).sum()
        return value, (near, right, scale)

    def pullback(self, saved: Any) -> Array:
        """Return ``near * scale`` minus, where the class is right, the row's sum of it."""
        near, right, scale = saved
        gradient: Array = near * scale
        gradient -= right * gradient.sum(axis=-1, keepdims=True)
        return gradient

    def count(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> float:
        """Return the number of rows, or the sum of their weights."""
        return weighted_rows(predictions, sample_weight)

    def __repr__(self) -> str:
        return f"HingeLoss(average={self.average}, margin={self.margin})"
