r"""The windows that convolutions and pools slide over an input: how many there are, and where.

Along one axis let the kernel be :math:`k`, the stride :math:`s`, the dilation :math:`d`, and let
:math:`p` entries be put in front of the axis and :math:`q` behind it. Window :math:`h` looks with
its tap :math:`i` at entry

.. math:: u = s h + d i, \qquad 0 \le i < k

of the padded axis. The last tap of the last window must lie on it,
:math:`s h + d (k - 1) \le p + \mathrm{size} + q - 1`, so the number of windows is

.. math:: \lfloor (p + \mathrm{size} + q - d (k - 1) - 1) / s \rfloor + 1.

Where the stride does not divide, no window sees the last entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from handgrad.arguments import Array

__all__ = ["Axis", "cropped", "padded", "windows"]


class Axis(NamedTuple):
    """The windows along one axis, and how much is put in front of it and behind it."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def reach(self) -> int:
        """How many entries there are from a window's first tap to its last, with both."""
        return self.dilation * (self.kernel - 1) + 1

    def around(self, size: int) -> int:
        """Return the size of the axis with its padding."""
        return self.before + size + self.after

    def count(self, size: int) -> int:
        """Return the number of windows on an axis; 0 or less where not even one fits."""
        return (self.around(size) - self.reach) // self.stride + 1

    def turned(self) -> Axis:
        """Return the windows over the outputs, of which one gathers for each input; at stride 1."""
        last = self.reach - 1
        return self._replace(before=last - self.before, after=last - self.after)

    def tiles(self, size: int) -> bool:
        """Return whether each entry of an axis with its padding is seen once, without dilation."""
        return self.stride == self.kernel and size % self.kernel == 0

    def tap(self, i: int, windows: int) -> slice:
        """Return the entries of the padded axis that so many windows see with tap `i`."""
        first = self.dilation * i
        return slice(first, first + self.stride * (windows - 1) + 1, self.stride)


def padded(x: Array, axes: Sequence[Axis], value: float = 0) -> Array:
    """Return an input (N, H, W, C) with its padding; itself where there is none."""
    if not any(axis.before or axis.after for axis in axes):
        return x
    N, *sizes, C = x.shape
    around = [axis.around(size) for axis, size in zip(axes, sizes, strict=True)]
    made = np.full_like(x, value, shape=(N, *around, C), order="C")
    cropped(made, axes, sizes)[...] = x
    return made


def cropped(x: Array, axes: Sequence[Axis], sizes: Sequence[int]) -> Array:
    """Return the view of a padded input that is the input alone."""
    pairs = zip(axes, sizes, strict=True)
    return x[:, *(slice(axis.before, axis.before + size) for axis, size in pairs)]


def windows(x: Array, axes: Sequence[Axis], groups: int) -> Array:
    """Return a view of a padded input, (groups, N, H', W', kernel, kernel', C / groups).

    Parameters
    ----------
    x
        Padded input, (N, H, W, C), or with another number of axes between the first and the last.
    axes
        The windows along those axes.
    groups : int
        Into how many groups of neighbours the channels are split.
    """
    rank, C = len(axes), x.shape[-1] // groups
    kernel = [axis.kernel for axis in axes]
    if not isinstance(x, np.ndarray):  # for NumPy's own arrays the other way takes a fifth
        view = sliding_window_view(x, [a.reach for a in axes], axis=tuple(range(1, rank + 1)))
        starts = [slice(None, None, axis.stride) for axis in axes]
        steps = [slice(None, None, axis.dilation) for axis in axes]
        view = view[:, *starts, :, *steps]
        view = view.reshape(*view.shape[: rank + 1], groups, C, *kernel)
        return np.moveaxis(view, (rank + 1, rank + 2), (0, -1))
    N, *sizes, _ = x.shape
    n, *inside, c = x.strides
    counts = [(size - a.reach) // a.stride + 1 for a, size in zip(axes, sizes, strict=True)]
    starts = [a.stride * step for a, step in zip(axes, inside, strict=True)]
    steps = [a.dilation * step for a, step in zip(axes, inside, strict=True)]
    shape, strides = (groups, N, *counts, *kernel, C), (C * c, n, *starts, *steps, c)
    return as_strided(x, shape, strides, writeable=False)
