"""The logarithm of the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations.softmax import between_samples, integer_axis
from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.shapes import Shape, check_axis

__all__ = ["LogSoftmax"]


class LogSoftmax(Activation):
    r"""The logarithms of positive numbers that sum to 1, along an axis.

    .. math:: y_k = \log \frac{e^{x_k}}{\sum_j e^{x_j}} = x_k - \log \sum_j e^{x_j}

    Parameters
    ----------
    axis : int, default -1
        The axis along which the exponentials of the outputs sum to 1.

    Raises
    ------
    ArgumentError
        `axis` is not an integer.
    ShapeError
        The input has no such axis.

    Notes
    -----
    **Gradient.**

    .. math:: dx_i = dy_i - e^{y_i} \sum_k dy_k.

    **Derivation.** Along the axis every output depends on every input:

    .. math::
        \frac{\partial y_k}{\partial x_i}
            &= [k = i] - \frac{e^{x_i}}{\sum_j e^{x_j}}
             = [k = i] - e^{y_i} \\
        dx_i &= \sum_k dy_k \bigl( [k = i] - e^{y_i} \bigr)
              = dy_i - e^{y_i} \sum_k dy_k

    which is ``dy - exp(y) * sum(dy)``. The gradient sums to 0 along the axis, since adding a
    constant to all inputs changes nothing.

    **Stability.** The largest input is subtracted first. That changes nothing; every exponential
    is in [0, 1] then, and their sum is at least 1, so that its logarithm is finite. The logarithm
    of `Softmax`' output would not be, where that is 0.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` have one shape, any.

    **Saved.** The output.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), eq. 6.30.

    Examples
    --------
    >>> log_softmax = LogSoftmax()
    >>> log_softmax([[0.0, 0.0], [0.0, -1000.0]])
    array([[-6.93147181e-01, -6.93147181e-01],
           [ 0.00000000e+00, -1.00000000e+03]])
    >>> log_softmax.grad([[1.0, 0.0], [1.0, 0.0]])
    array([[ 0.5, -0.5],
           [ 0. ,  0. ]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer_axis(axis, "LogSoftmax")

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the logarithm of the softmax of `x`, and the same array as what is saved."""
        check_axis(self.axis, x.shape, self)
        with np.errstate(over="ignore"):
            y: Array = x - x.max(axis=self.axis, keepdims=True)
        y -= np.log(np.exp(y).sum(axis=self.axis, keepdims=True))
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy - exp(y) * sum(dy)``."""
        y = saved
        dx = np.exp(y)
        dx *= -dy.sum(axis=self.axis, keepdims=True)
        dx += dy
        return dx, {}

    def pullback_per_sample(
        self, dy: Array, saved: Array, need_dx: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Return what `pullback` does, where the axis is not that of the samples."""
        between_samples(self.axis, dy, self)
        return self.pullback(dy, saved, need_dx)

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axis(self.axis, input_shape, self)
        return input_shape

    def __repr__(self) -> str:
        return f"LogSoftmax(axis={self.axis})"
