"""The softplus, a smooth rectifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number
from handgrad.component import Activation

__all__ = ["Softplus"]


class Softplus(Activation):
    r"""A smooth rectified linear unit, always positive, entry by entry.

    .. math:: y = \frac{1}{\beta} \log \left( 1 + e^{\beta x} \right)

    Parameters
    ----------
    beta : float, default 1.0
        How sharp the bend is, a number > 0; the larger, the nearer to `ReLU`.

    Raises
    ------
    ArgumentError
        `beta` is not a finite number > 0.

    Notes
    -----
    **Gradient.**

    .. math:: dx_i = -dy_i \left( e^{-\beta y_i} - 1 \right).

    **Derivation.** An output depends on its own input alone. The chain rule gives the sigmoid of
    :math:`\beta x`, which is then written with the output, as :math:`e^{\beta y} = 1 + e^{\beta
    x}`:

    .. math::
        \frac{\partial y}{\partial x}
            &= \frac{1}{\beta} \cdot \frac{1}{1 + e^{\beta x}} \cdot \beta e^{\beta x}
             = \frac{e^{\beta x}}{1 + e^{\beta x}} \\
            &= \frac{e^{\beta y} - 1}{e^{\beta y}}
             = 1 - e^{-\beta y}

    which is ``-dy * expm1(-beta * y)``: ``expm1(z)`` is :math:`e^z - 1` without cancellation.

    **Stability.** For large :math:`\beta x` the exponential overflows. Taking :math:`e^{\beta x}`
    out of the logarithm where it is large gives, for both signs,

    .. math:: y = \max(x, 0) + \frac{1}{\beta} \log \left( 1 + e^{-|\beta x|} \right)

    in which no exponential is above 1. So there is no threshold beyond which the formula is
    another one, as there is in PyTorch, where the output is :math:`x` for :math:`\beta x > 20`:
    the two differ there, by less than :math:`2.1 \cdot 10^{-9} / \beta`.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output, from which the derivative follows, so that the input need not be kept.

    References
    ----------
    Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000.

    Examples
    --------
    >>> softplus = Softplus()
    >>> softplus([[-100.0, 0.0, 100.0]]).round(6)
    array([[  0.      ,   0.693147, 100.      ]])
    >>> softplus.grad([[1.0, 1.0, 1.0]]).round(6)
    array([[0. , 0.5, 1. ]])
    """

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = real_number(beta, "beta", "Softplus", above=0)

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the softplus of `x`, and the same array as what is saved."""
        y = np.empty_like(x)
        with np.errstate(over="ignore"):
            z = np.multiply(x, self.beta, out=y)
            y = np.minimum(z, -z, out=y)  # -|z|, in a form that is analytic on either side of 0
        np.exp(y, out=y)
        np.log1p(y, out=y)
        y /= self.beta
        y += x.clip(0, np.inf)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``-dy * expm1(-beta * y)``."""
        y = saved
        with np.errstate(over="ignore"):
            dx = np.expm1(y * -self.beta)
        dx *= -dy
        return dx, {}

    def __repr__(self) -> str:
        return f"Softplus(beta={self.beta})"
