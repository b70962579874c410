"""The rectified linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.kernels.compiling import kernel, prange

__all__ = ["ReLU"]


@kernel
def rectified(x: Any) -> Any:
    """Return ``max(x, 0)``."""
    return x.clip(0, np.inf)  # several times as fast as np.maximum(x, 0)


@rectified.compiled(threads=True)
def _(x: Any) -> Any:
    y = np.empty_like(x)
    entries, results = x.reshape(-1), y.reshape(-1)
    for i in prange(x.size):
        results[i] = 0 if entries[i] < 0 else entries[i]
    return y


@kernel
def rectified_pullback(dy: Any, y: Any) -> Any:
    """Return ``dy`` where the output is above 0, and 0 elsewhere."""
    return dy * (y > 0)


@rectified_pullback.compiled(threads=True)
def _(dy: Any, y: Any) -> Any:
    if dy.shape != y.shape:  # or the loop would read beyond the shorter of them
        raise ValueError("the upstream gradient has not the shape of the output")
    dx = np.empty_like(dy)
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for i in prange(dy.size):
        results[i] = upstream[i] * (outputs[i] > 0)
    return dx


class ReLU(Activation):
    r"""The rectified linear unit, entry by entry.

    .. math:: y = \max(x, 0)

    Notes
    -----
    **Gradient.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math:: dx_i = dy_i \, [x_i > 0].

    **Derivation.** An output depends on its own input alone, so the Jacobian is diagonal:

    .. math::
        dx_i &= \sum_j dy_j \frac{\partial y_j}{\partial x_i}
              = dy_i \frac{\partial y_i}{\partial x_i} \\
        x_i > 0 &: \quad y_i = x_i, \quad \partial y_i / \partial x_i = 1 \\
        x_i < 0 &: \quad y_i = 0, \quad \partial y_i / \partial x_i = 0

    and since :math:`x_i > 0` exactly where :math:`y_i > 0`, the code reads ``dy * (y > 0)``.

    **The kink.** At :math:`x_i = 0` the two one-sided derivatives are 0 and 1, and every number
    between them is a subgradient. The value here is 0, as in the exercise and in PyTorch: a unit
    that is exactly off passes nothing back.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` are all (..., D).

    **Saved.** The output: the layer that follows keeps it anyway, so it costs no memory.

    **Not a number.** NaN in the input stays NaN in the output, as in NumPy.

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> relu = ReLU()
    >>> relu([[-1.0, 0.0, 2.0]])
    array([[0., 0., 2.]])
    >>> relu.grad([[5.0, 5.0, -5.0]])
    array([[ 0.,  0., -5.]])
    """

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return ``max(x, 0)``, and the same array as what is saved."""
        y = rectified(x)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy`` where the unit was on and 0 elsewhere."""
        y = saved
        return rectified_pullback(dy, y), {}
