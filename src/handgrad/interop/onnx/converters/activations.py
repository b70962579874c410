"""Activations: each is an operator, or a few.

Options of an operator are float32 in ONNX, and few of these operators have a kernel of float64 in
onnxruntime; so a network of float64 is written with arithmetic, which has both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad import activations
from handgrad.interop.onnx.graph import Converter, Graph, Tensor

__all__ = ["CONVERTERS"]


def _simple(operator: str, **options: str) -> Converter:
    """Return the converter to one operator, whose options are attributes of the component."""

    def convert(graph: Graph, component: Any, x: Tensor) -> str:
        given = {option: getattr(component, name) for option, name in options.items()}
        return graph.node(operator, x.name, **given)

    return convert


def _hard_tanh(graph: Graph, component: Any, x: Tensor) -> str:
    low, high = (graph.constant(getattr(component, name), name) for name in ("min_val", "max_val"))
    return graph.node("Clip", x.name, low, high)


def _silu(graph: Graph, component: Any, x: Tensor) -> str:
    return graph.node("Mul", x.name, graph.node("Sigmoid", x.name))


def _softplus(graph: Graph, component: Any, x: Tensor) -> str:
    if component.beta == 1 and not _double(graph):
        return graph.node("Softplus", x.name)
    beta = graph.constant(component.beta, "beta")
    z = graph.node("Mul", x.name, beta)
    if not _double(graph):
        return graph.node("Div", graph.node("Softplus", z), beta)
    e = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    log = graph.node("Log", graph.node("Add", e, graph.constant(1, "one")))
    return graph.node("Add", graph.node("Div", log, beta), graph.node("Relu", x.name))


def _leaky_relu(graph: Graph, component: Any, x: Tensor) -> str:
    a = component.negative_slope
    if not _double(graph):
        return graph.node("LeakyRelu", x.name, alpha=a)
    sloped = graph.node("Mul", x.name, graph.constant(a, "slope"))
    return graph.node("Max" if a <= 1 else "Min", x.name, sloped)


def _elu(graph: Graph, component: Any, x: Tensor) -> str:
    if not _double(graph):
        return graph.node("Elu", x.name, alpha=component.alpha)
    one, zero = graph.constant(1, "one"), graph.constant(0, "zero")
    below = graph.node("Sub", graph.node("Exp", graph.node("Min", x.name, zero)), one)
    scaled = graph.node("Mul", below, graph.constant(component.alpha, "alpha"))
    return graph.node("Add", scaled, graph.node("Relu", x.name))


def _gelu(graph: Graph, component: Any, x: Tensor) -> str:
    if not _double(graph):
        return graph.node("Gelu", x.name, approximate=component.approximate)
    numbers = (component.c, component.a, 0.5, 1, 0.5**0.5)
    c, a, half, one, root = (graph.constant(number, "gelu") for number in numbers)
    if component.approximate == "none":
        t = graph.node("Erf", graph.node("Mul", x.name, root))
    else:
        square = graph.node("Mul", x.name, x.name)
        cubic = graph.node("Mul", square, graph.node("Mul", x.name, a))
        t = graph.node("Tanh", graph.node("Mul", graph.node("Add", x.name, cubic), c))
    return graph.node("Mul", x.name, graph.node("Mul", graph.node("Add", t, one), half))


def _double(graph: Graph) -> bool:
    return bool(graph.dtype == np.float64)


CONVERTERS: Mapping[type, Converter] = {
    activations.ELU: _elu,
    activations.GELU: _gelu,
    activations.HardTanh: _hard_tanh,
    activations.LeakyReLU: _leaky_relu,
    activations.LogSoftmax: _simple("LogSoftmax", axis="axis"),
    activations.ReLU: _simple("Relu"),
    activations.SiLU: _silu,
    activations.Sigmoid: _simple("Sigmoid"),
    activations.Softmax: _simple("Softmax", axis="axis"),
    activations.Softplus: _softplus,
    activations.Tanh: _simple("Tanh"),
}
