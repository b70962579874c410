"""Operators that look at single entries, and the softmaxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handgrad import activations
from handgrad.interop.onnx.views import Node, View

__all__ = ["OPERATORS"]


def _number(node: Node, name: str, default: float) -> float:
    """Return an option, which is float32 in ONNX, as it was written: 0.01, not 0.0099999998."""
    return float(f"{node.option(name, default):.7g}")


def _is(make: Callable[[Node], Any]) -> Callable[[Node], View]:
    return lambda node: node.then(make(node))


def _clip(node: Node) -> View:
    low, high = node.constant(1), node.constant(2)
    if low is None or high is None or low.ndim or high.ndim:
        raise node.refused("it has not both bounds")
    return node.then(activations.HardTanh(float(low), float(high)))


def _along(make: Callable[[int], Any]) -> Callable[[Node], View]:
    def convert(node: Node) -> View:
        view = node.view()
        axis = node.option("axis", -1)
        if not -len(view.order) <= axis < len(view.order) or view.directions or view.pooled:
            raise node.refused(f"axis {axis} of {len(view.order)}")
        ours = view.order.index(axis % len(view.order))
        return node.then(make(ours if ours < len(view.order) - 1 else -1))

    return convert


def _mul(node: Node) -> View:
    """Return what SiLU makes, an input times its own sigmoid."""
    for one, other in ((0, 1), (1, 0)):
        made, given = node.maker(other), node.inputs[one : one + 1]
        if made is not None and made.operator == "Sigmoid" and made.inputs == given:
            return node.then(activations.SiLU(), node.view(one))
    raise node.unknown()


def _where(node: Node) -> View:
    """Return a Softplus that PyTorch writes with its input itself far out, where both are one."""
    softplus, above = node.maker(2), node.maker(0)
    same = softplus is not None and softplus.operator == "Softplus"
    same = same and above is not None and above.operator == "Greater"
    if not same or softplus.inputs[0] != node.inputs[1] or above.inputs[0] != node.inputs[1]:  # type: ignore[union-attr]
        raise node.unknown()
    limit = above.constant(1)  # type: ignore[union-attr]
    if limit is None or limit.ndim or limit < 20:
        raise node.refused("a threshold below 20")
    return node.view(2)


OPERATORS: Mapping[str, Callable[[Node], Any]] = {
    "Clip": _clip,
    "Elu": _is(lambda node: activations.ELU(_number(node, "alpha", 1.0))),
    "Gelu": _is(lambda node: activations.GELU(node.option("approximate", "none"))),
    "LeakyRelu": _is(lambda node: activations.LeakyReLU(_number(node, "alpha", 0.01))),
    "LogSoftmax": _along(activations.LogSoftmax),
    "Mul": _mul,
    "Relu": _is(lambda node: activations.ReLU()),
    "Sigmoid": _is(lambda node: activations.Sigmoid()),
    "Softmax": _along(activations.Softmax),
    "Softplus": _is(lambda node: activations.Softplus()),
    "Tanh": _is(lambda node: activations.Tanh()),
    "Where": _where,
}
