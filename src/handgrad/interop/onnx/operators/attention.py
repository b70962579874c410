"""Attention: products of heads, a softmax between them, and the affine maps around."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.interop.onnx.operators.axes import parts_of
from handgrad.interop.onnx.parts import Parts, joined, settled
from handgrad.interop.onnx.patterns import matched
from handgrad.interop.onnx.steps import Step
from handgrad.interop.onnx.views import Given, Node
from handgrad.layers import Linear, MultiHeadAttention

__all__ = [
    "OPERATORS",
    "Scores",
    "hidden",
    "product",
    "scaled_by",
    "shown_softmax",
    "softmax",
    "with_output",
]

_EARLIER = "LessOrEqual(Range(a, S, b), Unsqueeze(Range(a, T, b), c))"
_SHOWN = ("Less(Range(a, S, b), mask)", "mask")
_LATER = (
    f"Where({_EARLIER}, s, x)",
    *(f"Where(And({shown}, {_EARLIER}), s, x)" for shown in _SHOWN),
    *(f"Where({shown}, s, x)" for shown in _SHOWN),
    "Add(s, Where(Equal(lower@Trilu(Expand(1, sizes)), 0), x, 0))",
)
"""How scores are hidden from what comes later: as it is written here, and by PyTorch."""
_NAMES = ("query", "key", "value")


@dataclass(frozen=True)
class Scores:
    """Products of queries with keys, or their softmax along the keys."""

    query: Parts
    key: Parts
    scale: float
    causal: bool = False
    softmax: bool = False
    mask: int | None = None


def product(node: Node) -> Any:
    """Return the scores of queries and keys, or what the heads answer of the values."""
    one = node.value(0)
    if isinstance(one, Scores):
        if not one.softmax:
            raise node.unknown()
        return _answers(node, one, parts_of(node, 1))
    query, key = parts_of(node, 0), parts_of(node, 1)
    key = replace(key, axes=(*key.axes[:-2], *key.axes[:-3:-1]))
    return Scores(query, key, query.scale * key.scale)


def scaled_by(node: Node, scores: Scores, factor: float) -> Scores:
    """Return scores, multiplied."""
    if scores.softmax:
        raise node.refused("a softmax of scores that is multiplied by a number")
    return replace(scores, scale=scores.scale * factor)


def softmax(node: Node, scores: Scores) -> Scores:
    """Return the weights that scores become."""
    if node.option("axis", -1) not in (-1, len(scores.query.axes) - 1) or scores.softmax:
        raise node.refused("a softmax of scores along another axis than the keys'")
    return replace(scores, softmax=True)


def hidden(node: Node) -> Scores | None:
    """Return scores that are hidden where a key comes later than its query, None if not scores."""
    found = matched(node, *_LATER)
    given = (found["s"],) if found else node.inputs
    scores = next((s for s in map(node.known.views.get, given) if isinstance(s, Scores)), None)
    if scores is None:
        return None
    if found is None or scores.softmax or not _later(node, found, scores):
        raise node.refused("scores that are hidden in a way that is not known")
    mask = _mask(node, found)
    if mask is not None and scores.mask is not None:
        raise node.refused("scores that are hidden by two masks")
    causal = scores.causal or "T" in found or "sizes" in found
    return replace(scores, causal=causal, mask=scores.mask if mask is None else mask)


def _mask(node: Node, found: dict[str, str]) -> int | None:
    """Return which input tells the keys that may be attended to."""
    if "mask" not in found:
        return None
    mask = node.known.views.get(found["mask"])
    if isinstance(mask, Given):
        where = {("i", 1): (1, 2, 3), ("b", 2): (1, 2), ("b", 3): (1,)}
        if where.get((mask.kind, mask.rank)) == mask.axes:
            return mask.number
    raise node.refused("a mask that is no input of the network")


def _later(node: Node, found: dict[str, str], scores: Scores) -> bool:
    """Return whether what is hidden of scores is what comes later."""
    number = node.known.number
    sizes = scores.query.sizes[-2], scores.key.sizes[-2]
    below = number(found["x"])
    if below is None or below > -1e30:  # of which the exponential is 0
        return False
    if "sizes" in found:
        told = node.known.array(found["sizes"])
        lower = node.known.nodes[found["lower"]].option("upper", 1) == 0
        return lower and told is not None and told.tolist() == list(sizes)
    counted = [(number(found[name]), size) for name, size in zip("TS", sizes, strict=True)
               if name in found]  # fmt: skip
    if any(told != size for told, size in counted) or number(found.get("c", "")) not in (
        None,
        1,
        -1,
    ):
        return False
    return not counted or (number(found["a"]), number(found["b"])) == (0, 1)


def shown_softmax(node: Node) -> Scores | None:
    """Return the weights that scores become where a query may have no key at all."""
    found = matched(
        node,
        "Div(e@Exp(Sub(s, Max(ReduceMax(s, axes), least))), "
        "Where(Equal(z@ReduceSum(e, axes), 0), 1, z))",
    )
    scores = None if found is None else node.value_of(found["s"])
    if found is None or not isinstance(scores, Scores) or scores.softmax:
        return None
    axes, least = node.known.constants.get(found["axes"]), node.known.number(found["least"])
    if axes is None or axes.tolist() != [-1] or least is None or least > -1e30:
        raise node.refused("a softmax of scores along another axis than the keys'")
    return replace(scores, softmax=True)


def _attention(node: Node) -> Any:
    """Return what one operator makes of the heads of queries, keys and values."""
    query, key, value = (parts_of(node, i) for i in range(3))
    odd = [
        name for name in ("softcap", "q_num_heads", "qk_matmul_output_mode") if node.option(name)
    ]
    if odd or any(node.inputs[3:]) or any(node.outputs[1:]):
        raise node.refused(f"a mask, states, several outputs or {', '.join(odd) or 'options'}")
    scale = float(node.option("scale") or 1 / math.sqrt(query.sizes[-1]))
    causal = bool(node.option("is_causal", 0))
    return _answers(node, Scores(query, key, scale * query.scale * key.scale, causal), value)


def _answers(node: Node, scores: Scores, value: Parts) -> Any:
    """Return attention whose last affine map changes nothing, until it is known."""
    given = (scores.query, scores.key, value)
    rank = len(scores.query.view.shape)
    if any(len(p.axes) < 3 or len(p.axes) != len(value.axes) for p in given) or rank != 3:
        raise node.refused("a product of other things than heads")
    sizes = [parts.view.sizes for parts in given]
    head, lead = value.sizes[-1], value.axes[:-2]
    count = math.prod(value.sizes[:-2]) // sizes[0][0]
    heads = _flat([((0, 1, sizes[0][0]), (2, head, count))])
    for parts, shape in zip(given, sizes, strict=True):
        wanted = _flat([((1, 1, shape[1]), (2, 1, head))])
        if (
            _flat(parts.axes[:-2]) != heads
            or _flat(parts.axes[-2:]) != wanted
            or parts.axes[:-2] != lead
        ):
            raise node.refused("heads in another arrangement than (batch, heads, steps, features)")
    if value.scale != 1 or not math.isclose(scores.scale, head**-0.5, rel_tol=1e-5):
        raise node.refused(f"scores times {scores.scale:g}, where 1 / sqrt({head}) belongs")
    arrays, befores = _maps(node, given, head * count)
    layer = _layer(arrays, count, scores.causal)
    others = _others(node, befores)
    masked = () if scores.mask is None else (scores.mask,)
    view = replace(
        scores.query.view,
        step=Step(node.name, layer, befores[0], given=(*others, *masked)),
        shape=(*scores.query.view.shape[:2], head * count),
        order=(0, 1, 2),
    )
    return settled(Parts(view, (*lead, *Parts.of(view).axes[1:2], joined([(2, 1, head)]))))


def _flat(axes: Any) -> list[Any]:
    return [atom for axis in axes for atom in axis if atom[2] != 1]


def _maps(node: Node, given: Any, D: int) -> tuple[dict[str, Array], list[list[Step]]]:
    """Return the affine maps of queries, keys and values, and the steps before each."""
    arrays, befores = {}, []
    for name, parts in zip(_NAMES, given, strict=True):
        step = parts.view.step
        if not isinstance(step.component, Linear):
            raise node.refused(f"{name} that no affine map makes")
        columns = slice(parts.first, parts.first + D)
        arrays[f"{name}_weights"] = step.component.weights[:, columns]
        if step.component.bias is not None and name != "key":  # which changes no softmax
            arrays[f"{name}_bias"] = step.component.bias[:, columns]
        befores.append(step.before)
    if len(arrays["query_weights"]) != D:
        raise node.refused(f"heads of {D} features for queries of another size")
    return arrays, befores


def _others(node: Node, befores: list[list[Step]]) -> tuple[int, ...]:
    """Return which inputs are the keys and values, where they are others than the queries."""
    query, *others = (before[0] for before in befores)
    if others == [query, query]:
        return ()
    found = [step.given[0] for step in others if step.component is None and step.given]
    if len(found) < 2:
        raise node.refused("keys and values that are no inputs of the network")
    return tuple(found)


def _layer(arrays: Mapping[str, Array], heads: int, causal: bool) -> MultiHeadAttention:
    W = arrays["query_weights"]
    bias = any(name.endswith("bias") for name in arrays)
    layer = MultiHeadAttention(
        len(W),
        heads,
        causal=causal,
        bias=bias,
        key_features=len(arrays["key_weights"]),
        value_features=len(arrays["value_weights"]),
        init="zeros",
        bias_init="zeros",
        dtype=W.dtype,
    )
    layer.output_weights = np.eye(len(W), dtype=W.dtype)
    for name, array in arrays.items():
        setattr(layer, name, array)
    return layer


def with_output(layer: Any, W: Array | None, bias: Array | None) -> MultiHeadAttention | None:
    """Return attention with an affine map behind it, or a bias alone, as its own.

    It is None where the layer is none, or has such a map already.
    """
    if not isinstance(layer, MultiHeadAttention) or (layer.bias and layer.output_bias.any()):
        return None
    known = layer.output_weights
    if W is not None and (W.shape != known.shape or not np.array_equal(known, np.eye(len(W)))):
        return None
    arrays = {name: array for name, array in layer.parameters.items() if "output" not in name}
    if bias is not None:
        arrays["output_bias"] = bias
    made = _layer(arrays, layer.num_heads, layer.causal)
    made.output_weights = known if W is None else W
    return made


OPERATORS: Mapping[str, Callable[[Node], Any]] = {"Attention": _attention}
