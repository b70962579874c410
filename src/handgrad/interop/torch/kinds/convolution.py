"""Convolutions, pools, and what makes a row of numbers of an image."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.torch.kinds.kind import Arrays, Coming, Kind, refused
from handgrad.interop.torch.layouts import Form, Layout
from handgrad.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool2d,
)

__all__ = ["KINDS"]


class _Convolution(Kind):
    """Weights (out, in, taps...), where ours are (taps..., in, out)."""

    takes = "first"
    only = MappingProxyType({"padding_mode": "zeros"})

    def __init__(self, ours: Any, axes: int) -> None:
        self.ours, self.theirs, self.axes = ours, (ours.__name__,), axes

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        found = {"weight": np.moveaxis(arrays["weights"], (-1, -2), (0, 1))}
        return found | ({"bias": arrays["bias"]} if "bias" in arrays else {})

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        found = {"weights": np.moveaxis(tensors["weight"], (0, 1), (-1, -2))}
        return found | ({"bias": tensors["bias"]} if "bias" in tensors else {})

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return getattr(nn, self.theirs[0])(
            *_sizes(component), bias=component.bias is not None, **_windows(component)
        )

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        windows = _windows(module)
        if windows["padding"] == "valid":
            windows["padding"] = 0
        bias = module.bias is not None
        return self.ours(*_sizes(module), bias=bias, **windows, **options)

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("first", self.axes, component.out_channels)


def _sizes(layer: Any) -> tuple[Any, ...]:
    return layer.in_channels, layer.out_channels, layer.kernel_size


def _windows(layer: Any) -> dict[str, Any]:
    """Return what a convolution of either library is made with, under names that both have."""
    return {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}


class _Pool(Kind):
    takes, axes = "first", 4

    def __init__(self, ours: Any, only: Mapping[str, Any]) -> None:
        self.ours, self.theirs, self.only = ours, (ours.__name__,), only

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        windows = component.kernel_size, component.stride, component.padding
        return getattr(nn, self.theirs[0])(*windows)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        return self.ours(module.kernel_size, module.stride, module.padding)

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("first", 4, layout.channels)


class _GlobalPool(Kind):
    """A module of ours; of PyTorch's, an adaptive pool of size 1 with a flattening behind it."""

    takes = "first"

    def __init__(self, ours: Any) -> None:
        name = ours.__name__
        adaptive = "AdaptiveMaxPool" if "Max" in name else "AdaptiveAvgPool"
        self.ours = ours
        self.theirs = name, f"{adaptive}2d", f"{adaptive}1d"

    def form(self, module: Any) -> tuple[Form | None, int | None]:
        return "first", {"2d": 4, "1d": 3}.get(type(module).__name__[-2:])

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return getattr(nn, self.theirs[0])()

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        size = getattr(module, "output_size", 1)
        if size not in (1, (1,), (1, 1)) or getattr(module, "return_indices", False):
            raise refused(
                f"{type(module).__name__}({size})",
                "leave one entry of each channel, with an output_size of 1",
            )
        return self.ours()

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", 2)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        component, after = super().coming(walk, module, layout)
        adaptive = type(module).__name__ != self.theirs[0]
        return component, Layout("pooled", layout.axes) if adaptive else after


class _Flatten(Kind):
    ours, theirs = Flatten, ("Flatten",)
    takes_flat = takes_pooled = True
    only = MappingProxyType({"start_dim": 1, "end_dim": -1})

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.Flatten()

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        return Flatten()

    def after(self, component: Any, layout: Layout) -> Layout:
        if layout.form in ("last", "flat"):
            return Layout(layout.form, 2, layout.channels)
        if layout.channels is None:
            raise refused(
                "a Flatten of an image of which nothing tells the number of channels",
                "say input_shape=(None, height, width, channels)",
            )
        return Layout("last" if layout.channels == 1 else "flat", 2, layout.channels)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        if layout.form == "pooled":  # ours has put out no axes of one entry
            return None, Layout("last", 2)
        return super().coming(walk, module, layout)


_ROUNDED = {"ceil_mode": False}

KINDS: tuple[Kind, ...] = (
    _Convolution(Conv1d, 3),
    _Convolution(Conv2d, 4),
    _Pool(MaxPool2d, {**_ROUNDED, "dilation": 1, "return_indices": False}),
    _Pool(AvgPool2d, {**_ROUNDED, "count_include_pad": True, "divisor_override": None}),
    _GlobalPool(GlobalAveragePool),
    _GlobalPool(GlobalMaxPool),
    _Flatten(),
)
