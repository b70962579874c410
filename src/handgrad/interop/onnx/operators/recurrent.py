"""Recurrent operators, one way or both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.converters.recurrent import GATES
from handgrad.interop.onnx.views import Given, Node, View
from handgrad.layers import GRU, LSTM, RNN, Bidirectional

__all__ = ["OPERATORS"]

_ACTIVATIONS = {LSTM: ["Sigmoid", "Tanh", "Tanh"], GRU: ["Sigmoid", "Tanh"], RNN: ["Tanh"]}


def _recurrent(make: Any) -> Callable[[Node], dict[str, View]]:
    def convert(node: Node) -> dict[str, View]:
        view = node.value()
        if not isinstance(view, View) or view.turned == "back" or view.flattened:
            raise node.unknown()
        W, R, B = node.weights(1, 3), node.weights(2, 3), node.weights(3, 2)
        H, gates = R.shape[2], len(GATES[make])
        shapes = [(len(W), gates * H, W.shape[2]), (len(W), gates * H, H), (len(W), 2 * gates * H)]
        if (
            [a.shape for a in (W, R, B)] != shapes
            or len(W) > 2
            or view.order != (1, 0, 2)
            or view.pooled
        ):
            raise node.refused("tensors of other shapes, or an input whose first axis is not time")
        given = _given(node)
        if given and (len(W) > 1 or view.by not in (None, given[0])):
            raise node.refused("lengths in both directions, or others than those of the reversal")
        options: dict[str, Any] = {}
        named = [each.decode() for each in node.option("activations") or []]
        if make is RNN and named == ["Relu"] * len(W):
            options["activation"] = "relu"
        elif named and named != _ACTIVATIONS[make] * len(W):
            raise node.refused(f"activations {named}")
        odd = node.option("clip"), node.option("input_forget", 0), node.option("layout", 0)
        if odd != (None, 0, 0) or (make is GRU and not node.option("linear_before_reset", 0)):
            raise node.refused("clip, input_forget, layout, or linear_before_reset=0")
        direction = {1: "forward", 2: "bidirectional"}[len(W)]
        if node.option("direction", "forward") != direction:
            raise node.refused(f"direction {node.option('direction')}")
        found = {}
        for name, every in zip(node.outputs, (True, False), strict=False):
            if name and (every or direction == "forward"):
                each = {"return_sequences": every, **options}
                ways = [_layer(make, *arrays, each) for arrays in zip(W, R, B, strict=True)]
                layer = ways[0] if len(ways) == 1 else Bidirectional(*ways)
                order = (1, 0, 2) if every else (0, 1)
                found[name] = node.then(layer, view, given, order=order, directions=True)
        return found

    return convert


def _given(node: Node) -> tuple[int, ...]:
    """Return which inputs are the lengths and the states to begin with, where there are any."""
    found = [_input(node, 4, "i", 1, ())]
    states = [i for i in range(5, len(node.inputs)) if not node.is_zero(i)]
    if states not in ([], [5], [5, 6]) or (states and found == [None]):
        raise node.refused("peepholes, or states that it begins with and no lengths")
    found += [_input(node, i, "f", 2, (0,)) for i in states]
    return tuple(number for number in found if number is not None)


def _input(node: Node, i: int, kind: str, rank: int, axes: tuple[int, ...]) -> int | None:
    if i >= len(node.inputs) or not node.inputs[i]:
        return None
    value = node.known.views.get(node.inputs[i])
    if not isinstance(value, Given) or (value.kind, value.rank, value.axes) != (kind, rank, axes):
        raise node.refused("lengths or states that are no inputs of the network")
    return value.number


def _layer(make: Any, W: Array, R: Array, B: Array, options: dict[str, Any]) -> Any:
    """Return a layer with the tensors of one direction."""
    H, D = R.shape[1], W.shape[1]
    beside, before = np.split(B, 2)
    layer = make(D, H, init="zeros", recurrent_init="zeros", dtype=W.dtype, **options)
    back = np.argsort(GATES[make])

    def columns(rows: Array) -> Array:
        return rows.reshape(-1, H, rows.shape[-1])[back].reshape(rows.shape).T

    layer.input_weights, layer.recurrent_weights = columns(W), columns(R)
    ours, states = columns(beside[:, None]), columns(before[:, None])
    if make is GRU:  # whose last gate keeps the bias beside the state apart
        layer.recurrent_bias = states[:, 2 * H :]
        states[:, 2 * H :] = 0
    layer.bias = ours + states
    return layer


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "GRU": _recurrent(GRU),
    "LSTM": _recurrent(LSTM),
    "RNN": _recurrent(RNN),
}
