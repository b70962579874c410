"""Windows as the rows of a matrix, so that a convolution is a product of matrices."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.layers.convolution._windows import Axis, padded, windows

__all__ = ["Columns", "by_group", "correlated"]

_BLOCK = 1 << 20
"""Entries of a matrix that is made at a time: few enough for a cache, enough for every core."""

_KEPT = 1 << 17
"""Entries of a matrix that is kept until the backward pass, and not made again."""

_SHORT = 9
"""Runs of up to so many entries take longer to copy than entries that lie apart."""

_scratch = threading.local()
"""A thread's memory for the matrices that are not kept: new memory costs more than filling it."""

Block = tuple[slice, slice]
"""Some inputs, and of each some windows along the first axis."""


class Columns:
    """What the windows of an input see: a row for each window, a column for each tap and channel.

    Iterating gives a block of windows at a time, as the index of their outputs, and their rows as
    a matrix for each group of channels, (groups, rows, taps * C / groups), which holds until the
    next one is asked for.

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
        self.padded = padded(x, axes)
        self.inside = [axis._replace(before=0, after=0) for axis in axes]
        self.view = windows(self.padded, axes, groups)
        self.taps = len(axes) + 2  # from this axis on are what one window sees
        self.ones = ones
        self.blocks = list(self._split())
        small = len(self.blocks) == 1 and self.view.size <= _KEPT
        self.matrix = self._made(self.blocks[0], kept=True) if small else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy of the input, not of all that the windows see of it."""
        return Columns, (self.padded, self.inside, len(self.view), self.ones)

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

    def _made(self, block: Block, kept: bool = False) -> Array:
        view, taps = self.view[:, *block], self.taps
        groups, rows, columns = len(view), prod(view.shape[1:taps]), prod(view.shape[taps:])
        wide = columns + self.ones
        size = groups * rows * wide
        room = np.empty_like(view, shape=size) if kept else _room(view, size)
        if prod(view.shape[-2:]) <= min(_SHORT, view.shape[taps - 1]):
            matrix = room.reshape(groups, wide, rows).mT
        else:
            matrix = room.reshape(groups, rows, wide)
        matrix[:, :, :columns].reshape(view.shape)[...] = view
        matrix[:, :, columns:] = 1
        return matrix


def _room(like: Array, size: int) -> Array:
    """Return memory for so many entries, of NumPy's numbers the same one each time."""
    if not isinstance(like, np.ndarray) or like.dtype.hasobject or size > _BLOCK:
        return np.empty_like(like, shape=size)
    held: dict[str, Array] = vars(_scratch)
    room = held.get(like.dtype.char)
    if room is None or room.size < size:
        room = held[like.dtype.char] = np.empty_like(like, shape=size)
    return room[:size]


def by_group(array: Array, groups: int) -> Array:
    """Return (..., K) as a matrix for each group of neighbours in K, (groups, rows, K / groups)."""
    return array.reshape(-1, groups, array.shape[-1] // groups).swapaxes(0, 1)


def correlated(
    x: Array, weights: Array, bias: Array | None, axes: Sequence[Axis], groups: int
) -> tuple[Array, Columns]:
    """Return ``[X | 1] @ [W; b]``, with the windows of `x` as the rows of X; and X."""
    own = (weights,) if bias is None else (weights, bias)
    Wb = np.concatenate(tuple(by_group(array, groups) for array in own), axis=1)
    X = Columns(x, axes, groups, ones=bias is not None)
    shape, dtype = (*X.view.shape[1 : X.taps], weights.shape[-1]), np.result_type(x, Wb)
    y = np.empty_like(x, shape=shape, dtype=dtype, order="C")
    for block, rows in X:
        np.matmul(rows, Wb, out=by_group(y[block], groups))
    return y, X
