"""Operators that look at single entries, and the softmaxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handgrad import activations
from handgrad.interop.onnx.operators.attention import Scores, hidden, softmax
from handgrad.interop.onnx.parts import Parts, entrywise
from handgrad.interop.onnx.patterns import matched
from handgrad.interop.onnx.views import Node, View

__all__ = ["OPERATORS"]


def _number(node: Node, name: str, default: float) -> float:
    """Return an option, which is float32 in ONNX, as it was written: 0.01, not 0.0099999998."""
    return float(f"{node.option(name, default):.7g}")


def _is(make: Callable[[Node], Any]) -> Callable[[Node], View | Parts]:
    return lambda node: entrywise(node, make(node), node.inputs[0])


def _clip(node: Node) -> View | Parts:
    low, high = node.constant(1), node.constant(2)
    if low is None or high is None or low.ndim or high.ndim:
        raise node.refused("it has not both bounds")
    return entrywise(node, activations.HardTanh(float(low), float(high)), node.inputs[0])


def _along(make: Callable[[int], Any]) -> Callable[[Node], Any]:
    def convert(node: Node) -> Any:
        value = node.value()
        if isinstance(value, Scores) and make is activations.Softmax:
            return softmax(node, value)
        view = node.view()
        axis = node.option("axis", -1)
        if not -len(view.order) <= axis < len(view.order) or view.directions or view.pooled:
            raise node.refused(f"axis {axis} of {len(view.order)}")
        ours = view.order.index(axis % len(view.order))
        return node.then(make(ours if ours < len(view.order) - 1 else -1))

    return convert


def _where(node: Node) -> Any:
    """Return hidden scores, or a Softplus with its input itself far out, where both are one."""
    scores = hidden(node)
    if scores is not None:
        return scores
    found = matched(
        node,
        "Where(Greater(x, limit), x, Softplus(x))",
        "Where(Greater(Mul(x, beta), limit), x, Div(Softplus(Mul(x, beta)), beta))",
    )
    if found is None:
        raise node.unknown()
    limit = node.known.number(found["limit"])
    if limit is None or limit < 20:
        raise node.refused("a threshold below 20")
    return node.view(2)


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Clip": _clip,
    "Elu": _is(lambda node: activations.ELU(_number(node, "alpha", 1.0))),
    "Gelu": _is(lambda node: activations.GELU(node.option("approximate", "none"))),
    "LeakyRelu": _is(lambda node: activations.LeakyReLU(_number(node, "alpha", 0.01))),
    "LogSoftmax": _along(activations.LogSoftmax),
    "Relu": _is(lambda node: activations.ReLU()),
    "Sigmoid": _is(lambda node: activations.Sigmoid()),
    "Softmax": _along(activations.Softmax),
    "Softplus": _is(lambda node: activations.Softplus()),
    "Tanh": _is(lambda node: activations.Tanh()),
    "Where": _where,
}
