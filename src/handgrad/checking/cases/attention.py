"""Attention, in all its forms of input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Sampler,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.evaluation import evaluate, parts
from handgrad.checking.invariants import Invariant, independent_of_the_batch
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.layers import MultiHeadAttention
from handgrad.layers.attention.inputs import named_inputs

__all__ = ["CASES"]


def build(D: int, H: int, **options: Any) -> Callable[[Generator], MultiHeadAttention]:
    """Make layers with biases that are no smaller than the rest."""
    return lambda rng: MultiHeadAttention(D, H, bias_init="normal", rng=rng, **options)


def torch_attention(torch: Any, layer: Any, x: Any, p: Any) -> Any:
    """Run PyTorch's scaled dot product on projected heads; a row without keys has an answer of 0.

    Older versions of PyTorch have NaN there, so that such a row is given all keys, and then taken
    out.
    """
    arrays = x if isinstance(x, tuple) else (x,)
    mask = arrays[-1] if len(arrays) in (2, 4) else None
    inputs = arrays[:3] if len(arrays) > 2 else arrays[:1] * 3
    N, T, S = len(inputs[0]), inputs[0].shape[1], inputs[1].shape[1]
    allowed = torch.ones(N, T, S, dtype=torch.bool)
    if mask is not None:
        mask = mask if mask.dtype == torch.bool else torch.arange(S) < mask[:, None]
        allowed &= mask if mask.ndim == 3 else mask[:, None]
    if layer.causal:
        allowed &= torch.ones(T, S, dtype=torch.bool).tril()
    some = allowed.any(-1, keepdim=True)

    def heads(name: str, x: Any) -> Any:
        y = torch.nn.functional.linear(x, p[f"{name}_weights"].T, p.get(f"{name}_bias"))
        return y.unflatten(2, (layer.num_heads, -1)).transpose(1, 2)

    q, k, v = map(heads, ("query", "key", "value"), inputs)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, (allowed | ~some)[:, None])
    y = torch.where(some[:, None], y, 0.0).transpose(1, 2).flatten(2)
    return torch.nn.functional.linear(y, p["output_weights"].T, p.get("output_bias"))


def unordered(symbols: Symbols, **options: Any) -> MultiHeadAttention:
    """Make one head for symbols, whose scores have no order: any number is subtracted of each row.

    So the proof says too that it does not matter which.
    """
    layer = MultiHeadAttention(1, 1, **options)
    vars(layer)["_largest"] = lambda s: symbols("c", *s.shape[:-1], 1)
    return layer


def small(symbols: Symbols) -> tuple[MultiHeadAttention, Array]:
    """Make self-attention of two positions."""
    return unordered(symbols, bias=False), symbols("x", 1, 2, 1)


def small_cross(symbols: Symbols) -> tuple[MultiHeadAttention, Any]:
    """Make a query of two others, with biases."""
    return unordered(symbols), (symbols("q", 1, 1, 1), symbols("k", 1, 2, 1), symbols("v", 1, 2, 1))


def small_masked(symbols: Symbols) -> tuple[MultiHeadAttention, Any]:
    """Make three queries of two others, of which they may attend to one, to both, and to none."""
    mask = np.array([[[True, False], [True, True], [False, False]]])
    arrays = symbols("q", 1, 3, 1), symbols("k", 1, 2, 1), symbols("v", 1, 2, 1)
    return unordered(symbols, bias=False), (*arrays, mask)


# -------------------------------------------------------------------------------------- samplers


def together(*samplers: Sampler) -> Any:
    """Draw a tuple."""
    return lambda rng: tuple(draw(rng) for draw in samplers)


def fixed(*values: Any) -> Sampler:
    """Draw nothing: give these lengths, or this mask."""
    return lambda rng: np.array(values)


def mask_of(*shape: int, empty: Any = ()) -> Sampler:
    """Draw a mask with the first key and without the last; those at `empty` have no key at all."""

    def draw(rng: Generator) -> Array:
        mask = rng.random(shape) < 0.5
        mask[..., 0], mask[..., -1] = True, False
        if empty != ():
            mask[empty] = False
        return mask

    return draw


# ------------------------------------------------------------------------------------- invariants


def output(layer: Any, x: Any) -> Array:
    """Return the output alone."""
    return evaluate(layer, x, None)["y"]


def nothing_later_is_seen(layer: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether an output, and so its gradient, has nothing to do with later inputs."""
    T = against.shape[1]
    for t in range(1, T):
        later = tuple(part.copy() if part.ndim == 3 else part for part in parts(x))
        upstream = against.copy()
        upstream[:, t:] = 0
        for part in later[: 1 if len(later) < 3 else 3]:
            part[:, t:] = rng.standard_normal(part[:, t:].shape)
        seen = evaluate(layer, later if isinstance(x, tuple) else later[0], upstream)
        if not np.array_equal(seen["y"][:, :t], output(layer, x)[:, :t]):
            return f"outputs before position {t} depend on inputs from there on"
        for name, array in seen.items():
            if name.startswith("dx") and array[:, t:].any():
                return f"{name} from position {t} on is not 0 for outputs before it"
    return None


