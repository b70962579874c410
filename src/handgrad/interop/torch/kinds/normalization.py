"""Norms."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.torch.kinds.kind import Arrays, Kind, refused
from handgrad.interop.torch.layouts import Form, Layout
from handgrad.layers import BatchNorm, GroupNorm, LayerNorm, RMSNorm

__all__ = ["KINDS"]

_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}


class _Norm(Kind):
    """Arrays with other names, in PyTorch's order behind a flattening."""

    takes_flat = True

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        return {_NAMES[name]: layout.theirs(array) for name, array in arrays.items()}

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        names = {theirs: name for name, theirs in _NAMES.items()}
        return {names[n]: layout.ours(t) for n, t in tensors.items() if n in names}


class _OverChannels(_Norm):
    """One that wants the channels of sequences and images first."""

    def wants(self, layout: Layout) -> Form | None:
        return "first" if layout.axes == 3 else None


class _BatchNorm(_OverChannels):
    ours, theirs = BatchNorm, ("BatchNorm1d", "BatchNorm2d")
    only = MappingProxyType({"track_running_stats": True})

    def form(self, module: Any) -> tuple[Form | None, int | None]:
        return ("first", 4) if type(module).__name__ == "BatchNorm2d" else (None, None)

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        count = {"num_batches_tracked": np.array(0)} if "running_mean" in arrays else {}
        return super().tensors(component, arrays, layout) | count

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        images = layout.form == "first" and layout.axes != 3
        return (nn.BatchNorm2d if images else nn.BatchNorm1d)(
            component.features,
            eps=component.epsilon,
            momentum=component.momentum,
            affine=component.affine,
        )

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        if module.momentum is None:
            raise refused(
                "momentum=None of BatchNorm", "give it a momentum, with which the mean forgets"
            )
        return BatchNorm(
            module.num_features,
            epsilon=module.eps,
            momentum=module.momentum,
            affine=module.affine,
            **options,
        )

    def after(self, component: Any, layout: Layout) -> Layout:
        channels = component.features if layout.form == "first" else layout.channels
        return Layout(layout.form, layout.axes, channels)


class _GroupNorm(_OverChannels):
    """Groups; of one channel each, where PyTorch calls them instances."""

    ours, takes_flat = GroupNorm, False
    theirs = ("GroupNorm", "InstanceNorm1d", "InstanceNorm2d")
    only = MappingProxyType({"track_running_stats": False})

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        sizes = component.num_groups, component.features
        return nn.GroupNorm(*sizes, eps=component.epsilon, affine=component.affine)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        channels = getattr(module, "num_features", None)
        sizes = (channels,) * 2 if channels else (module.num_groups, module.num_channels)
        return GroupNorm(*sizes, epsilon=module.eps, affine=module.affine, **options)


class _LayerNorm(_Norm):
    ours, theirs, takes = LayerNorm, ("LayerNorm",), "last"

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.LayerNorm(
            component.features, eps=component.epsilon, elementwise_affine=component.affine
        )

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        if module.elementwise_affine and module.bias is None:
            raise refused("bias=False of LayerNorm", "make it with a bias of 0")
        epsilon, affine = module.eps, module.elementwise_affine
        return LayerNorm(_features(module), epsilon=epsilon, affine=affine, **options)


class _RMSNorm(_Norm):
    ours, theirs, takes = RMSNorm, ("RMSNorm",), "last"

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.RMSNorm(
            component.features, eps=component.epsilon, elementwise_affine=component.affine
        )

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        options = {name: value for name, value in options.items() if name != "bias_init"}
        # Without one, PyTorch takes the smallest step of its input's type.
        epsilon = np.finfo(options["dtype"]).eps if module.eps is None else module.eps
        affine = module.elementwise_affine
        return RMSNorm(_features(module), epsilon=float(epsilon), affine=affine, **options)


def _features(module: Any) -> int | tuple[int, ...]:
    sizes = tuple(module.normalized_shape)
    return sizes[0] if len(sizes) == 1 else sizes


KINDS: tuple[Kind, ...] = (_BatchNorm(), _GroupNorm(), _LayerNorm(), _RMSNorm())
