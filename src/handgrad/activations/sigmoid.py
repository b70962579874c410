"""The logistic sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation

__all__ = ["Sigmoid"]


class Sigmoid(Activation):
    r"""The logistic sigmoid, entry by entry.

    .. math:: y = \sigma(x) = \frac{1}{1 + e^{-x}}

    Notes
    -----
    **Gradient.**

    .. math:: dx_i = dy_i \, y_i (1 - y_i).

    **Derivation.** An output depends on its own input alone, so only
    :math:`\partial y_i / \partial x_i` is needed. By the chain rule, with :math:`u = 1 + e^{-x}`,

    .. math::
        \frac{\partial y}{\partial x}
            &= -\frac{1}{u^2} \cdot \frac{\partial u}{\partial x}
             = \frac{e^{-x}}{(1 + e^{-x})^2} \\
            &= \frac{1}{1 + e^{-x}} \cdot \frac{(1 + e^{-x}) - 1}{1 + e^{-x}}
             = y \, (1 - y)

    which is ``dy * y * (1 - y)``. The derivative is taken at :math:`x` and written with
    :math:`y`: :math:`x (1 - x)` and :math:`\sigma'(y)` are the two slips to avoid.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output, from which the derivative follows without another exponential.

    **Range.** Far to the left :math:`e^{-x}` is infinite in floating point, and
    :math:`1/\infty = 0` is the right answer, so that overflow is silenced. Every finite input
    gives an output in [0, 1], with full relative precision in the left tail, down to the smallest
    normal number.

    References
    ----------
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature
    323 (1986), eq. 2.

    Examples
    --------
    >>> sigmoid = Sigmoid()
    >>> sigmoid([[0.0, 1e4, -1e4]])
    array([[0.5, 1. , 0. ]])
    >>> sigmoid.grad([[4.0, 4.0, 4.0]])
    array([[1., 0., 0.]])
    """

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the sigmoid of `x`, and the same array as what is saved."""
        y = np.negative(x, out=np.empty_like(x))  # an array even for a single number
        with np.errstate(over="ignore"):
            np.exp(y, out=y)
        y += 1
        np.reciprocal(y, out=y)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy * y * (1 - y)``."""
        y = saved
        dx = 1 - y
        dx *= y
        dx *= dy
        return dx, {}
