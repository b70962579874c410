"""The leaky rectified linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number
from handgrad.component import Activation

__all__ = ["LeakyReLU"]


class LeakyReLU(Activation):
    r"""The rectified linear unit with a small slope where it is off, entry by entry.

    .. math:: y = \max(x, 0) + a \min(x, 0)

    Parameters
    ----------
    negative_slope : float, default 0.01
        The slope :math:`a \ge 0` for negative inputs. 0 is `ReLU`.

    Raises
    ------
    ArgumentError
        `negative_slope` is not a finite number >= 0.

    Notes
    -----
    **Gradient.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math:: dx_i = dy_i \, \bigl( a + (1 - a) [x_i > 0] \bigr).

    **Derivation.** An output depends on its own input alone, so the Jacobian is diagonal:

    .. math::
        x_i > 0 &: \quad y_i = x_i, \quad \partial y_i / \partial x_i = 1 = a + (1 - a) \\
        x_i < 0 &: \quad y_i = a x_i, \quad \partial y_i / \partial x_i = a

    and since :math:`x_i > 0` exactly where :math:`y_i > 0`, the code reads
    ``dy * ((y > 0) * (1 - a) + a)``. Sums and products are several times as fast as a choice
    between two numbers, whose outcome no processor can guess.

    **The kink.** At :math:`x_i = 0` the derivative is :math:`a`, as in PyTorch.

    **The forward pass.** Of :math:`x` and :math:`a x` the output is the larger one where
    :math:`a \le 1`, and otherwise the smaller one.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output: the layer that follows keeps it anyway, so it costs no memory.

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
    2013, section 2.

    Examples
    --------
    >>> leaky = LeakyReLU(negative_slope=0.25)
    >>> leaky([[-4.0, 2.0]])
    array([[-1.,  2.]])
    >>> leaky.grad([[1.0, 1.0]])
    array([[0.25, 1.  ]])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = real_number(negative_slope, "negative_slope", "LeakyReLU", least=0)

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the larger one of `x` and ``a * x``, and the same array as what is saved."""
        a, y = self.negative_slope, np.empty_like(x)
        with np.errstate(over="ignore"):
            np.multiply(x, a, out=y)
        larger = np.maximum if a <= 1 else np.minimum
        larger(x, y, out=y)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy`` where the unit was on, and ``a * dy`` elsewhere."""
        a, y = self.negative_slope, saved
        dx = np.multiply(y > 0, 1 - a, dtype=y.dtype)
        dx += a
        dx *= dy
        return dx, {}

    def __repr__(self) -> str:
        return f"LeakyReLU(negative_slope={self.negative_slope})"
