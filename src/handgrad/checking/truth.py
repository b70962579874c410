r"""Numerical gradients, which owe nothing to the formula that they judge.

A pullback claims to be the gradient of :math:`\phi(x) = \sum_j dy_j f_j(x)`. Both truths evaluate
:math:`f` alone, one entry of :math:`x` at a time. `f` must be repeatable: where it draws random
numbers, wrap it in `handgrad.randomness.repeatable`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["Function", "Truth", "central_differences", "complex_step"]

Function = Callable[[Array], Any]
Truth = Callable[[Function, Array, Any], Array]
"""A way to differentiate: (f, x, dy) -> the gradient of sum(dy * f(x)), of the shape of x."""


def complex_step(f: Function, x: Array, dy: Any) -> Array:
    r"""Differentiate an analytic function exactly, by a step along the imaginary axis.

    .. math:: \frac{\partial \phi}{\partial x_i} = \frac{\operatorname{Im} \phi(x + i h e_i)}{h}
              + O(h^2), \qquad h = 10^{-30}

    There is no difference of two nearly equal numbers, so nothing cancels, and the step can be so
    small that :math:`h^2` is nothing: the result is as exact as the evaluation of `f`.

    Parameters
    ----------
    f
        Takes a complex array of the shape of `x`. Its formula must be analytic around `x`: no
        absolute value, no comparison, no conversion to real numbers.
    x
        Where. Not written to.
    dy
        Upstream gradient, of the shape of ``f(x)``.

    Returns
    -------
    Array
        The gradient of ``sum(dy * f(x))`` with respect to `x`, float64.

    References
    ----------
    Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM
    Review 40 (1998), eq. 1.

    Examples
    --------
    >>> complex_step(np.exp, np.array([0.0, 1.0]), np.array([1.0, -1.0]))
    array([ 1.        , -2.71828183])
    """
    h = 1e-30
    z = x.astype(np.complex128)
    dx = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        z[i] += 1j * h
        dx[i] = np.sum(dy * np.imag(f(z))) / h
        z[i] = x[i]
    return dx


def central_differences(f: Function, x: Array, dy: Any) -> Array:
    r"""Differentiate any smooth function by the slope between two points beside `x`.

    .. math:: \frac{\partial \phi}{\partial x_i} =
              \frac{\phi(x + h e_i) - \phi(x - h e_i)}{2 h} + O(h^2), \qquad
              h = \epsilon^{1/3} \max(1, |x_i|)

    The step balances the error of the formula, :math:`O(h^2)`, against the rounding of the
    difference, :math:`O(\epsilon / h)`; :math:`\epsilon` is the spacing of float64 at 1.

    Parameters
    ----------
    f
        Takes a float64 array of the shape of `x`. A kink within `h` of an entry falsifies it.
    x
        Where. Not written to.
    dy
        Upstream gradient, of the shape of ``f(x)``.

    Returns
    -------
    Array
        The gradient of ``sum(dy * f(x))`` with respect to `x`, float64.

    References
    ----------
    Press, Teukolsky, Vetterling and Flannery, "Numerical Recipes" (2007), eq. 5.7.7.

    Examples
    --------
    >>> central_differences(np.square, np.array([3.0, -1.0]), np.array([1.0, 10.0])).round(6)
    array([  6., -20.])
    """
    dx = np.empty(x.shape)
    z = x.astype(np.float64)
    for i in np.ndindex(x.shape):
        h = np.cbrt(np.finfo(np.float64).eps) * np.maximum(1, np.abs(x[i]))
        z[i] = upper = x[i] + h
        above = f(z).copy()  # `f` may return what it was given
        z[i] = lower = x[i] - h
        # The difference of the outputs comes first: what `x[i]` does not reach cancels exactly.
        dx[i] = np.sum(dy * (above - f(z))) / (upper - lower)
        z[i] = x[i]
    return dx
