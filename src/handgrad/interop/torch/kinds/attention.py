"""Attention."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.torch.kinds.kind import BATCH_FIRST, Arrays, Kind, zeros
from handgrad.interop.torch.layouts import Layout
from handgrad.layers import MultiHeadAttention

__all__ = ["KINDS"]

_INPUTS = ("query", "key", "value")


class _Attention(Kind):
    """Three weights in one where the three inputs are of one size, and a bias for the keys too.

    That bias adds one number to all scores of a row and changes no softmax: what comes is left, and
    what goes is 0.
    """

    ours, theirs = MultiHeadAttention, ("MultiHeadAttention", "MultiheadAttention")
    takes, axes = "last", 3
    only = MappingProxyType(
        {
            "batch_first": True,
            "dropout": 0.0,
            "bias_k": None,
            "bias_v": None,
            "add_zero_attn": False,
        }
    )

    mends = MappingProxyType(
        {
            "batch_first": BATCH_FIRST,
            "dropout": "set its dropout to 0.0: here no weight of attention is dropped, and what "
            "is predicted stays the same",
        }
    )

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        weights = [arrays[f"{name}_weights"].T for name in _INPUTS]
        if _of_one_size(component):
            found = {"in_proj_weight": np.concatenate(weights)}
        else:
            names = [f"{name[0]}_proj_weight" for name in _INPUTS]
            found = dict(zip(names, weights, strict=True))
        if component.bias:
            query, value = (arrays[f"{name}_bias"][0] for name in ("query", "value"))
            none = zeros(component.features, query)
            found["in_proj_bias"] = np.concatenate([query, none, value])
            found["out_proj.bias"] = arrays["output_bias"][0]
        return found | {"out_proj.weight": arrays["output_weights"].T}

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        if _of_one_size(component):
            weights = np.split(tensors["in_proj_weight"], 3)
        else:
            weights = [tensors[f"{name[0]}_proj_weight"] for name in _INPUTS]
        found = {f"{name}_weights": W.T for name, W in zip(_INPUTS, weights, strict=True)}
        if component.bias:
            query, _, value = np.split(tensors["in_proj_bias"], 3)
            output = tensors["out_proj.bias"]
            biases = {"query_bias": query, "value_bias": value, "output_bias": output}
            found |= {name: bias[None] for name, bias in biases.items()}
        return found | {"output_weights": tensors["out_proj.weight"].T}

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return nn.MultiHeadAttention(
            component.features,
            component.num_heads,
            causal=component.causal,
            bias=component.bias,
            kdim=component.key_features,
            vdim=component.value_features,
        )

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        return MultiHeadAttention(
            module.embed_dim,
            module.num_heads,
            causal=getattr(module, "causal", False),
            bias=module.in_proj_bias is not None,
            key_features=module.kdim,
            value_features=module.vdim,
            **options,
        )

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", 3, component.features)


def _of_one_size(component: Any) -> bool:
    return bool(component.features == component.key_features == component.value_features)


KINDS: tuple[Kind, ...] = (_Attention(),)