def no_order_of_positions(layer: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether positions in another order are answered by the same, in that order.

    Keys and values have no order at all.
    """
    order = rng.permutation(against.shape[1])
    if not isinstance(x, tuple):
        moved, expected = x[:, order], output(layer, x)[:, order]
    else:
        others = rng.permutation(x[1].shape[1])
        moved = (x[0][:, order], x[1][:, others], x[2][:, others])
        expected = output(layer, x)[:, order]
    if not same(output(layer, moved), expected, 1e-12, floor=1.0):
        return "positions in another order have other answers"
    return None


def allowed_pairs(layer: Any, x: Any) -> Array:
    """Return which query may attend to which key, (N, T, S)."""
    query, key, _, allowed = named_inputs(x, layer)
    pairs = np.ones((len(query), 1, query.shape[1], key.shape[1]), dtype=bool)
    return (pairs if allowed is None else pairs & allowed)[:, 0]


def masked_keys_change_nothing(layer: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether keys that nobody may attend to can be anything, and have a gradient of 0."""
    hidden = ~allowed_pairs(layer, x).any(axis=1)
    crossed = len(x) == 4
    other = tuple(part.copy() for part in (x[1:3] if crossed else x[:1]))
    for part in other:
        part[hidden] = rng.standard_normal(part[hidden].shape)
    seen = evaluate(layer, x, against)
    changed = output(layer, (x[0], *other, x[3]) if crossed else (*other, x[1]))
    if not hidden.any():
        return "there are none"
    if crossed and (seen["dx1"][hidden].any() or seen["dx2"][hidden].any()):
        return "the gradient of masked keys or values is not 0"
    asking = slice(None) if crossed else ~hidden  # in self-attention they are queries too
    if not np.array_equal(changed[asking], seen["y"][asking]):
        return "the output depends on keys or values that are masked"
    return None


def a_row_without_keys_is_defined(layer: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether a query that may attend to nothing puts out the bias, with a gradient of 0."""
    some = np.logical_or.reduce(allowed_pairs(layer, x), axis=2)
    seen = evaluate(layer, x, against)
    if some.all() or not (seen["y"][~some] == layer.output_bias).all():
        return "the output of a row without keys is not the output's bias"
    if seen["dx0"][~some].any():
        return "the gradient of a query without keys is not 0"
    weights = layer.attention_weights(layer.apply(x)[1]).sum(axis=-1)
    expected = np.zeros_like(weights) + some[:, None]
    if not same(weights, expected, 1e-12):
        return "weights do not sum to 1, or to 0 where there are no keys"
    return None


# ------------------------------------------------------------------------------------------- rows

_errors: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((2, 4))), ShapeError),
    (lambda f: f(np.ones((2, 3, 5))), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)),) * 5), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), np.ones((2, 3, 4)))), DtypeError),
    (lambda f: f((np.ones((2, 3, 4)), np.ones((2, 4), bool))), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), [1, 4])), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), [-1, 3])), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), [1, 2, 3])), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), np.ones((2, 5, 4)), np.ones((2, 3, 4)))), ShapeError),
    (lambda f: f((np.ones((2, 3, 4)), np.ones((1, 5, 4)), np.ones((1, 5, 4)))), ShapeError),
    (lambda f: (f(np.ones((2, 3, 4))), f.grad(np.ones((2, 4, 3)))), ShapeError),
    (lambda f: f.output_shape((7, 4)), ShapeError),
    (lambda f: f.output_shape((None, 7, 5)), ShapeError),
    (lambda f: f.output_shape(((2, 7, 4), (2, 5, 4), (2, 5, 3))), ShapeError),
    (lambda f: type(f)(0, 1), ArgumentError),
    (lambda f: type(f)(4, 3), ArgumentError),
    (lambda f: type(f)(4, 2, causal=1), ArgumentError),
    (lambda f: type(f)(4, 2, bias="no"), ArgumentError),
    (lambda f: type(f)(4, 2, key_features=0), ArgumentError),
    (lambda f: type(f)(4, 2, init="he2"), ArgumentError),
)


def in_blocks(rng: Generator) -> MultiHeadAttention:
    """Make a causal layer whose blocks are short."""
    layer = build(4, 2, causal=True)(rng)
    vars(layer)["_block"] = 2
    return layer


attention = partial(
    Case, MultiHeadAttention, twin=torch_attention, invariants=(independent_of_the_batch,)
)


def also(*invariants: Invariant) -> tuple[Invariant, ...]:
    return (independent_of_the_batch, *invariants)


CASES: tuple[Case, ...] = (
    attention(
        "self",
        build=build(4, 2),
        x=normal(2, 5, 4),
        invariants=also(no_order_of_positions),
        wrong=_errors,
        extreme=ends(2, 5, 4, size=1e50),
        proof=small,
    ),
    attention("one head", build=build(3, 1), x=normal(2, 5, 3)),
    attention("as many heads as features", build=build(3, 3), x=normal(2, 5, 3)),
    attention("one position", build=build(6, 2), x=normal(2, 1, 6), seeds=(0,)),
    attention("without bias", build=build(4, 2, bias=False), x=normal(2, 5, 4), seeds=(0,)),
    attention(
        "causal",
        build=build(4, 2, causal=True),
        x=normal(2, 5, 4),
        invariants=also(nothing_later_is_seen),
        extreme=ends(2, 5, 4, size=1e50),
    ),
    attention(
        "causal, in blocks",
        build=in_blocks,
        x=normal(1, 5, 4),
        invariants=also(nothing_later_is_seen),
    ),
    attention(
        "causal, lengths",
        build=build(4, 2, causal=True),
        x=together(normal(3, 5, 4), fixed(5, 1, 3)),
        invariants=also(nothing_later_is_seen),
    ),
    attention(
        "lengths, one of them 0",
        build=build(4, 2),
        x=together(normal(3, 5, 4), fixed(2, 0, 5)),
        invariants=also(masked_keys_change_nothing, a_row_without_keys_is_defined),
    ),
    attention(
        "mask of keys",
        build=build(4, 2),
        x=together(normal(2, 5, 4), mask_of(2, 5)),
        invariants=also(masked_keys_change_nothing),
    ),
    attention(
        "cross",
        build=build(4, 2, key_features=3, value_features=5),
        x=together(normal(2, 3, 4), normal(2, 7, 3), normal(2, 7, 5)),
        invariants=also(no_order_of_positions),
        proof=small_cross,
    ),
    attention(
        "cross, one key",
        build=build(4, 2),
        x=together(normal(2, 3, 4), normal(2, 1, 4), normal(2, 1, 4)),
        seeds=(0,),
    ),
    attention(
        "cross, causal, in blocks",
        build=in_blocks,
        x=together(normal(1, 7, 4), normal(1, 3, 4), normal(1, 3, 4)),
        invariants=also(nothing_later_is_seen),
        seeds=(0,),
    ),
    attention(
        "cross, lengths",
        build=build(4, 2),
        x=together(normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 4), fixed(4, 1)),
        invariants=also(masked_keys_change_nothing),
    ),
    attention(
        "cross, mask of pairs with rows without keys",
        build=build(4, 2),
        x=together(
            normal(2, 3, 4),
            normal(2, 5, 4),
            normal(2, 5, 4),
            mask_of(2, 3, 5, empty=([0, 1, 1], [2, 0, 1])),
        ),
        invariants=also(masked_keys_change_nothing, a_row_without_keys_is_defined),
        proof=small_masked,
    ),
)
