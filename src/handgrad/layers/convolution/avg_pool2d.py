"""The mean over each window of an image."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.layers.convolution._pool import Pool, spread, taps
from handgrad.layers.convolution._windows import cropped, padded

__all__ = ["AvgPool2d"]


class AvgPool2d(Pool):
    r"""The mean over each window of an image, channel by channel.

    .. math::
        y_{nhwc} = \frac{1}{k_1 k_2} \sum_{i=0}^{k_1 - 1} \sum_{j=0}^{k_2 - 1}
            \hat x_{n, \; s_1 h + i, \; s_2 w + j, \; c}

    where :math:`\hat x` is the image with :math:`p_1` rows of zeros above and below it and
    :math:`p_2` columns of zeros on its left and on its right. These zeros count: a window is always
    divided by :math:`k_1 k_2`, as in PyTorch unless it is told ``count_include_pad=False``.

    Parameters
    ----------
    kernel_size : int or pair of int
        Rows and columns of a window, :math:`k_1` and :math:`k_2`; one number for both.
    stride : int or pair of int, optional
        How far a window is from the one before it, :math:`s_1` and :math:`s_2`; where it is None,
        the size of a window, so that windows lie side by side.
    padding : int or pair of int, default 0
        How many zeros are put on each side, :math:`p_1` and :math:`p_2`: at most half of the
        kernel.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, or a padding is negative or more than half of the kernel.
    ShapeError
        An input has not four axes, or is smaller than a window. A single image is ``x[None]``.

    Notes
    -----
    **Gradient.** Each window gives every entry that it sees the same share of its `dy`:

    .. math::
        d\hat x_{nuvc} = \sum_{ij} \sum_{hw} [u = s_1 h + i] \, [v = s_2 w + j] \,
            \frac{dy_{nhwc}}{k_1 k_2}

    and :math:`dx_{nuvc} = d\hat x_{n, \; u + p_1, \; v + p_2, \; c}`.

    **Derivation.** An output is a sum, in which an entry has the factor :math:`1 / (k_1 k_2)` where
    a tap of the window sees it:

    .. math::
        d\hat x_{nuvc}
            = \sum_{hw} dy_{nhwc} \frac{\partial y_{nhwc}}{\partial \hat x_{nuvc}}
            = \sum_{hw} dy_{nhwc} \, \frac{1}{k_1 k_2}
              \sum_i [u = s_1 h + i] \sum_j [v = s_2 w + j].

    The sums over taps can be taken one after the other: first along the rows, then down the
    columns,

    .. math::
        dz_{nhvc} = \sum_j \sum_w [v = s_2 w + j] \, \frac{dy_{nhwc}}{k_1 k_2}, \qquad
        d\hat x_{nuvc} = \sum_i \sum_h [u = s_1 h + i] \, dz_{nhvc}.

    With tap :math:`j` held fixed the condition sends ``share = dy / (k1 * k2)`` to the slice of the
    columns :math:`j, j + s_2, j + 2 s_2, \ldots`, to which ``spread`` adds it; then the same with
    rows. The forward pass takes its sums in two steps too, which are :math:`k_1 + k_2` additions
    for an output and not :math:`k_1 k_2`.

    **Shapes.** :math:`x` and :math:`dx` (N, H, W, C), :math:`y` and :math:`dy` (N, H', W', C) with
    :math:`H' = \lfloor (H + 2 p_1 - k_1) / s_1 \rfloor + 1` and likewise W'. Where a stride does
    not divide, no window sees the last rows or columns, and their gradient is 0.

    **Saved.** The image's height and width alone: the gradient does not depend on the image.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998), section II.B.

    Examples
    --------
    >>> import numpy as np
    >>> pool = AvgPool2d(2)
    >>> image = [[1.0, 2.0, 8.0, 0.0], [4.0, 3.0, 0.0, 0.0]]
    >>> pool(np.reshape(image, (1, 2, 4, 1))).ravel()
    array([2.5, 2. ])
    >>> pool.grad(np.reshape([4.0, -8.0], (1, 1, 2, 1)))[0, :, :, 0]
    array([[ 1.,  1., -2., -2.],
           [ 1.,  1., -2., -2.]])
    """

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return the mean over each window, and the sizes of the input."""
        self.output_shape(x.shape)
        rows, columns = self._axes
        z = reduce(np.add, taps(padded(x, self._axes), 1, rows))
        y = reduce(np.add, taps(z, 2, columns))
        return y / prod(self.kernel_size), x.shape[1:-1]

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: Any = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return the same share of `dy` for each tap: along the rows, then down the columns."""
        H, W = saved
        rows, columns = self._axes
        share = dy / prod(self.kernel_size)
        dz = spread([share] * columns.kernel, share, 2, columns, columns.around(W))
        dx = spread([dz] * rows.kernel, dz, 1, rows, rows.around(H))
        return cropped(dx, self._axes, saved), {}
