"""The largest entry of each window of an image."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.layers.convolution._pool import Pool, spread, taps
from handgrad.layers.convolution._windows import cropped, padded

__all__ = ["MaxPool2d"]


class MaxPool2d(Pool):
    r"""The largest entry of each window of an image, channel by channel.

    .. math::
        y_{nhwc} = \max_{0 \le i < k_1} \max_{0 \le j < k_2}
            \hat x_{n, \; s_1 h + i, \; s_2 w + j, \; c}

    where :math:`\hat x` is the image with :math:`p_1` rows of :math:`-\infty` above and below it
    and :math:`p_2` columns on its left and on its right.

    Parameters
    ----------
    kernel_size : int or pair of int
        Rows and columns of a window, :math:`k_1` and :math:`k_2`; one number for both.
    stride : int or pair of int, optional
        How far a window is from the one before it, :math:`s_1` and :math:`s_2`; where it is None,
        the size of a window, so that windows lie side by side.
    padding : int or pair of int, default 0
        How much is put on each side, :math:`p_1` and :math:`p_2`: at most half of the kernel.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, or a padding is negative or more than half of the kernel.
    ShapeError
        An input has not four axes, or is smaller than a window. A single image is ``x[None]``.

    Notes
    -----
    **Gradient.** The maximum is taken in two steps, along the rows and then down the columns,

    .. math:: z_{nuwc} = \max_j \hat x_{n, \; u, \; s_2 w + j, \; c}, \qquad
              y_{nhwc} = \max_i z_{n, \; s_1 h + i, \; w, \; c},

    and so is the gradient. With masks :math:`m^z_j` and :math:`m^y_i` that are 1 where tap
    :math:`j` or :math:`i` is the first to see the largest entry of a window, and 0 elsewhere,

    .. math::
        dz_{nuwc} = \sum_{ih} [u = s_1 h + i] \; m^y_{inhwc} \, dy_{nhwc}, \qquad
        d\hat x_{nuvc} = \sum_{jw} [v = s_2 w + j] \; m^z_{jnuwc} \, dz_{nuwc}

    and :math:`dx_{nuvc} = d\hat x_{n, \; u + p_1, \; v + p_2, \; c}`.

    **Derivation.** Let :math:`y = \max(a_0, \ldots, a_{k-1})`, and :math:`a_l` larger than the
    others. Close by it remains so, and :math:`y = a_l`; thus
    :math:`\partial y / \partial a_i = [i = l] = m_i`. In the second step window :math:`h` has
    :math:`a_i = z_{n, s_1 h + i, w, c}`, and by the chain rule

    .. math::
        dz_{nuwc}
            = \sum_h dy_{nhwc} \frac{\partial y_{nhwc}}{\partial z_{nuwc}}
            = \sum_h dy_{nhwc} \sum_i m^y_{inhwc} \frac{\partial z_{n, s_1 h + i, w, c}}
                                                       {\partial z_{nuwc}}
            = \sum_h dy_{nhwc} \sum_i m^y_{inhwc} \, [u = s_1 h + i].

    With tap :math:`i` held fixed that is ``dy * mask``, which the condition sends to the slice of
    the rows :math:`i, i + s_1, i + 2 s_1, \ldots`; there ``spread`` adds it. The first step is the
    same with columns, ``dz * mask``.

    **The kink.** Where several entries of a window are the largest, each of them alone would be a
    subgradient. All goes to the first one in the order of reading, as in PyTorch. In a step
    :math:`m_i = [a_i = y]` where no tap before it was the largest, and 0 elsewhere: in the code
    ``(tap == y) & free``, and for the last tap what is ``free`` still. The first row whose maximum
    is the largest, and in it the first entry that is: together they are the first entry of the
    window.

    **Shapes.** :math:`x` and :math:`dx` (N, H, W, C), :math:`y` and :math:`dy` (N, H', W', C) with
    :math:`H' = \lfloor (H + 2 p_1 - k_1) / s_1 \rfloor + 1` and likewise W'. Where a stride does
    not divide, no window sees the last rows or columns, and their gradient is 0.

    **Saved.** The masks, a byte for each entry that a step looks at; not the input.

    **Not a number.** NaN in a window stays NaN in the output.

    References
    ----------
    Ranzato, Huang, Boureau and LeCun, "Unsupervised learning of invariant feature hierarchies with
    applications to object recognition", CVPR 2007.

    Examples
    --------
    >>> import numpy as np
    >>> pool = MaxPool2d(2)
    >>> image = [[1.0, 2.0, 7.0, 7.0], [4.0, 3.0, 7.0, 0.0]]
    >>> pool(np.reshape(image, (1, 2, 4, 1))).ravel()
    array([4., 7.])
    >>> pool.grad(np.reshape([10.0, 20.0], (1, 1, 2, 1)))[0, :, :, 0]
    array([[ 0.,  0., 20.,  0.],
           [10.,  0.,  0.,  0.]])
    >>> MaxPool2d(3, stride=2, padding=1).output_shape((None, 28, 28, 16))
    (None, 14, 14, 16)
    """

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return the largest entry of each window, and which taps are the first to see it."""
        self.output_shape(x.shape)
        rows, columns = self._axes
        z, along = _largest(taps(padded(x, self._axes, -np.inf), 2, columns))
        y, down = _largest(taps(z, 1, rows))
        return y, (x.shape[1:-1], along, down)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return ``dy * mask`` for each tap: back down the columns, then along the rows."""
        sizes, along, down = saved
        rows, columns = self._axes
        H, W = sizes
        dz = spread((dy * mask for mask in down), dy, 1, rows, rows.around(H))
        dx = spread((dz * mask for mask in along), dz, 2, columns, columns.around(W))
        return cropped(dx, self._axes, sizes), {}


def _largest(seen: list[Array]) -> tuple[Array, list[Array]]:
    """Return what is the largest of what the taps see, and for each tap where it is the first."""
    y = reduce(np.maximum, seen)
    masks, free = [], np.ones_like(y, dtype=bool)  # free of a tap that was the largest
    for tap in seen[:-1]:
        masks.append((tap == y) & free)
        free = free ^ masks[-1]
    return y, [*masks, free]
