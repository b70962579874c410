"""The mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.loss import broadcast_weight
from handgrad.losses.entries import LossOfEntries

__all__ = ["MSELoss"]


class MSELoss(LossOfEntries):
    r"""The mean squared error, over all entries.

    .. math:: L = \frac{1}{M} \sum_{m=1}^{M} (\hat y_m - y_m)^2

    where :math:`m` runs over all :math:`M` entries of the predictions :math:`\hat y`: the mean is
    taken over the minibatch **and** over the features, as in PyTorch.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of entries M. Where False, the loss is their sum, and 1 stands in the
        place of M below.

    Raises
    ------
    ArgumentError
        `average` is not a bool.
    ShapeError
        Predictions and targets have not one shape.

    Notes
    -----
    **Gradient.**

    .. math:: \frac{\partial L}{\partial \hat y_i} = \frac{2}{M} (\hat y_i - y_i).

    **Derivation.** Entry :math:`i` of the predictions appears in one term of the sum:

    .. math::
        \frac{\partial L}{\partial \hat y_i}
            &= \frac{1}{M} \sum_m \frac{\partial}{\partial \hat y_i} (\hat y_m - y_m)^2 \\
            &= \frac{1}{M} \sum_m 2 (\hat y_m - y_m) \, [m = i] \\
            &= \frac{2}{M} (\hat y_i - y_i)

    which is ``difference * (2 / difference.size)``. For a minibatch of N rows with D features
    :math:`M = N D`; dividing by N alone gives the gradient of another loss.

    **Weights.** With a weight :math:`w_m` for each entry, the same for all entries of a row, the
    mean is the weighted one, :math:`L = \sum_m w_m (\hat y_m - y_m)^2 / S` with
    :math:`S = \sum_m w_m`. Weights are constants in the derivation, so they multiply the entries
    of the gradient too, and :math:`S` stands in the place of :math:`M`.

    **Shapes.** Predictions and targets have one shape, any; so has the gradient. Broadcasting is
    refused: (N, 1) against (N,) would silently compare everything with everything.

    **Saved.** The difference, times the weights, and the divisor. A target's precision never
    changes that of the predictions.

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning" (2006), eq. 1.2, there half the sum.

    Examples
    --------
    >>> loss = MSELoss()
    >>> float(loss([0, 1, 2], [1, 3, 3]))
    2.0
    >>> loss.grad()
    array([-0.66666667, -1.33333333, -0.66666667])
    """

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return the mean of the squared differences, and what the pullback needs."""
        self._check(predictions, targets)
        difference = np.subtract(predictions, targets, dtype=predictions.dtype)
        weighted = difference
        if sample_weight is not None:
            weighted = difference * broadcast_weight(sample_weight, difference, self)
        M = self._divisor(predictions, targets, sample_weight)
        return difference.ravel() @ weighted.ravel() / M, (weighted, M)

    def pullback(self, saved: Any) -> Array:
        """Return ``2 (predictions - targets) / M``, each row times its weight."""
        difference, M = saved
        gradient: Array = difference * (2 / M)
        return gradient
