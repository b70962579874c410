"""What pools share: windows of which each axis is gone through by itself."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.layers.convolution._sizes import fitting, numbers, text
from handgrad.layers.convolution._windows import Axis
from handgrad.shapes import Shape

__all__ = ["Pool", "spread", "taps"]


class Pool(Component):
    """A pool of images: how its windows lie, and what shape its output has."""

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        name = type(self).__name__
        self.kernel_size = numbers(kernel_size, "kernel_size", name, 2)
        self.stride = numbers(self.kernel_size if stride is None else stride, "stride", name, 2)
        self.padding = numbers(padding, "padding", name, 2, least=0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ArgumentError(
                f"padding={self.padding} for {name} with kernel_size={self.kernel_size}",
                "at most half of the kernel, so that each window sees an entry of the input",
                "choose a smaller padding or a larger kernel",
            )
        sizes = zip(self.kernel_size, self.stride, self.padding, strict=True)
        self._axes = [Axis(k, s, before=p, after=p) for k, s, p in sizes]

    def output_shape(self, input_shape: Shape) -> Shape:
        return fitting(input_shape, "HW", None, self._axes, self)

    def __repr__(self) -> str:
        options = {"stride": (self.stride, self.kernel_size), "padding": (self.padding, (0, 0))}
        return text(self, (self.kernel_size,), options)


def taps(x: Array, dim: int, axis: Axis) -> list[Array]:
    """Return for each tap a view of what all windows see with it, along one axis."""
    windows = (x.shape[dim] - axis.reach) // axis.stride + 1
    before = (slice(None),) * dim
    return [x[*before, axis.tap(i, windows)] for i in range(axis.kernel)]


def spread(shares: Iterable[Array], like: Array, dim: int, axis: Axis, size: int) -> Array:
    """Return `size` entries along one axis, to which each tap has added its share: `taps` back."""
    shape = (*like.shape[:dim], size, *like.shape[dim + 1 :])
    dx = (np.empty_like if axis.tiles(size) else np.zeros_like)(like, shape=shape, order="C")
    for part, share in zip(taps(dx, dim, axis), shares, strict=True):
        if axis.stride < axis.kernel:
            part += share
        else:  # no entry is seen twice
            part[...] = share
    return dx
