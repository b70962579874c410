"""Convolutions and pools: ONNX has the channels second, so that they are moved there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handgrad import layers
from handgrad.interop.onnx.graph import Converter, Graph, Tensor

__all__ = ["CONVERTERS"]


def _channels_second(graph: Graph, operator: str, x: Tensor, *inputs: str, **options: Any) -> str:
    """Add an operator between two transpositions."""
    rank = len(x.shape)
    moved = graph.transpose(x.name, 0, rank - 1, *range(1, rank - 1))
    y = graph.node(operator, moved, *inputs, **options)
    return graph.transpose(y, 0, *range(2, rank), 1)


def _pads(component: Any) -> list[int]:
    axes = component._axes
    return [axis.before for axis in axes] + [axis.after for axis in axes]


def _convolution(graph: Graph, convolution: Any, x: Tensor) -> str:
    rank = len(convolution.kernel_size)
    kernels = convolution.weights.transpose(rank + 1, rank, *range(rank))
    inputs = [graph.constant(kernels, "weights")]
    if convolution.bias is not None:
        inputs.append(graph.constant(convolution.bias, "bias"))
    return _channels_second(
        graph,
        "Conv",
        x,
        *inputs,
        kernel_shape=convolution.kernel_size,
        strides=convolution.stride,
        dilations=convolution.dilation,
        pads=_pads(convolution),
        group=convolution.groups,
    )


def _pool(operator: str, **options: Any) -> Converter:
    def convert(graph: Graph, pool: Any, x: Tensor) -> str:
        return _channels_second(
            graph,
            operator,
            x,
            kernel_shape=pool.kernel_size,
            strides=pool.stride,
            pads=_pads(pool),
            **options,
        )

    return convert


def _over_positions(operator: str) -> Converter:
    """Return the converter to a reduction over every axis between the first and the last."""

    def convert(graph: Graph, pool: Any, x: Tensor) -> str:
        axes = graph.integers(*range(1, len(x.shape) - 1))
        return graph.node(operator, x.name, axes, keepdims=0)

    return convert


def _flatten(graph: Graph, flatten: Any, x: Tensor) -> str:
    return graph.node("Flatten", x.name, axis=1)


CONVERTERS: Mapping[type, Converter] = {
    layers.AvgPool2d: _pool("AveragePool", count_include_pad=1),
    layers.Conv1d: _convolution,
    layers.Conv2d: _convolution,
    layers.Flatten: _flatten,
    layers.GlobalAveragePool: _over_positions("ReduceMean"),
    layers.GlobalMaxPool: _over_positions("ReduceMax"),
    layers.MaxPool2d: _pool("MaxPool"),
}
