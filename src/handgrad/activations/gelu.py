"""The Gaussian error linear unit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from handgrad.activations.normal import FAR, normal_cdf, normal_density
from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.errors import ArgumentError

__all__ = ["GELU"]


class GELU(Activation):
    r"""The input times the chance that a standard normal variable is below it, entry by entry.

    .. math::
        y = x \, \Phi(x), \qquad
        \Phi(x) = \int_{-\infty}^{x} \frac{1}{\sqrt{2 \pi}} e^{-t^2/2} \, dt
                = \frac{1}{2} \Bigl( 1 + \operatorname{erf} \frac{x}{\sqrt{2}} \Bigr)

    or, where `approximate` is ``"tanh"``, as in GPT-2 and BERT, with

    .. math:: \Phi(x) \approx \frac{1}{2} (1 + \tanh u), \qquad u = c \, (x + a x^3), \qquad
              c = \sqrt{2 / \pi}, \quad a = 0.044715.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        The exact function, which is the default, or the approximation, which differs from it by
        0.0005 at most. A network that was trained with one wants that one.

    Raises
    ------
    ArgumentError
        `approximate` is neither of the two.

    Notes
    -----
    **Gradient.** With :math:`\varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}` it is

    .. math:: dx_i = dy_i \, \bigl( \Phi(x_i) + x_i \, \varphi(x_i) \bigr),

    and of the approximation, with :math:`s = \frac{1}{2} (1 + \tanh u)` in the place of
    :math:`\Phi`,

    .. math:: dx_i = dy_i \, s_i \, \bigl( 1 + x_i (1 - s_i) (2 c + 6 c a x_i^2) \bigr).

    **Derivation.** An output depends on its own input alone. The product rule, and that the
    derivative of an integral with respect to its upper end is what is integrated, give the exact
    one:

    .. math::
        \frac{\partial y}{\partial x} = \Phi(x) + x \, \Phi'(x) = \Phi(x) + x \, \varphi(x),

    which is ``dy * (phi + x * normal_density(x))``. Of the approximation, :math:`x s`, only the
    factor's derivative is another:

    .. math::
        1 - \tanh^2 u &= (1 + \tanh u)(1 - \tanh u) = 2 s \cdot 2 (1 - s) \\
        s' &= \frac{1}{2} (1 - \tanh^2 u) \, u' = 2 s (1 - s) \, u' \\
        2 u' &= 2 c \, (1 + 3 a x^2) = 2 c + 6 c a x^2 \\
        \frac{\partial y}{\partial x} &= s + x s' = s + x \, s (1 - s) \, 2 u' \\
            &= s \, \bigl( 1 + x (1 - s) (2 c + 6 c a x^2) \bigr)

    which is ``dy * phi * (1 + x * (1 - phi) * (2 * c + 6 * c * a * x * x))``: in the code ``phi``
    is :math:`s` too. There :math:`x` is cut off at 40, beyond which :math:`s` is 0 or 1 in floating
    point, so that no infinite square meets a 0.

    **Speed.** :math:`x^3` is written as products. NumPy's ``x**3`` takes as long as everything
    else here several times over.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The input, and :math:`\Phi` or :math:`s`, which need not be computed again.

    **Precision.** `handgrad.activations.normal` says how :math:`\Phi` is computed.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)" (2016), section 2.

    Examples
    --------
    >>> gelu = GELU()
    >>> gelu([[-1.0, 0.0, 1.0]]).round(6)
    array([[-0.158655,  0.      ,  0.841345]])
    >>> gelu.grad([[1.0, 1.0, 1.0]]).round(6)
    array([[-0.083315,  0.5     ,  1.083315]])
    >>> GELU(approximate="tanh")([[-1.0, 0.0, 1.0]]).round(6)
    array([[-0.158808,  0.      ,  0.841192]])
    """

    # The constants of the approximation, and where its input is cut off.
    c, a, far = math.sqrt(2 / math.pi), 0.044715, FAR

    def __init__(self, approximate: str = "none") -> None:
        if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
            raise ArgumentError(
                f"approximate={approximate!r} for GELU",
                'approximate="none" or approximate="tanh"',
                'write "none" for the exact function',
            )
        self.approximate = approximate

    def apply(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        r"""Return `x` times :math:`\Phi`, and the two as what is saved."""
        if self.approximate == "none":
            phi = normal_cdf(x)
        else:
            phi = np.empty_like(x)
            with np.errstate(over="ignore"):  # of what is infinite the tanh is 1
                np.multiply(x, x, out=phi)
                phi *= self.c * self.a
                phi += self.c
                phi *= x
            np.tanh(phi, out=phi)
            phi += 1
            phi *= 0.5
        return np.multiply(x, phi, out=np.empty_like(x)), (x, phi)

    def pullback(
        self, dy: Array, saved: tuple[Array, Array], need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        r"""Return `dy` times :math:`\Phi + x \varphi`, or what that is of the approximation."""
        x, phi = saved
        if self.approximate == "none":
            dx = normal_density(x)
            dx *= x
            dx += phi
        else:
            x = x.clip(-self.far, self.far)
            dx = x * x
            dx *= 6 * self.c * self.a
            dx += 2 * self.c  # twice the derivative of u
            dx *= x
            dx *= 1 - phi
            dx += 1
            dx *= phi
        dx *= dy
        return dx, {}

    def __repr__(self) -> str:
        return f"GELU(approximate={self.approximate!r})"
