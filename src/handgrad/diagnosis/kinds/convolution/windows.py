"""Windows that slide over an image or a sequence, for formulas that go wrong in some way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import floats

__all__ = ["Windows", "turned"]


@dataclass(frozen=True)
class Windows:
    """Windows over all axes of (N, ..., C) but the first and the last.

    Parameters
    ----------
    kernel
        Their sizes.
    stride, padding
        How far one is from the next, and what is put around the input, along every axis; `stride`
        may be one number for each axis.
    """

    kernel: tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: int = 0

    def counts(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return how many windows there are along each axis."""
        triples = zip(sizes, self.kernel, self._steps(), strict=True)
        return tuple((size + 2 * self.padding - k) // s + 1 for size, k, s in triples)

    def _steps(self, step: int = 0) -> tuple[int, ...]:
        """Return how far one window is from the next along each axis, `step` if there is one."""
        stride = step or self.stride
        return stride if isinstance(stride, tuple) else (stride,) * len(self.kernel)

    def suited(self, given: Given) -> Given:
        """Return an input with as many upstream gradients as there are windows."""
        *_, K = given.dy.shape
        shape = (len(given.x), *self.counts(given.x.shape[1:-1]), K)
        return given if given.dy.shape == shape else given.changed(dy=np.resize(given.dy, shape))

    def padded(self, x: Array, value: float = 0.0) -> Array:
        """Return the input with its padding."""
        pairs = [(self.padding, self.padding)] * len(self.kernel)
        return np.pad(floats(x), [(0, 0), *pairs, (0, 0)], constant_values=value)

    def seen(self, padded: Array, counts: Sequence[int], step: int = 0) -> Array:
        """Return what each window sees of an input with its padding, (N, windows, kernel, C)."""
        seen = np.empty((len(padded), *counts, *self.kernel, padded.shape[-1]))
        for tap in np.ndindex(self.kernel):
            seen[self._tap(tap)] = padded[self._at(tap, counts, step)]
        return seen

    def spread(
        self, shares: Array, sizes: Sequence[int], step: int = 0, where: Array | None = None
    ) -> Array:
        """Return an input with its padding, each entry the sum of its shares, one for each window.

        Where `where` is given, a share is written over the ones before it, in those places alone.
        """
        counts = shares.shape[1 : 1 + len(self.kernel)]
        around = (size + 2 * self.padding for size in sizes)
        dx = np.zeros((len(shares), *around, shares.shape[-1]))
        for tap in reversed(list(np.ndindex(self.kernel))):  # the last window comes last
            part, share = dx[self._at(tap, counts, step)], shares[self._tap(tap)]
            if where is None:
                part += share
            else:
                np.copyto(part, share, where=where[self._tap(tap)])
        return dx

    def cropped(self, padded: Array, sizes: Sequence[int], start: int | None = None) -> Array:
        """Return an input without its padding; of these sizes, from `start` on."""
        start = self.padding if start is None else start
        return padded[:, *(slice(start, start + size) for size in sizes)].copy()

    def _tap(self, tap: tuple[int, ...]) -> tuple[slice | int, ...]:
        return (slice(None),) * (1 + len(self.kernel)) + tap

    def _at(self, tap: tuple[int, ...], counts: Sequence[int], step: int) -> tuple[slice, ...]:
        triples = zip(tap, counts, self._steps(step), strict=True)
        return (slice(None), *(slice(i, i + s * (n - 1) + 1, s) for i, n, s in triples))

    # What a convolution is made of.

    def output(self, x: Array, weights: Array, step: int = 0) -> Array:
        """Return the products of the windows with the kernels, without a bias."""
        seen = self.seen(self.padded(x), self.counts(x.shape[1:-1]), step)
        return np.tensordot(seen, weights, len(self.kernel) + 1)

    def of_weights(self, padded: Array, dy: Array, step: int = 0) -> Array:
        """Return the gradient of the kernels, of an input with its padding."""
        axes = list(range(dy.ndim - 1))
        return np.tensordot(self.seen(padded, dy.shape[1:-1], step), dy, (axes, axes))

    def shares(self, dy: Array, weights: Array) -> Array:
        """Return what each window gives to what it saw."""
        return np.tensordot(dy, weights, (-1, -1))


def turned(weights: Array) -> Array:
    """Return kernels with all their axes reversed."""
    return np.flip(weights, tuple(range(weights.ndim - 2)))
