"""Recurrent layers: ONNX has the steps first, and orders the gates in its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.graph import Converter, Graph, Tensor
from handgrad.layers import GRU, LSTM, RNN

__all__ = ["CONVERTERS", "GATES"]

GATES: Mapping[type, Sequence[int]] = {LSTM: (0, 3, 1, 2), GRU: (1, 0, 2), RNN: (0,)}
"""Which of our blocks of columns stands where in ONNX: input, output, forget, cell of an LSTM."""


def _recurrent(graph: Graph, layer: Any, x: Any) -> str:
    given: tuple[Tensor, ...] = x if isinstance(x, tuple) else (x,)
    steps, *more = given
    lengths, states = (more[0].name if more else ""), more[1:]
    if lengths:
        from onnx import TensorProto

        lengths = graph.node("Cast", lengths, to=TensorProto.INT32)

    weights = graph.constant(_rows(layer, layer.input_weights)[None], "input_weights")
    recurrent = graph.constant(_rows(layer, layer.recurrent_weights)[None], "recurrent_weights")
    bias = graph.constant(_biases(layer)[None], "bias")
    alone = graph.integers(0)
    initial = [graph.node("Unsqueeze", state.name, alone) for state in states]

    options: dict[str, Any] = {"hidden_size": layer.units}
    if isinstance(layer, GRU):
        options["linear_before_reset"] = 1
    if isinstance(layer, RNN) and layer.activation == "relu":
        options["activations"] = ["Relu"]
    inputs = [graph.transpose(steps.name, 1, 0, 2), weights, recurrent, bias, lengths, *initial]
    while not inputs[-1]:
        inputs.pop()
    operator = type(layer).__name__
    if not layer.return_sequences:
        last = graph.node(operator, *inputs, outputs=2, at=1, **options)
        return graph.node("Squeeze", last, alone)
    every = graph.node(operator, *inputs, **options)
    return graph.transpose(graph.node("Squeeze", every, graph.integers(1)), 1, 0, 2)


def _rows(layer: Any, columns: Array) -> Array:
    """Return blocks of columns as ONNX has them, blocks of rows in its own order."""
    blocks = columns.reshape(len(columns), -1, layer.units)[:, GATES[type(layer)]]
    return blocks.reshape(len(columns), -1).T


def _biases(layer: Any) -> Array:
    """Return the bias beside the input and the one beside the state, one after the other."""
    beside = np.zeros_like(layer.bias)
    if isinstance(layer, GRU):
        beside[:, -layer.units :] = layer.recurrent_bias
    return np.concatenate([_rows(layer, bias)[:, 0] for bias in (layer.bias, beside)])


CONVERTERS: Mapping[type, Converter] = {GRU: _recurrent, LSTM: _recurrent, RNN: _recurrent}
