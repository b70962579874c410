"""The identity between two bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, real_number
from handgrad.component import Activation
from handgrad.errors import ArgumentError

__all__ = ["HardTanh"]


class HardTanh(Activation):
    r"""The identity between two bounds, and constant beyond them, entry by entry.

    .. math:: y = \min(\max(x, l), u)

    Parameters
    ----------
    min_val, max_val : float, default -1.0 and 1.0
        The bounds :math:`l < u`. ``HardTanh(0, 6)`` is what is called ReLU6.

    Raises
    ------
    ArgumentError
        A bound is not a finite number, or the lower one is not below the upper one.

    Notes
    -----
    **Gradient.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math:: dx_i = dy_i \, [l < x_i < u].

    **Derivation.** An output depends on its own input alone, so the Jacobian is diagonal:

    .. math::
        l < x_i < u &: \quad y_i = x_i, \quad \partial y_i / \partial x_i = 1 \\
        x_i < l \text{ or } x_i > u &: \quad y_i = l \text{ or } u, \quad
            \partial y_i / \partial x_i = 0

    and since :math:`l < x_i < u` exactly where :math:`l < y_i < u`, the code reads
    ``dy * ((y > l) & (y < u))``.

    **The kinks.** At either bound the derivative is 0, as in PyTorch.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output: the layer that follows keeps it anyway, so it costs no memory.

    References
    ----------
    Collobert, "Large scale machine learning" (2004); Krizhevsky, "Convolutional deep
    belief networks on CIFAR-10" (2010), for the bounds 0 and 6.

    Examples
    --------
    >>> hard = HardTanh(0, 6)
    >>> hard([[-1.0, 2.0, 7.0]])
    array([[0., 2., 6.]])
    >>> hard.grad([[5.0, 5.0, 5.0]])
    array([[0., 5., 0.]])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val = real_number(min_val, "min_val", "HardTanh")
        self.max_val = real_number(max_val, "max_val", "HardTanh")
        if not self.min_val < self.max_val:
            raise ArgumentError(
                f"min_val={min_val!r} and max_val={max_val!r} for HardTanh",
                "min_val < max_val",
                "give the lower bound first",
            )

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return `x` cut off at the bounds, and the same array as what is saved."""
        with np.errstate(over="ignore"):  # of a bound beyond the type
            y: Array = x.clip(self.min_val, self.max_val, out=np.empty_like(x))
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy`` strictly between the bounds, and 0 elsewhere."""
        y = saved
        with np.errstate(over="ignore"):
            between = (y > self.min_val) & (y < self.max_val)
        return dy * between, {}

    def __repr__(self) -> str:
        return f"HardTanh(min_val={self.min_val}, max_val={self.max_val})"
