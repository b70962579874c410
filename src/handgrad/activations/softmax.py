"""The softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Activation
from handgrad.errors import ArgumentError, PerSampleError
from handgrad.shapes import Shape, check_axis

__all__ = ["Softmax", "between_samples", "integer_axis"]


def integer_axis(axis: object, owner: str) -> int:
    """Return the number of an axis, or raise `ArgumentError` where it is no integer.

    Examples
    --------
    >>> integer_axis(-1, "Softmax")
    -1
    """
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise ArgumentError(
            f"axis={axis!r} for {owner}", "an integer", "axis=-1 is over the features"
        )
    return int(axis)


def between_samples(axis: int, dy: Array, owner: object) -> None:
    """Raise `PerSampleError` where the axis is that of the samples, which then see one another.

    Parameters
    ----------
    axis : int
        The axis.
    dy
        The upstream gradient.
    owner
        Whose axis it is, for the message.

    Examples
    --------
    >>> between_samples(-1, np.ones((7, 3)), "Softmax(axis=-1)")
    """
    if axis in (0, -dy.ndim):
        raise PerSampleError(
            f"a request for the gradients of each sample through {owner!r} of {dy.ndim} axes",
            "samples that do not see one another",
            "take another axis than the first, such as axis=-1, over the features",
        )


class Softmax(Activation):
    r"""Positive numbers that sum to 1, along an axis.

    .. math:: y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}

    Before a `CrossEntropy` there is none: it takes logits, and has a softmax of its own.

    Parameters
    ----------
    axis : int, default -1
        The axis along which the outputs sum to 1.

    Raises
    ------
    ArgumentError
        `axis` is not an integer.
    ShapeError
        The input has no such axis.

    Notes
    -----
    **Gradient.**

    .. math:: dx_i = y_i \Bigl( dy_i - \sum_k dy_k \, y_k \Bigr).

    **Derivation.** Along the axis every output depends on every input. By the quotient rule, with
    :math:`S = \sum_j e^{x_j}`, of which the derivative with respect to :math:`x_i` is
    :math:`e^{x_i}`,

    .. math::
        \frac{\partial y_k}{\partial x_i}
            &= \frac{[k = i] \, e^{x_k} S - e^{x_k} e^{x_i}}{S^2}
             = y_k \bigl( [k = i] - y_i \bigr) \\
        dx_i &= \sum_k dy_k \, \frac{\partial y_k}{\partial x_i}
              = \sum_k dy_k \, y_k \bigl( [k = i] - y_i \bigr) \\
             &= dy_i \, y_i - y_i \sum_k dy_k \, y_k

    which is ``y * (dy - vecdot(dy, y))``. The gradient sums to 0 along the axis, since adding a
    constant to all inputs changes nothing; for the same reason it is 0 where `dy` is all ones.

    **Stability.** The largest input is subtracted first. That changes nothing, and every
    exponential is in [0, 1] then. Inputs of :math:`-\infty` have an output of 0, as if they were
    not there; where all are, there is no softmax, and the result is NaN, as in PyTorch.

    **Shapes.** :math:`x`, :math:`y`, :math:`dy` and :math:`dx` have one shape, any.

    **Saved.** The output.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).

    Examples
    --------
    >>> softmax = Softmax()
    >>> softmax([[1000.0, 1000.0], [0.0, -1000.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    >>> softmax.grad([[1.0, -1.0], [1.0, -1.0]])
    array([[ 0.5, -0.5],
           [ 0. , -0. ]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer_axis(axis, "Softmax")

    def apply(self, x: Array) -> tuple[Array, Array]:
        """Return the softmax of `x`, and the same array as what is saved."""
        check_axis(self.axis, x.shape, self)
        with np.errstate(over="ignore"):
            y: Array = x - x.max(axis=self.axis, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(axis=self.axis, keepdims=True)
        return y, y

    def pullback(
        self, dy: Array, saved: Array, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``y * (dy - vecdot(dy, y))``."""
        y = saved
        products = np.vecdot(dy, y, axis=self.axis)  # type: ignore[call-overload]
        dx: Array = dy - np.expand_dims(products, self.axis)
        dx *= y
        return dx, {}

    def pullback_per_sample(
        self, dy: Array, saved: Array, need_dx: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Return what `pullback` does, where the axis is not that of the samples."""
        between_samples(self.axis, dy, self)
        return self.pullback(dy, saved, need_dx)

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axis(self.axis, input_shape, self)
        return input_shape

    def __repr__(self) -> str:
        return f"Softmax(axis={self.axis})"
