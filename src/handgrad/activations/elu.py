"""The exponential linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number
from handgrad.component import Activation

__all__ = ["ELU"]


class ELU(Activation):
    r"""The exponential linear unit, entry by entry.

    .. math:: y = \max(x, 0) + \alpha \left( e^{\min(x, 0)} - 1 \right)

    Parameters
    ----------
    alpha : float, default 1.0
        How far down it goes: :math:`y > -\alpha`; a number >= 0.

    Raises
    ------
    ArgumentError
        `alpha` is not a finite number >= 0.

    Notes
    -----
    **Gradient.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math::
        dx_i = dy_i \, \bigl( (1 - \alpha) [x_i > 0] + \min(y_i, 0) + \alpha \bigr).

    **Derivation.** An output depends on its own input alone. For :math:`x > 0` the second term is
    :math:`\alpha (e^0 - 1) = 0` and the output is the input; for :math:`x < 0` it is the second
    term alone:

    .. math::
        x > 0 &: \quad y = x, \quad
            \partial y / \partial x = 1 = (1 - \alpha) + 0 + \alpha \\
        x < 0 &: \quad y = \alpha e^x - \alpha, \quad
            \partial y / \partial x = \alpha e^x = 0 + y + \alpha

    and since :math:`x > 0` exactly where :math:`y > 0`, all of it can be written with the output:
    ``dy * ((y > 0) * (1 - alpha) + np.minimum(y, 0) + alpha)``.

    **The kink.** With :math:`\alpha = 1` there is none. Otherwise the derivative at 0 is
    :math:`\alpha`, as in PyTorch.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output, from which the derivative follows without another exponential.

    **Precision.** :math:`e^x - 1` is computed as such, so that nothing cancels near 0.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units (ELUs)", ICLR 2016, section 3.

    Examples
    --------
    >>> elu = ELU(alpha=2.0)
    >>> elu([[-100.0, 0.0, 3.0]])
    array([[-2.,  0.,  3.]])
    >>> elu.grad([[1.0, 1.0, 1.0]])
    array([[0., 2., 1.]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real_number(alpha, "alpha", "ELU", least=0)

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the exponential linear unit of `x`, and the same array as what is saved."""
        y = np.zeros_like(x)  # for many numbers twice as fast as the number 0
        np.minimum(x, y, out=y)
        np.expm1(y, out=y)
        y *= self.alpha
        y += x.clip(0, np.inf)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy`` where the unit was on, and ``dy * (y + alpha)`` elsewhere."""
        y = saved
        dx = np.multiply(y > 0, 1 - self.alpha, dtype=y.dtype)
        dx += np.minimum(y, 0)
        dx += self.alpha
        dx *= dy
        return dx, {}

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"
