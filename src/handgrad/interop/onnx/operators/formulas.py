"""Components that ONNX writes as several operators, found at the last of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad import activations
from handgrad.arguments import Array
from handgrad.interop.onnx.parts import Parts, entrywise, settled
from handgrad.interop.onnx.patterns import matched
from handgrad.interop.onnx.views import Node, View
from handgrad.layers import GroupNorm, LayerNorm, RMSNorm

__all__ = ["found", "group_norm"]


def found(node: Node) -> Any:
    """Return what a formula of several operators makes, None where it ends with no known one."""
    for patterns, make in _FORMULAS:
        names = matched(node, *patterns)
        if names is not None:
            return make(node, names)
    return None


def _numbers(make: Callable[..., Any], *names: str) -> Callable[[Node, dict[str, str]], Any]:
    """Return what makes an activation of the numbers that a formula has."""

    def convert(node: Node, given: dict[str, str]) -> View | Parts:
        numbers = [_number(node, given[name]) for name in names]
        return entrywise(node, make(*numbers), given["x"])

    return convert


def _number(node: Node, name: str) -> float:
    array = node.known.constants.get(name)
    if array is None or array.size != 1:
        raise node.unknown()
    number = array.reshape(())
    return float(f"{number:.7g}" if number.dtype == np.float32 else number)


def _leaky_relu(node: Node, given: dict[str, str]) -> View | Parts:
    slope = _number(node, given["slope"])
    if (slope <= 1) != (node.operator == "Max"):
        raise node.unknown()
    return entrywise(node, activations.LeakyReLU(slope), given["x"])


def _normal(node: Node, given: dict[str, str]) -> View | Parts:
    """Return entries over the root of their mean square; without their mean, where that is gone."""
    axes, epsilon = node.known.constants.get(given["axes"]), _number(node, given["epsilon"])
    gamma = node.known.constants.get(given.get("gamma", ""))
    if axes is None or (gamma is None and "gamma" in given):
        raise node.unknown()
    centred = node.known.nodes.get(given["x"])
    names = None if centred is None else matched(centred, "Sub(x, ReduceMean(x, axes))")
    make: Any = RMSNorm
    value = node.value_of(given["x"] if names is None else names["x"])
    if names is not None:
        if not np.array_equal(node.known.constants.get(names["axes"], ()), axes):
            raise node.refused("a mean and a variance over different axes")
        make = LayerNorm
        if isinstance(value, Parts):
            return _groups(node, value, axes, epsilon)
    return _over(node, make, value, axes, epsilon, gamma)


def _over(
    node: Node, make: Any, view: Any, axes: Array, epsilon: float, gamma: Array | None
) -> View:
    """Return a normalization over the last axes, whose sizes its scale tells, too."""
    if not isinstance(view, View) or not view.plain or view.flattened:
        raise node.refused("features that are not on the last axes")
    rank, count = len(view.shape), axes.size
    last = sorted(int(a) % rank for a in axes.reshape(-1)) == list(range(rank - count, rank))
    features = view.shape[rank - count :] if gamma is None else gamma.shape
    if not last or None in features or len(features) != count:
        raise node.refused("a normalization over other axes than the last")
    layer = make(features, epsilon=epsilon, dtype=_dtype(node))
    if gamma is not None:
        layer.gamma = gamma
    return node.then(layer, view)


def _dtype(node: Node) -> Any:
    """Return the precision of the file's numbers."""
    return next((a.dtype for a in node.known.constants.values() if a.dtype.kind == "f"), "float64")


def _groups(node: Node, value: Any, axes: Array, epsilon: float) -> View | Parts:
    rank = len(value.axes) if isinstance(value, Parts) else 0
    gone = {int(a) % max(rank, 1) for a in axes.reshape(-1)}
    return group_norm(node, value, [i for i in range(rank) if i not in gone], epsilon)


def group_norm(node: Node, value: Parts, kept: list[int], epsilon: float) -> View | Parts:
    """Return each group of features without its mean, all positions together, over its root."""
    view = value.view
    batch, last = view.sizes[0], len(view.shape) - 1
    C = view.shape[last]
    axes = [atom for axis in kept for atom in value.axes[axis] if atom[:2] != (0, 1)]
    others = [atom[0] for i, axis in enumerate(value.axes) for atom in axis if i not in kept]
    if C is None or len(axes) > 1 or value.first or value.scale != 1 or 0 in others:
        raise node.refused("a normalization over other axes than the positions and groups")
    (_, stride, groups) = axes[0] if axes else (last, C, 1)
    whole = axes == [] or (axes[0][0] == last and stride * groups == C)
    if not whole or (batch != 1 and not any((0, 1, batch) in value.axes[i] for i in kept)):
        raise node.refused("a normalization over other axes than the positions and groups")
    layer = GroupNorm(groups, C, epsilon=epsilon, dtype=_dtype(node))
    return settled(replace(value, view=node.then(layer, view)))


_SQUARES = ("Mul(x, x)", "Pow(x, 2)")
_ROOTS = [f"Sqrt(Add(ReduceMean({square}, axes), epsilon))" for square in _SQUARES]
_NORMAL = [way.format(root) for way in ("Div(x, {})", "Mul(x, Reciprocal({}))") for root in _ROOTS]
_ERF = ("Erf(Mul(x, 0.7071067811865476))", "Erf(Div(x, 1.4142135623730951))")
_TANH = [
    f"Tanh(Mul(Add(x, {cubic}), 0.7978845608028654))"
    for cubic in ("Mul(Mul(x, x), Mul(x, 0.044715))", "Mul(Mul(x, Mul(x, x)), 0.044715)",
                  "Mul(Pow(x, 3), 0.044715)")
]  # fmt: skip


def _gelu(inner: Any) -> list[str]:
    """Return the ways to write x (1 + inner) / 2."""
    ways = ("Mul(x, Mul(Add({}, 1), 0.5))", "Mul(Mul(x, Add({}, 1)), 0.5)")
    return [way.format(each) for way in (*ways, "Mul(Mul(x, 0.5), Add({}, 1))") for each in inner]


_FORMULAS: list[tuple[Any, Callable[[Node, dict[str, str]], Any]]] = [
    (("Mul(x, Sigmoid(x))",), _numbers(activations.SiLU)),
    (_gelu(_ERF), _numbers(activations.GELU)),
    (_gelu(_TANH), _numbers(lambda: activations.GELU("tanh"))),
    (("Max(x, Mul(x, slope))", "Min(x, Mul(x, slope))"), _leaky_relu),
    (
        ("Add(Mul(Sub(Exp(Min(x, 0)), 1), alpha), Relu(x))",),
        _numbers(activations.ELU, "alpha"),
    ),
    (
        (
            "Div(Softplus(Mul(x, beta)), beta)",
            "Add(Div(Log(Add(Exp(Neg(Abs(Mul(x, beta)))), 1)), beta), Relu(x))",
        ),
        _numbers(activations.Softplus, "beta"),
    ),
    ([f"Mul({way}, gamma)" for way in _NORMAL], _normal),
    (_NORMAL, _normal),
]
