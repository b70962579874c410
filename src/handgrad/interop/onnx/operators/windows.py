"""Convolutions and pools: ONNX has the channels second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handgrad import layers
from handgrad.interop.onnx.views import Node, View

__all__ = ["OPERATORS"]

_MOST = 1024
"""As large as a stride, a padding or a dilation may be, so that no file asks for all memory."""


def _channels_second(node: Node, rank: int | None = None) -> View:
    view = node.view()
    ranks = (3, 4) if rank is None else (rank,)
    order = (0, *range(2, len(view.shape)), 1)
    if len(view.shape) not in ranks or view.order != order or view.directions:
        raise node.refused(f"an input of {len(view.shape)} axes whose second is not the channels")
    return view


def _sizes(node: Node, name: str, rank: int, default: int) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in node.option(name) or (default,) * rank)
    if len(sizes) != rank or not all(default <= size <= _MOST for size in sizes):
        raise node.refused(f"{name}={sizes[:8]}")
    return sizes


def _padding(node: Node, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if node.option("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or node.option("ceil_mode", 0):
        raise node.refused("auto_pad or ceil_mode")
    pads = _sizes(node, "pads", 2 * rank, 0)
    return pads[:rank], pads[rank:]


def _conv(node: Node) -> View:
    view = _channels_second(node)
    rank = len(view.shape) - 2
    W, bias = node.weights(1, rank + 2), None if len(node.inputs) < 3 else node.weights(2, 1)
    before, after = _padding(node, rank)
    stride, dilation = _sizes(node, "strides", rank, 1), _sizes(node, "dilations", rank, 1)
    same = tuple((d * (k - 1)) // 2 for k, d in zip(W.shape[2:], dilation, strict=True))
    total = tuple(d * (k - 1) for k, d in zip(W.shape[2:], dilation, strict=True))
    uneven = before != after
    if uneven and (before != same or after != tuple(map(int.__sub__, total, same))):
        raise node.refused(f"pads {(*before, *after)}, more on one side than on the other")
    made: Any = layers.Conv1d if rank == 1 else layers.Conv2d
    groups = int(node.option("group", 1))
    layer = made(
        W.shape[1] * groups,
        W.shape[0],
        W.shape[2:],
        stride,
        "same" if uneven else before,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
        init="zeros",
        dtype=W.dtype,
    )
    layer.weights = W.transpose(*range(2, rank + 2), 1, 0)
    if bias is not None:
        layer.bias = bias
    return node.then(layer)


def _pool(make: Any, **wanted: int) -> Callable[[Node], View]:
    def convert(node: Node) -> View:
        _channels_second(node, 4)
        before, after = _padding(node, 2)
        kernel, stride = _sizes(node, "kernel_shape", 2, 1), _sizes(node, "strides", 2, 1)
        dilated = _sizes(node, "dilations", 2, 1) != (1, 1)
        options = any(node.option(name, 0) != value for name, value in wanted.items())
        if before != after or dilated or (options and any(before)):
            raise node.refused("uneven pads, dilations, or a mean that leaves the padding out")
        return node.then(make(kernel, stride, before))

    return convert


def _global(make: Any) -> Callable[[Node], View]:
    def convert(node: Node) -> View:
        view = node.view()
        rank = len(view.shape)
        if node.operator.startswith("Reduce"):
            axes = node.constant(1)
            given = [] if axes is None else axes.reshape(-1).tolist()
            positions = sorted(view.order[1:-1])
            if rank < 3 or sorted(a % rank for a in given) != positions or view.directions:
                raise node.refused("a mean or a maximum over other axes than the positions")
        elif rank < 3 or view.order != (0, *range(2, rank), 1):
            raise node.refused("channels that are not second")
        kept = node.option("keepdims", 1) == 1  # which the pools without the option always do
        return node.then(make(), order=(0, 1), pooled=kept)

    return convert


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "AveragePool": _pool(layers.AvgPool2d, count_include_pad=1),
    "Conv": _conv,
    "GlobalAveragePool": _global(layers.GlobalAveragePool),
    "GlobalMaxPool": _global(layers.GlobalMaxPool),
    "MaxPool": _pool(layers.MaxPool2d),
    "ReduceMax": _global(layers.GlobalMaxPool),
    "ReduceMean": _global(layers.GlobalAveragePool),
}
