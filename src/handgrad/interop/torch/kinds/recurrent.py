"""Recurrent layers, which PyTorch also has in both directions and in a row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from handgrad.arguments import Array
from handgrad.interop.torch.kinds.containers import in_one
from handgrad.interop.torch.kinds.kind import BATCH_FIRST, Arrays, Coming, Going, Kind, Node, zeros
from handgrad.interop.torch.layouts import Layout
from handgrad.layers import GRU, LSTM, RNN, Bidirectional, Dropout
from handgrad.layers.recurrent.recurrence import Recurrent
from handgrad.model import Model

__all__ = ["KINDS"]

_LAST, _REVERSE = "_l0", "_l0_reverse"


def _tensors(arrays: Arrays, end: str) -> dict[str, Array]:
    """Return the four tensors of one direction.

    PyTorch's second bias adds to the first and says nothing new, except to the candidate of a GRU,
    whose reset gate multiplies it.
    """
    W, U, first = arrays["input_weights"].T, arrays["recurrent_weights"].T, arrays["bias"][0]
    second = zeros(len(first), first)
    if "recurrent_bias" in arrays:
        candidate = arrays["recurrent_bias"][0]
        second[-len(candidate) :] = candidate
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return dict(zip([name + end for name in names], (W, U, first, second), strict=True))


def _arrays(tensors: Mapping[str, Array], end: str, reset: bool) -> dict[str, Array]:
    """Return the arrays of one direction, of a GRU where there is a reset gate."""
    first, second = tensors[f"bias_ih{end}"], tensors[f"bias_hh{end}"].copy()
    found = {
        "input_weights": tensors[f"weight_ih{end}"].T,
        "recurrent_weights": tensors[f"weight_hh{end}"].T,
    }
    if reset:
        candidate = second[-(len(second) // 3) :]
        found["recurrent_bias"] = candidate[None].copy()
        candidate[...] = 0
    return found | {"bias": (first + second)[None]}


class _Recurrent(Kind):
    takes, axes = "last", 3
    only = MappingProxyType({"batch_first": True, "bias": True, "proj_size": 0})
    mends = MappingProxyType({"batch_first": BATCH_FIRST})

    def __init__(self, ours: Any) -> None:
        self.ours, self.theirs = ours, (ours.__name__,)

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        return _tensors(arrays, _LAST)

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        return _arrays(tensors, _LAST, isinstance(component, GRU))

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return _module(nn, component, bidirectional=False)

    def after(self, component: Any, layout: Layout) -> Layout:
        return Layout("last", 3 if component.return_sequences else 2)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        """Return a layer for each of the module's, with its dropout between them."""
        layers, tensors = [], walk.tensors(module)
        options = walk.options(module) | {"recurrent_init": "zeros"}
        if self.ours is RNN:
            options["activation"] = module.nonlinearity
        D, H = module.input_size, module.hidden_size
        returns = getattr(module, "return_sequences", True)
        for k in range(module.num_layers):
            last = k == module.num_layers - 1
            both = [
                walk.filled(
                    self.ours(D, H, return_sequences=returns or not last, **options),
                    _arrays(tensors, f"_l{k}{end}", self.ours is GRU),
                )
                for end in ("", "_reverse")[: 1 + module.bidirectional]
            ]
            layer: Any = Bidirectional(*both) if module.bidirectional else both[0]
            layers.append(Dropout(layer, module.dropout) if module.dropout and not last else layer)
            D = H * len(both)
        return layers[0] if len(layers) == 1 else Model(layers), Layout("last", 3 if returns else 2)


class _Bidirectional(Kind):
    """One module where both layers are alike and their outputs side by side; else a container."""

    ours, theirs, takes, axes = Bidirectional, ("Bidirectional",), "last", 3

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        if not _alike(component):
            return {}
        ahead, back = arrays["forward_layer"], arrays["backward_layer"]
        return {**_tensors(ahead, _LAST), **_tensors(back, _REVERSE)}

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        ends = {"forward_layer": _LAST, "backward_layer": _REVERSE}
        reset = isinstance(component.forward_layer, GRU)
        return {name: _arrays(tensors, end, reset) for name, end in ends.items()}

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        return _module(nn, component.forward_layer, bidirectional=True)

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        children = component.children()
        if _alike(component):
            for child in children.values():
                walk.joined(child)
            nodes, _ = super().going(walk, component, layout)
            returns = component.forward_layer.return_sequences
            return nodes, Layout("last", 3 if returns else 2)
        held = {}
        for name, child in children.items():
            found, after = walk.nodes(name, child, layout)
            held[name] = in_one(found, child)
        combine = component.combine

        def make(nn: Any, modules: list[Any]) -> Any:
            return nn.Bidirectional(*modules, combine)

        return [Node(make, self, component, layout, held)], after

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        ahead, after = walk.component("forward_layer", module.forward_layer, layout)
        back, _ = walk.component("backward_layer", module.backward_layer, layout)
        return Bidirectional(ahead, back, module.combine), after


def _alike(both: Bidirectional) -> bool:
    """Return whether two layers are what PyTorch has in one module."""
    ahead, back = both.forward_layer, both.backward_layer
    sizes = [
        (type(layer), layer.in_features, layer.units, getattr(layer, "activation", None),
         layer.frozen, layer.training)
        for layer in (ahead, back)
        if isinstance(layer, Recurrent)
    ]  # fmt: skip
    like = len(sizes) == 2 and sizes[0] == sizes[1] and ahead is not back
    return like and both.combine == "concatenate"


def _module(nn: Any, layer: Any, bidirectional: bool) -> Any:
    options = {"nonlinearity": layer.activation} if isinstance(layer, RNN) else {}
    return getattr(nn, type(layer).__name__)(
        layer.in_features,
        layer.units,
        return_sequences=layer.return_sequences,
        bidirectional=bidirectional,
        **options,
    )


KINDS: tuple[Kind, ...] = (
    _Recurrent(RNN),
    _Recurrent(LSTM),
    _Recurrent(GRU),
    _Bidirectional(),
)
