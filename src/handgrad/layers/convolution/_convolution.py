"""What convolutions over one axis and over two share: everything but their pages."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size, true_or_false
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.layers.convolution._columns import by_group, correlated
from handgrad.layers.convolution._sizes import fitting, numbers, text
from handgrad.layers.convolution._windows import Axis, cropped
from handgrad.parameter import Parameter
from handgrad.per_sample.summands import Products, over_places
from handgrad.shapes import Shape

__all__ = ["Convolution"]


class Convolution(Component):
    """A convolution over the axes that a subclass has letters for; derived on the page of each."""

    _letters: ClassVar[str]

    weights = Parameter()
    bias = Parameter()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        *,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initializer = "he",
        bias_init: Initializer = "zeros",
        rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        name, rank = type(self).__name__, len(self._letters)
        C = self.in_channels = positive_size(in_channels, "in_channels", name)
        K = self.out_channels = positive_size(out_channels, "out_channels", name)
        G = self.groups = positive_size(groups, "groups", name)
        if C % G or K % G:
            raise ArgumentError(
                f"groups={G} for {name} of {C} to {K} channels",
                "a number that divides both",
                f"groups={C} gives each channel of the input kernels of its own",
            )
        biased = true_or_false(bias, "bias", name, "say with bias_init= how it is drawn")
        self.kernel_size = numbers(kernel_size, "kernel_size", name, rank)
        self.stride = numbers(stride, "stride", name, rank)
        self.dilation = numbers(dilation, "dilation", name, rank)
        axes = list(map(Axis, self.kernel_size, self.stride, self.dilation))
        self.padding: tuple[int, ...] | str
        if isinstance(padding, str):
            self.padding, self._axes = padding, [self._same(axis, padding) for axis in axes]
        else:
            self.padding = numbers(padding, "padding", name, rank, least=0)
            pairs = zip(axes, self.padding, strict=True)
            self._axes = [axis._replace(before=p, after=p) for axis, p in pairs]
        # To gather `dx` each window copies its K channels, to scatter it each tap adds its C.
        narrow = all(axis.reach > max(axis.before, axis.after) for axis in self._axes)
        self._gathers = max(self.stride) == 1 and narrow and K <= 8 * C
        self.init, self.bias_init, self.rng = init, bias_init, rng
        self.dtype = floating_type(dtype, name)
        taps = prod(self.kernel_size)
        fans = taps * C // G, taps * K // G
        wanted = {"weights": Drawn((*self.kernel_size, C // G, K), init, *fans)}
        if biased:
            wanted["bias"] = Drawn((K,), bias_init, *fans)
        self.parameters = draw_parameters(wanted, f"{name}({C}, {K})", rng, dtype)

    def _same(self, axis: Axis, padding: str) -> Axis:
        """Return an axis with padding for as many windows as entries, the odd one behind."""
        if padding != "same" or max(self.stride) > 1:
            raise ArgumentError(
                f"padding={padding!r} for {type(self).__name__} with stride={self.stride}",
                'a number, or "same" where the stride is 1',
                "write a number: 0 for no padding, kernel_size // 2 for a window at every "
                "`stride`-th entry where the kernel is odd",
            )
        front = (axis.reach - 1) // 2
        return axis._replace(before=front, after=axis.reach - 1 - front)

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Return ``[X | 1] @ [W; b]`` for the windows of `x` as rows; and these rows."""
        self.output_shape(x.shape)
        y, X = correlated(x, self.weights, self.bias, self._axes, self.groups)
        return y, (x.shape[1:-1], X)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: dict[str, Array] | None = None
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``[X | 1].T @ dy``; and ``dx``, gathered where the stride is 1, else scattered."""
        sizes, X = saved
        W, G = self.weights, self.groups
        dWb: Any = sum(rows.mT @ by_group(dy[block], G) for block, rows in X)
        dWb = dWb.swapaxes(0, 1).reshape(-1, self.out_channels)  # the groups side by side again
        found = {"weights": dWb[: W.size // self.out_channels].reshape(W.shape)}
        if "bias" in self.parameters:
            found["bias"] = dWb[-1]
        gradients = {} if out is None else out
        for name, gradient in found.items():
            gradients[name] = np.positive(gradient, out=gradients.get(name))
        return self._dx_pullback(dy, sizes) if need_dx else None, gradients

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Array | None, dict[str, Any]]:
        """Return ``dx``, and of each sample ``X.T @ dy`` and the sum of `dy`, over its windows."""
        sizes, X = saved
        gradients: dict[str, Any] = {"weights": Products(X.view.swapaxes(0, 1), dy, self.groups)}
        if "bias" in self.parameters:
            gradients["bias"] = over_places(dy)
        return self._dx_pullback(dy, sizes) if need_dx else None, gradients

    def _dx_pullback(self, dy: Array, sizes: tuple[int, ...]) -> Array:
        return self._gathered_pullback(dy) if self._gathers else self._scattered_pullback(dy, sizes)

    def _gathered_pullback(self, dy: Array) -> Array:
        """Return `dx` as a convolution of `dy`, with the kernel turned and channels exchanged."""
        W, G = self.weights, self.groups
        *kernel, C, K = W.shape
        turned = np.flip(W, tuple(range(len(kernel)))).reshape(*kernel, C, G, K // G)
        exchanged = turned.swapaxes(-1, -3).reshape(*kernel, K // G, -1)
        dx, _ = correlated(dy, exchanged, None, [axis.turned() for axis in self._axes], G)
        return dx

    def _scattered_pullback(self, dy: Array, sizes: tuple[int, ...]) -> Array:
        """Return `dx` as the sum over taps of ``dy @ W[tap].T``, each where the tap looked."""
        W, G, axes = self.weights, self.groups, self._axes
        C, K = W.shape[-2:]
        around = [axis.around(size) for axis, size in zip(axes, sizes, strict=True)]
        dyg, dtype = by_group(dy, G), np.result_type(dy, W)
        dx = np.zeros_like(dy, shape=(len(dy), *around, G * C), dtype=dtype, order="C")
        share = np.empty_like(dy, shape=(*dyg.shape[:2], C), dtype=dtype, order="C")
        pairs = list(zip(axes, dy.shape[1:-1], strict=True))
        seen = product(*[[axis.tap(i, n) for i in range(axis.kernel)] for axis, n in pairs])
        for at, w in zip(seen, W.reshape(-1, C, G, K // G), strict=True):
            part, share = dx[:, *at], np.matmul(dyg, w.transpose(1, 2, 0), out=share)
            part += share.swapaxes(0, 1).reshape(part.shape)
        return cropped(dx, axes, sizes)

    def output_shape(self, input_shape: Shape) -> Shape:
        *N, _ = fitting(input_shape, self._letters, self.in_channels, self._axes, self)
        return (*N, self.out_channels)

    def __repr__(self) -> str:
        ones = (1,) * len(self._letters)
        options = {
            "stride": (self.stride, ones),
            "padding": (self.padding, (0,) * len(ones)),
            "dilation": (self.dilation, ones),
            "groups": (self.groups, 1),
            "bias": ("bias" in self.parameters, True),
        }
        return text(self, (self.in_channels, self.out_channels, self.kernel_size), options)
