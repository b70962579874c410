"""Huber's loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number
from handgrad.losses.entries import LossOfEntries

__all__ = ["HuberLoss"]


class HuberLoss(LossOfEntries):
    r"""Half the squared error where it is small, and the absolute error where it is large.

    .. math::
        L = \frac{1}{M} \sum_{m=1}^{M} h(\hat y_m - y_m), \qquad
        h(d) = \begin{cases}
            \frac{1}{2} d^2 & |d| \le \delta \\
            \delta \, (|d| - \frac{1}{2} \delta) & |d| > \delta
        \end{cases}

    where :math:`m` runs over all :math:`M` entries of the predictions :math:`\hat y`, as in
    PyTorch. A target that is far off pulls with the strength :math:`\delta`, and no more.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of entries M. Where False, the loss is their sum.
    delta : float, default 1.0
        Where the one becomes the other, a number > 0.

    Raises
    ------
    ArgumentError
        `average` is not a bool, or `delta` is not a finite number > 0.
    ShapeError
        Predictions and targets have not one shape.

    Notes
    -----
    **Gradient.**

    .. math::
        \frac{\partial L}{\partial \hat y_i} = \frac{1}{M} \, c_i, \qquad
        c_i = \min(\max(\hat y_i - y_i, -\delta), \delta).

    **Derivation.** Entry :math:`i` of the predictions appears in one term of the sum. With the
    difference :math:`d` cut off at :math:`\pm \delta`, :math:`c`, both cases are one formula,

    .. math::
        c \, (d - \tfrac{1}{2} c) = \begin{cases}
            d \, (d - \frac{1}{2} d) = \frac{1}{2} d^2 & |d| \le \delta, \; c = d \\
            \delta \, (d - \frac{1}{2} \delta) = \delta \, (|d| - \frac{1}{2} \delta)
                & d > \delta, \; c = \delta \\
            -\delta \, (d + \frac{1}{2} \delta) = \delta \, (|d| - \frac{1}{2} \delta)
                & d < -\delta, \; c = -\delta
        \end{cases}

    and their derivatives with respect to :math:`d` are :math:`d`, :math:`\delta` and
    :math:`-\delta`: in every case :math:`c`, which is ``cut * scale``, where `scale` is
    :math:`1 / M`. At :math:`\pm \delta` both sides have one derivative, so there is no kink.

    **Weights.** With a weight :math:`w_m` for each entry, the same for all entries of a row,
    :math:`w_m / \sum_m w_m` stands in the place of :math:`1 / M`; without averaging :math:`w_m`.

    **Shapes.** Predictions and targets have one shape, any; so has the gradient. Broadcasting is
    refused: (N, 1) against (N,) would silently compare everything with everything.

    **Saved.** The difference, cut off, and the scale.

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35
    (1964).

    Examples
    --------
    >>> loss = HuberLoss(delta=1.0)
    >>> float(loss([0.5, 3.0], [0.0, 0.0]))
    1.3125
    >>> loss.grad()
    array([0.25, 0.5 ])
    """

    def __init__(self, average: bool = True, delta: float = 1.0) -> None:
        super().__init__(average)
        self.delta = real_number(delta, "delta", "HuberLoss", above=0)

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the mean of the terms, and what the pullback needs."""
        self._check(predictions, targets)
        difference = np.subtract(predictions, targets, dtype=predictions.dtype)
        scale = self._scale(predictions, targets, sample_weight)
        with np.errstate(over="ignore"):  # of a delta beyond the type
            cut = np.clip(difference, -self.delta, self.delta)
        return (cut * scale * (difference - 0.5 * cut)).sum(), (cut, scale)

    def pullback(self, saved: Any) -> Array:
        """Return the differences, cut off, each times its scale."""
        cut, scale = saved
        gradient: Array = cut * scale
        return gradient

    def _options(self) -> list[str]:
        return [*super()._options(), f"delta={self.delta}"]
