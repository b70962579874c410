"""The largest entry over all positions of an image or a sequence."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.layers.convolution._sizes import positions
from handgrad.shapes import Shape

__all__ = ["GlobalMaxPool"]


class GlobalMaxPool(Component):
    r"""The largest entry over all axes between the first and the last.

    .. math:: y_{nc} = \max_{1 \le q \le P} x_{nqc}

    where :math:`q` runs over the positions: the steps of a sequence, the rows and columns of an
    image. Keras calls it GlobalMaxPooling1D and 2D, PyTorch ``AdaptiveMaxPool2d(1)``.

    Raises
    ------
    ShapeError
        An input has fewer than three axes.

    Notes
    -----
    **Gradient.** With :math:`q^*_{nc}` the position of the largest entry,

    .. math:: dx_{nqc} = dy_{nc} \, [q = q^*_{nc}].

    **Derivation.** Where one entry is larger than the others, close by :math:`y_{nc}` is that
    entry, so

    .. math::
        dx_{nqc} = \sum_{ml} dy_{ml} \frac{\partial y_{ml}}{\partial x_{nqc}}
                 = \sum_{ml} dy_{ml} \, [m = n] \, [l = c] \, [q = q^*_{ml}]
                 = dy_{nc} \, [q = q^*_{nc}].

    In zeros, the code puts ``dy`` at the positions ``first``.

    **The kink.** Where several entries are the largest, the first one gets all, in the order of
    reading; as `MaxPool2d` and PyTorch do.

    **Shapes.** :math:`x` and :math:`dx` (N, ..., C), :math:`y` and :math:`dy` (N, C).

    **Saved.** The shape of the input, and the position of each largest entry.

    References
    ----------
    Oquab, Bottou, Laptev and Sivic, "Is object localization for free?", CVPR 2015, section 3.

    Examples
    --------
    >>> pool = GlobalMaxPool()
    >>> pool([[[1.0, 20.0], [3.0, 20.0]]])
    array([[ 3., 20.]])
    >>> pool.grad([[4.0, -2.0]])
    array([[[ 0., -2.],
            [ 4.,  0.]]])
    """

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return the largest entry over the positions, and the first position that has it."""
        N, C = self.output_shape(x.shape)
        rows = x.reshape(N, prod(x.shape[1:-1]), C)
        first = np.argmax(rows, axis=1)[:, None]
        return np.take_along_axis(rows, first, axis=1)[:, 0], (x.shape, first)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return `dy` at the position of the largest entry, and 0 elsewhere."""
        shape, first = saved
        N, *sizes, C = shape
        dx = np.zeros_like(dy, shape=(N, prod(sizes), C), order="C")
        np.put_along_axis(dx, first, dy[:, None], axis=1)
        return dx.reshape(shape), {}

    def output_shape(self, input_shape: Shape) -> Shape:
        return positions(input_shape, self)
