"""Windows as the rows of a matrix, so that a convolution is a product of matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from handgrad.arguments import Array
from handgrad.layers.convolution._windows import Axis, padded, windows

__all__ = ["Columns", "by_group"]

_BLOCK = 1 << 17
"""Entries of a matrix that is made at a time: it stays in a core's cache while it is multiplied."""

_SHORT = 9
"""Runs of up to so many entries take longer to copy than entries that lie apart."""

Block = tuple[slice, slice]
"""Some inputs, and of each some windows along the first axis."""


class Columns:
    """What the windows of an input see: a row for each window, a column for each tap and channel.

    Iterating gives a block of windows at a time, as the index of their outputs, and their rows as
    a matrix for each group of channels, (groups, rows, taps * C / groups).

    Parameters
    ----------
    x
        Input, (N, H, W, C), or with another number of axes between the first and the last.
    axes
        The windows along those axes.
    groups : int
        Into how many groups the channels are split.
    ones : bool
        Whether there is one more column, of ones.
    """

    def __init__(self, x: Array, axes: Sequence[Axis], groups: int, ones: bool) -> None:
        self.view = windows(padded(x, axes), axes, groups)
        self.taps = len(axes) + 2  # from this axis on are what one window sees
        self.ones = ones
        self.blocks = list(self._split())
        # A matrix that is made in one piece is kept, so that nothing is copied twice.
        self.matrix = self._made(self.blocks[0]) if len(self.blocks) == 1 else None

    def __iter__(self) -> Iterator[tuple[Block, Array]]:
        for block in self.blocks:
            yield block, self._made(block) if self.matrix is None else self.matrix

    def _split(self) -> Iterator[Block]:
        N, H, *others = self.view.shape[1 : self.taps]
        row = prod(others) * (len(self.view) * prod(self.view.shape[self.taps :]) + self.ones)
        inputs, some = max(_BLOCK // (H * row), 1), H
        if H * row > _BLOCK:  # a single input has too many
            some = max(_BLOCK // row, 1)
        for n in range(0, N, inputs):
            for h in range(0, H, some):
                yield slice(n, n + inputs), slice(h, h + some)

    def _made(self, block: Block) -> Array:
        view, taps = self.view[:, *block], self.taps
        groups, rows, columns = len(view), prod(view.shape[1:taps]), prod(view.shape[taps:])
        if prod(view.shape[-2:]) <= min(_SHORT, view.shape[taps - 1]):
            matrix = np.empty_like(view, shape=(groups, columns + self.ones, rows), order="C").mT
        else:
            matrix = np.empty_like(view, shape=(groups, rows, columns + self.ones), order="C")
        matrix[:, :, :columns].reshape(view.shape)[...] = view
        matrix[:, :, columns:] = 1
        return matrix


def by_group(array: Array, groups: int) -> Array:
    """Return (..., K) as a matrix for each group of neighbours in K, (groups, rows, K / groups)."""
    return array.reshape(-1, groups, array.shape[-1] // groups).swapaxes(0, 1)
