"""The mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.component import Array, Loss
from handgrad.errors import ShapeError

__all__ = ["MSELoss"]


class MSELoss(Loss):
    r"""The mean squared error, over all entries.

    .. math:: L = \frac{1}{M} \sum_{m=1}^{M} (\hat y_m - y_m)^2

    where :math:`m` runs over all :math:`M` entries of the predictions :math:`\hat y`: the mean is
    taken over the minibatch **and** over the features, as in PyTorch.

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

    **Weights.** A weight :math:`w_n` for each row multiplies the row's terms; the divisor stays
    :math:`M`. It is a constant in the derivation, so it multiplies the row of the gradient too.

    **Shapes.** Predictions and targets have one shape, any; so has the gradient. Broadcasting is
    refused: (N, 1) against (N,) would silently compare everything with everything.

    **Saved.** The difference, times the weights. A target's precision never changes that of the
    predictions.

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
        self, predictions: Array, targets: Array, weights: Array | None = None
    ) -> tuple[Any, Array]:
        """Return the mean of the squared differences, and the differences."""
        if predictions.shape != targets.shape:
            raise ShapeError(
                f"predictions of shape {predictions.shape} and targets of shape {targets.shape}",
                "two arrays of one shape",
                "reshape the targets, for instance with targets.reshape(predictions.shape)",
            )
        difference = np.subtract(predictions, targets, dtype=predictions.dtype)
        weighted = difference
        if weights is not None:  # a factor for each row, whatever the other axes
            weighted = difference * weights.reshape(-1, *[1] * (difference.ndim - 1))
        return difference.ravel() @ weighted.ravel() / difference.size, weighted

    def pullback(self, saved: Array) -> Array:
        """Return ``2 (predictions - targets) / M``, each row times its weight."""
        difference = saved
        return difference * (2 / difference.size)
