"""The hyperbolic tangent."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation

__all__ = ["Tanh"]


class Tanh(Activation):
    r"""The hyperbolic tangent, entry by entry.

    .. math:: y = \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}

    Notes
    -----
    **Gradient.**

    .. math:: dx_i = dy_i \, (1 - y_i^2).

    **Derivation.** An output depends on its own input alone. With :math:`s = e^x - e^{-x}` and
    :math:`c = e^x + e^{-x}`, of which each is the other's derivative, the quotient rule gives

    .. math::
        \frac{\partial y}{\partial x}
            = \frac{\partial}{\partial x} \frac{s}{c}
            = \frac{c \cdot c - s \cdot s}{c^2}
            = 1 - y^2

    which is ``dy * (1 - y * y)``. It is `Sigmoid` on another scale,
    :math:`\tanh(x) = 2 \sigma(2x) - 1`: four times as steep at 0, and with outputs of both signs.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output, from which the derivative follows without another exponential.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), section 4.4.

    Examples
    --------
    >>> tanh = Tanh()
    >>> tanh([[0.0, 100.0]])
    array([[0., 1.]])
    >>> tanh.grad([[3.0, 3.0]])
    array([[3., 0.]])
    """

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the hyperbolic tangent of `x`, and the same array as what is saved."""
        y = np.tanh(x, out=np.empty_like(x))  # an array even for a single number
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy * (1 - y * y)``."""
        y = saved
        dx = 1 - y * y
        dx *= dy
        return dx, {}
