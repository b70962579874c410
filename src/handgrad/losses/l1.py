"""The mean absolute error."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.losses.entries import LossOfEntries

__all__ = ["L1Loss"]


class L1Loss(LossOfEntries):
    r"""The mean absolute error, over all entries.

    .. math:: L = \frac{1}{M} \sum_{m=1}^{M} |\hat y_m - y_m|

    where :math:`m` runs over all :math:`M` entries of the predictions :math:`\hat y`, as in
    PyTorch. It asks for the median, where the squared error asks for the mean.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of entries M. Where False, the loss is their sum.

    Raises
    ------
    ArgumentError
        `average` is not a bool.
    ShapeError
        Predictions and targets have not one shape.

    Notes
    -----
    **Gradient.**

    .. math::
        \frac{\partial L}{\partial \hat y_i} = \frac{1}{M} \operatorname{sign}(\hat y_i - y_i).

    **Derivation.** Entry :math:`i` of the predictions appears in one term of the sum. Write
    :math:`d_i = \hat y_i - y_i`:

    .. math::
        d_i > 0 &: \quad |d_i| = d_i, \quad \partial |d_i| / \partial \hat y_i = 1 \\
        d_i < 0 &: \quad |d_i| = -d_i, \quad \partial |d_i| / \partial \hat y_i = -1

    which is ``np.sign(difference) * scale``, where `scale` is :math:`1 / M`.

    **The kink.** Where a prediction is exactly right the derivative is 0, as in PyTorch.

    **Weights.** With a weight :math:`w_m` for each entry, the same for all entries of a row,
    :math:`w_m / \sum_m w_m` stands in the place of :math:`1 / M`; without averaging :math:`w_m`.

    **Shapes.** Predictions and targets have one shape, any; so has the gradient. Broadcasting is
    refused: (N, 1) against (N,) would silently compare everything with everything.

    **Saved.** The difference, and the scale.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978), for the median.

    Examples
    --------
    >>> loss = L1Loss()
    >>> float(loss([0, 1, 2, 3], [1, 3, 3, 3]))
    1.0
    >>> loss.grad()
    array([-0.25, -0.25, -0.25,  0.  ])
    """

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the mean of the absolute differences, and what the pullback needs."""
        self._check(predictions, targets)
        difference = np.subtract(predictions, targets, dtype=predictions.dtype)
        scale = self._scale(predictions, targets, sample_weight)
        return (np.abs(difference) * scale).sum(), (difference, scale)

    def pullback(self, saved: Any) -> Array:
        """Return the signs of the differences, each times its scale."""
        difference, scale = saved
        gradient: Array = np.sign(difference) * scale
        return gradient
