"""The sigmoid linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.activations.sigmoid import Sigmoid
from handgrad.arguments import Array
from handgrad.component import Activation

__all__ = ["SiLU"]


class SiLU(Activation):
    r"""The sigmoid linear unit, also called swish, entry by entry.

    .. math:: y = x \, \sigma(x) = \frac{x}{1 + e^{-x}}

    Notes
    -----
    **Gradient.** With :math:`s_i = \sigma(x_i)`,

    .. math:: dx_i = dy_i \, \bigl( s_i + y_i (1 - s_i) \bigr).

    **Derivation.** An output depends on its own input alone. The product rule, and the sigmoid's
    derivative :math:`s (1 - s)`, give

    .. math::
        \frac{\partial y}{\partial x}
            = \frac{\partial}{\partial x} \, x s
            = s + x \cdot s (1 - s)
            = s + y (1 - s)

    which is ``dy * (s + y * (1 - s))``. Written like this nothing cancels: far to the right
    :math:`1 - s` is exactly 0 and leaves the 1, far to the left everything is small.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The sigmoid, so that there is no second exponential, and the output, which the layer
    that follows keeps anyway.

    References
    ----------
    Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", Neural Networks 107 (2018).

    Examples
    --------
    >>> silu = SiLU()
    >>> silu([[-100.0, 0.0, 100.0]]).round(6)
    array([[ -0.,   0., 100.]])
    >>> silu.grad([[1.0, 1.0, 1.0]]).round(6)
    array([[-0. ,  0.5,  1. ]])
    """

    def apply(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        """Return `x` times its sigmoid, and what is saved: that and the sigmoid."""
        s, _ = Sigmoid().apply(x)
        y = np.multiply(x, s, out=np.empty_like(x))
        return y, (y, s)

    def pullback(
        self, dy: Array, saved: tuple[Array, Array], need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy * (s + y * (1 - s))``."""
        y, s = saved
        dx = 1 - s
        dx *= y
        dx += s
        dx *= dy
        return dx, {}
