"""The binary cross-entropy of logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.activations.sigmoid import Sigmoid
from handgrad.arguments import Array, as_floats
from handgrad.errors import ArgumentError, ShapeError
from handgrad.losses.entries import LossOfEntries

__all__ = ["BinaryCrossEntropy"]


class BinaryCrossEntropy(LossOfEntries):
    r"""The cross-entropy between answers of yes or no and the sigmoid of logits.

    .. math::
        p_m = \sigma(o_m), \qquad
        L = -\frac{1}{M} \sum_{m=1}^{M} \bigl( a \, t_m \log p_m + (1 - t_m) \log (1 - p_m) \bigr)

    where :math:`m` runs over all :math:`M` entries of the logits :math:`o`: each is a question of
    its own, so that a datapoint can have several labels, or none. The sigmoid is part of the loss:
    pass logits, not probabilities.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of entries M. Where False, the loss is their sum.
    positive_weight : float or array (K,), optional
        How much a yes counts, :math:`a \ge 0`: one number, or one for each of the K labels of the
        last axis. Where the yeses are few, the number of noes for each makes up for it. 1 where
        it is None. The divisor is M all the same.

    Raises
    ------
    ArgumentError
        `average` is not a bool, a `positive_weight` is negative or not finite, or a target is not
        from 0 to 1.
    ShapeError
        Logits and targets have not one shape, or there is not one weight for each label.

    Notes
    -----
    **Targets.** 0 and 1, False and True, or probabilities between: a label that is smoothed is one
    that says 0.05 or 0.95.

    **Gradient.** With :math:`c_m = 1 - t_m + a t_m`, which is 1 where :math:`a` is,

    .. math:: \frac{\partial L}{\partial o_m} = \frac{1}{M} (c_m p_m - a t_m).

    **Derivation.** Logit :math:`m` appears in one term of the sum. The logarithms first,

    .. math::
        -\log p = \log(1 + e^{-o}), \qquad
        -\log(1 - p) = -\log \frac{e^{-o}}{1 + e^{-o}} = \log(1 + e^{-o}) + o = \log(1 + e^{o})

    and their derivatives, :math:`-e^{-o} / (1 + e^{-o}) = p - 1`, and one more than that,
    :math:`p`:

    .. math::
        \frac{\partial}{\partial o} \bigl( -a t \log p - (1 - t) \log(1 - p) \bigr)
            = a t \, (p - 1) + (1 - t) \, p
            = (1 - t + a t) \, p - a t

    which is ``(c * p - at) * scale``, where `scale` is :math:`1 / M`. For :math:`a = 1` it is
    :math:`p - t`: prediction minus target, as for a softmax.

    **Stability.** Both logarithms have the part :math:`r = \log(1 + e^{-|o|})` in common, in which
    no exponential is above 1, and the rest is on one side of 0 each:

    .. math::
        \log(1 + e^{o}) = \max(o, 0) + r, \qquad
        \log(1 + e^{-o}) = r - \min(o, 0), \\
        (1 - t) \log(1 + e^{o}) + a t \log(1 + e^{-o})
            = (1 - t) \max(o, 0) - a t \min(o, 0) + c \, r

    of which no term is negative, so nothing cancels.

    **Weights.** With a weight :math:`w_m` for each entry, the same for all entries of a row,
    :math:`w_m / \sum_m w_m` stands in the place of :math:`1 / M`; without averaging :math:`w_m`.

    **Shapes.** Logits, targets and gradient have one shape, any. Broadcasting is refused: a model
    whose last layer has one output gives (N, 1), and so must the targets be.

    **Saved.** The logits, :math:`c`, :math:`a t`, and the scale.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), eqs. 4.90 and 4.91.

    Examples
    --------
    >>> loss = BinaryCrossEntropy()
    >>> round(float(loss([[0.0, 2.0]], [[0, 1]])), 6)
    0.410038
    >>> loss.grad()
    array([[ 0.25      , -0.05960146]])
    """

    def __init__(self, average: bool = True, positive_weight: npt.ArrayLike | None = None) -> None:
        super().__init__(average)
        self.positive_weight: Any = None
        if positive_weight is not None:
            given = as_floats(positive_weight, "positive_weight", "BinaryCrossEntropy")
            if given.ndim > 1 or not (given.min() >= 0 and given.max() < np.inf):
                raise ArgumentError(
                    f"positive_weight={positive_weight!r} for BinaryCrossEntropy",
                    "a finite number >= 0, or one for each label, (K,)",
                    "give the number of noes for each yes, or leave it out",
                )
            self.positive_weight = given if given.ndim else float(given)

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the cross-entropy of the logits, and what the pullback needs."""
        logits = predictions
        self._check(logits, targets)
        if not (targets.min() >= 0 and targets.max() <= 1):
            raise ArgumentError(
                f"targets from {targets.min()} to {targets.max()} for {self!r}",
                "0 for no, 1 for yes, or a probability between them",
                "write targets == 1 where they are of another kind; where there are more classes "
                "than two, and one of them is right, take CrossEntropy",
            )
        scale = self._scale(logits, targets, sample_weight)
        t = targets.astype(logits.dtype, copy=False)
        at, c = t, 1.0
        if self.positive_weight is not None:
            at = self._weigh(t)
            c = 1 - t + at
        zero = np.zeros_like(logits)
        r = np.log1p(np.exp(np.minimum(logits, -logits)))
        terms = (1 - t) * np.maximum(logits, zero) - at * np.minimum(logits, zero) + c * r
        return (terms * scale).sum(), (logits, c, at, scale)

    def pullback(self, saved: Any) -> Array:
        """Return ``c * p - at`` for each entry, times its scale."""
        logits, c, at, scale = saved
        gradient, _ = Sigmoid().apply(logits)
        gradient *= c
        gradient -= at
        gradient *= scale
        return gradient

    def _weigh(self, targets: Array) -> Array:
        """Return the targets, each times the weight of a yes."""
        weight = self.positive_weight
        shape = np.shape(weight)
        if shape and shape != targets.shape[-1:]:
            raise ShapeError(
                f"logits of shape {targets.shape} for {self!r}",
                f"{shape[0]} labels on the last axis, one for each positive_weight",
                "give one weight for each label, or one number for all",
            )
        weighted: Array = targets * np.asarray(weight, targets.dtype, like=targets)
        return weighted

    def _options(self) -> list[str]:
        weight = self.positive_weight
        return [*super()._options(), *([] if weight is None else [f"positive_weight={weight!r}"])]
