"""Affine layers, and what a sequence begins with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from handgrad.arguments import Array
from handgrad.interop.torch.kinds.kind import Arrays, Kind, refused
from handgrad.interop.torch.layouts import Layout
from handgrad.layers import Embedding, LearnedPositionalEncoding, Linear, PositionalEncoding

__all__ = ["KINDS"]


class _Linear(Kind):
    """Weights (out, in), and where the features are flattened images, these in PyTorch's order."""

    ours, theirs, takes, takes_flat = Linear, ("Linear",), "last", True

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        found = {"weight": layout.theirs(arrays["weights"]).T}
        return found | ({"bias": arrays["bias"][0]} if "bias" in arrays else {})

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        found = {"weights": layout.ours(tensors["weight"].T)}
        return found | ({"bias": tensors["bias"][None]} if "bias" in tensors else {})

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        bias = component.bias is not None
        return nn.Linear(component.in_features, component.out_features, bias=bias)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        bias = module.bias is not None
        return Linear(module.in_features, module.out_features, bias=bias, **options)

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", layout.axes, component.out_features)


class _Table(Kind):
    """Weights that are the same in both."""

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        return {"weight": arrays["weights"]}

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        return {"weights": tensors["weight"]}

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", 3, component.features)


class _Embedding(_Table):
    ours, theirs, takes = Embedding, ("Embedding",), "last"
    only = MappingProxyType({"max_norm": None, "scale_grad_by_freq": False, "sparse": False})

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        p = component.padding_index
        if p is not None and tensors["weight"][p].any():
            raise refused(
                f"a vector of the padding_idx {p} that is not 0",
                "set it to 0: ours is 0 at the padding whatever the table says",
            )
        return super().arrays(component, tensors, layout)

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        sizes = component.num_embeddings, component.features
        return nn.Embedding(*sizes, padding_idx=component.padding_index)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        options = {name: value for name, value in options.items() if name != "bias_init"}
        sizes = module.num_embeddings, module.embedding_dim
        return Embedding(*sizes, module.padding_idx, **options)


class _Learned(_Table):
    ours, theirs = LearnedPositionalEncoding, ("LearnedPositionalEncoding",)
    takes, axes = "last", 3

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.LearnedPositionalEncoding(component.max_length, component.features)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        options = {name: value for name, value in options.items() if name != "bias_init"}
        return LearnedPositionalEncoding(module.num_embeddings, module.embedding_dim, **options)


class _Positions(Kind):
    ours, theirs = PositionalEncoding, ("PositionalEncoding",)
    takes, axes = "last", 3

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.PositionalEncoding(component.max_length, component.features)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        return PositionalEncoding(module.max_length, module.features)

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", 3, component.features)


KINDS: tuple[Kind, ...] = (_Linear(), _Embedding(), _Positions(), _Learned())
