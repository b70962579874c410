"""Windows as the rows of a matrix, so that a convolution is a product of matrices."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

_spare = threading.local()
"""A thread's memory for the matrices that are not kept, which no iterator uses at the moment."""

Block = tuple[slice, slice]
"""Some inputs, and of each some windows along the first axis."""


class Columns:
    """What the windows of an input see: a row for each window, a column for each tap and channel.

    Iterating gives a block of windows at a time, as the index of their outputs, and their rows as
    a matrix for each group of channels, (groups, rows, taps * C / groups). Unless there is but one
    block and it is small, its memory is used again once the next one is asked for, or the iterator
    is done with.

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
        new = np.empty_like(self.view, shape=self._entries(self.view)) if small else None
        self.matrix = None if new is None else self._made(self.view, new)

    @property
    def nbytes(self) -> int:
        """How many bytes it keeps until the backward pass."""
        return int(self.padded.nbytes + (0 if self.matrix is None else self.matrix.nbytes))

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy of the input, not of all that the windows see of it."""
        return Columns, (self.padded, self.inside, len(self.view), self.ones)

    def __iter__(self) -> Iterator[tuple[Block, Array]]:
        for block in self.blocks:
            if self.matrix is not None:
                yield block, self.matrix
                continue
            view = self.view[:, *block]
            with _lent(view, self._entries(view)) as memory:
                yield block, self._made(view, memory)

    def _split(self) -> Iterator[Block]:
        groups, N, H, *others = self.view.shape[: self.taps]
        row = groups * prod(others) * (prod(self.view.shape[self.taps :]) + self.ones)
        inputs, some = max(_BLOCK // (H * row), 1), H
        if H * row > _BLOCK:  # a single input has too many
            some = max(_BLOCK // row, 1)
        for n in range(0, N, inputs):
            for h in range(0, H, some):
                yield slice(n, n + inputs), slice(h, h + some)

    def _entries(self, view: Array) -> int:
        """Return how many entries there are in the matrix of these windows."""
        return view.size + self.ones * prod(view.shape[: self.taps])

    def _made(self, view: Array, memory: Array) -> Array:
        """Return these windows as a matrix in that memory, by columns where runs are short."""
        taps = self.taps
        groups, rows, columns = len(view), prod(view.shape[1:taps]), prod(view.shape[taps:])
        wide = columns + self.ones
        if prod(view.shape[-2:]) <= min(_SHORT, view.shape[taps - 1]):
            matrix = memory.reshape(groups, wide, rows).mT
        else:
            matrix = memory.reshape(groups, rows, wide)
        matrix[:, :, :columns].reshape(view.shape)[...] = view
        matrix[:, :, columns:] = 1
        return matrix


@contextmanager
def _lent(like: Array, size: int) -> Iterator[Array]:
    """Lend memory for so many entries, and keep it for the next who asks in this thread.

    New memory costs more than filling it. Who is lent the thread's memory takes it away and puts it
    back at the end, after an exception too; who asks meanwhile finds none and is given new memory.
    So nobody writes over anybody. What is kept, for each type, is at most `_BLOCK` entries.
    """
    ours = isinstance(like, np.ndarray) and not like.dtype.hasobject and size <= _BLOCK
    spare: dict[str, Array] = vars(_spare)
    memory = spare.pop(like.dtype.char, None) if ours else None
    if memory is None or memory.size < size:
        memory = np.empty_like(like, shape=size)
    try:
        yield memory[:size]
    finally:
        if ours:
            spare[like.dtype.char] = memory


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
