"""All axes but the first as one."""

from __future__ import annotations

from math import prod
from typing import Any

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import ShapeError
from handgrad.shapes import Shape, shape_text

__all__ = ["Flatten"]


class Flatten(Component):
    r"""All axes after the first as one, in the order of reading.

    .. math:: y_{nf} = x_{nhwc}, \qquad f = (h W + w) C + c

    for an image, and likewise for any number of axes. The channels run fastest, as in Keras; in
    PyTorch, where they stand second, they run slowest.

    Raises
    ------
    ShapeError
        An input has fewer than two axes.

    Notes
    -----
    **Gradient.** The same entries in the input's shape: :math:`dx_{nhwc} = dy_{nf}`.

    **Derivation.** Each entry has its own place :math:`f`, so with :math:`f(h, w, c)` as above

    .. math::
        dx_{nhwc} = \sum_{mf} dy_{mf} \frac{\partial y_{mf}}{\partial x_{nhwc}}
                  = \sum_{mf} dy_{mf} \, [m = n] \, [f = f(h, w, c)]
                  = dy_{n, f(h, w, c)}

    which is ``dy.reshape(shape)``.

    **Shapes.** :math:`x` and :math:`dx` (N, ...), :math:`y` and :math:`dy` (N, F), where F is the
    product of the axes.

    **Saved.** The shape of the input.

    Examples
    --------
    >>> flatten = Flatten()
    >>> flatten([[[1.0, 2.0], [3.0, 4.0]]])
    array([[1., 2., 3., 4.]])
    >>> flatten.grad([[5.0, 6.0, 7.0, 8.0]])
    array([[[5., 6.],
            [7., 8.]]])
    """

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return ``x.reshape(N, -1)``, and the shape of the input."""
        return x.reshape(self.output_shape(x.shape)), x.shape

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy.reshape(shape)``."""
        shape = saved
        dx = dy.reshape(shape)
        return dx, {}

    def output_shape(self, input_shape: Shape) -> Shape:
        if input_shape[:1] == (...,):
            return (None, None)
        if len(input_shape) < 2:
            raise ShapeError(
                f"an input of shape {shape_text(input_shape)} for {self!r}",
                "at least 2 axes, (N, ...): a minibatch",
                "put an axis in front of a single input, x[None], or behind numbers, x[:, None]",
            )
        N, *sizes = input_shape
        return (N, None if None in sizes else prod(sizes))
