"""What convolutions over one axis and over two share: everything but their pages."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, positive_size, true_or_false
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.initializers import Drawn, Initializer, draw_parameters, floating_type
from handgrad.layers.convolution._columns import Columns, by_group
from handgrad.layers.convolution._sizes import fitting, numbers, text
from handgrad.layers.convolution._windows import Axis, cropped
from handgrad.parameter import Parameter
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
        shape = self.output_shape(x.shape)
        biased, G = "bias" in self.parameters, self.groups
        X = Columns(x, self._axes, G, ones=biased)
        own = (self.weights, self.bias) if biased else (self.weights,)
        Wb = np.concatenate(tuple(by_group(array, G) for array in own), axis=1)
        y = np.empty_like(x, shape=shape, dtype=np.result_type(x, Wb), order="C")
        for block, rows in X:
            np.matmul(rows, Wb, out=by_group(y[block], G))
        return y, (x.shape[1:-1], X)

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: dict[str, Array] | None = None
    ) -> tuple[Array | None, dict[str, Array]]:
        """Return ``[X | 1].T @ dy``, and ``dy @ W[tap].T`` added up where each tap looked."""
        sizes, X = saved
        W, G, axes = self.weights, self.groups, self._axes
        *kernel, C, K = W.shape

        dWb: Any = sum(rows.mT @ by_group(dy[block], G) for block, rows in X)
        dWb = dWb.swapaxes(0, 1).reshape(-1, K)  # the groups side by side again
        found = {"weights": dWb[: W.size // K].reshape(W.shape)}
        if "bias" in self.parameters:
            found["bias"] = dWb[-1]
        gradients = {} if out is None else out
        for name, gradient in found.items():
            gradients[name] = np.positive(gradient, out=gradients.get(name))
        if not need_dx:
            return None, gradients

        around = [axis.around(size) for axis, size in zip(axes, sizes, strict=True)]
        dyg, dtype = by_group(dy, G), np.result_type(dy, W)
        dx = np.zeros_like(dy, shape=(len(dy), *around, G * C), dtype=dtype, order="C")
        share = np.empty_like(dy, shape=(*dyg.shape[:2], C), dtype=dtype, order="C")
        for tap in np.ndindex(*kernel):
            seen = [a.tap(i, n) for a, i, n in zip(axes, tap, dy.shape[1:-1], strict=True)]
            part, share = dx[:, *seen], np.matmul(dyg, by_group(W[tap], G).mT, out=share)
            part += share.swapaxes(0, 1).reshape(part.shape)
        return cropped(dx, axes, sizes), gradients

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
