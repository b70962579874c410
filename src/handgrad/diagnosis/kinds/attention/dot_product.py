"""Scaled dot-product attention as lines, and its mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR
from handgrad.diagnosis.kinds.lines import Line, Lines, Program
from handgrad.diagnosis.mistake import Mistake

__all__ = ["BACKWARD", "FORWARD", "OPTIONS", "attention_conventions", "attention_mistakes"]

OPTIONS = {"causal": False, "scale": "sqrt"}
"""Whether a query sees no later key; and what the scores are divided by, the root of the number of
features, or nothing ("none")."""


def _softmax(scores: Array) -> Array:
    largest = scores.max(axis=-1, keepdims=True, initial=np.finfo(scores.dtype).min)
    e = np.exp(scores - largest)
    sums = e.sum(axis=-1, keepdims=True)
    return np.asarray(e / np.where(sums == 0, 1, sums))  # a row may have nothing to see


def _masked(scores: Array, fill: float, k: int = 0) -> Array:
    """Return scores with another number where a key is later than its query, by `k`."""
    T, S = scores.shape[-2:]
    return np.where(np.tri(T, S, k, dtype=bool), scores, fill)


def _centred(p: Array, dp: Array) -> Array:
    return np.asarray(p * (dp - (p * dp).sum(axis=-1, keepdims=True)))


FORWARD: Lines = {
    "factor": lambda q, scale: q.shape[-1] ** -0.5 if scale == "sqrt" else 1.0,
    "scores": lambda q, k, factor: q @ k.mT * factor,
    "masked": lambda scores, causal: _masked(scores, -np.inf) if causal else scores,
    "p": lambda masked: _softmax(masked),
    "y": lambda p, v: p @ v,
}
"""From queries ``q``, keys ``k`` and values ``v``, (..., T, d), to the answers."""

BACKWARD: Lines = {
    "dv": lambda p, g: p.mT @ g,
    "dp": lambda g, v: g @ v.mT,
    "ds": _centred,
    "dscores": lambda ds: ds,
    "dq": lambda dscores, k, factor: dscores @ k * factor,
    "dk": lambda dscores, q, factor: dscores.mT @ q * factor,
}
"""Back from ``g``, the gradient of the answers."""

_SCALE = (
    "The scores are divided by the root of the number of features, and so is their gradient.",
    "The line of the scores: the factor in front of a product stands in front of both derivatives.",
    "Multiply by the same factor: `dq = ds @ k / np.sqrt(d)` and `dk = ds.T @ q / np.sqrt(d)`.",
)
_ROWS = (
    "The weights of a query sum to 1, so the gradients of its scores sum to 0.",
    "The line of the softmax: each score reaches all weights of its row, through their sum.",
    "Take the row's sum off: `ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))`.",
)
_FACTORS = (
    "The line of the scores: the derivative of a product by one factor is the other one.",
    "Queries get keys and keys get queries: `dq = ds @ k * scale`, `dk = ds.T @ q * scale`.",
)
_ANSWER = (
    "The line of the answer: a weight belongs to a query and a key, and the sum runs over the "
    "keys.",
    "Write `dv = p.T @ dy` and `dp = dy @ v.T`.",
)
_DEFINITION = (
    "The definition of attention: scores, their softmax over the keys, and the mean of the values.",
    "Write `p = softmax(q @ k.T / np.sqrt(d))`, over the last axis, and `p @ v`.",
)


def attention_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of whatever has attention in it, in the lines of this module."""
    masked = (replace(mistake, options={"causal": True}) for mistake in _of_the_mask(program))
    return (*_backward(program), *_forward(program), *masked)


def _backward(program: Program) -> tuple[Mistake, ...]:
    def soft(name: str, line: Line, *words: str) -> Mistake:
        return program.instead(name, {"ds": line}, *words)

    return (
        program.instead(
            "the scale is left out of the backward pass",
            {"dq": lambda dscores, k: dscores @ k, "dk": lambda dscores, q: dscores.mT @ q},
            "The gradients of queries and keys are made as if the scores were not divided.",
            "Both gradients are too large by the root of the number of features.",
            *_SCALE,
        ),
        program.instead(
            "the scale is left out of the queries' gradient",
            {"dq": lambda dscores, k: dscores @ k},
            "The gradient of the queries is made as if the scores were not divided.",
            "This gradient is too large by the root of the number of features.",
            *_SCALE,
        ),
        program.instead(
            "the scale is left out of the keys' gradient",
            {"dk": lambda dscores, q: dscores.mT @ q},
            "The gradient of the keys is made as if the scores were not divided.",
            "This gradient is too large by the root of the number of features.",
            *_SCALE,
        ),
        program.instead(
            "the scale twice in the backward pass",
            {"dscores": lambda ds, factor: ds * factor},
            "The gradients of queries and keys are divided once with the scores and once more.",
            "Both gradients are too small by the root of the number of features.",
            *_SCALE,
        ),
        soft(
            "the softmax is left out of the backward pass",
            lambda dp: dp,
            "The gradient of the weights is taken for that of the scores.",
            "The gradients of a query's scores do not sum to 0.",
            *_ROWS,
        ),
        soft(
            "the row's sum is left out of the softmax",
            lambda p, dp: p * dp,
            "Of the softmax's derivative the part is missing that comes through the sum of the "
            "row.",
            "The gradients of a query's scores do not sum to 0.",
            *_ROWS,
        ),
        soft(
            "only the diagonal of the softmax's derivative",
            lambda p, dp: p * (1 - p) * dp,
            "The softmax is derived as if each weight had only its own score.",
            "The gradients of a query's scores do not sum to 0.",
            *_ROWS,
        ),
        soft(
            "the row's sum without the weights",
            lambda p, dp: p * (dp - dp.sum(axis=-1, keepdims=True)),
            "The sum of the row that is taken off has not the weights in it.",
            "The gradients of a query's scores do not sum to 0.",
            *_ROWS,
        ),
        soft(
            "the weights are left out of the softmax's derivative",
            lambda p, dp: dp - (p * dp).sum(axis=-1, keepdims=True),
            "The row's sum is taken off, and the factor in front is missing.",
            "A key that gets no weight still has a gradient.",
            *_ROWS,
        ),
        soft(
            "the sum over the queries in place of the keys",
            lambda p, dp: p * (dp - (p * dp).sum(axis=-2, keepdims=True)),
            "The sum that is taken off runs over another axis than the softmax.",
            "The gradients of a query's scores do not sum to 0.",
            *_ROWS,
        ),
        soft(
            "the upstream gradient is ignored by the softmax",
            lambda p: p * (1 - p),
            "The derivative goes on to queries and keys without what it multiplies.",
            "The gradients of queries and keys do not change when the upstream gradient is "
            "doubled.",
            LINEAR,
            *_ROWS[1:],
        ),
        program.instead(
            "queries in place of keys, and the other way round",
            {
                "dq": lambda dscores, q, factor: dscores @ q * factor,
                "dk": lambda dscores, k, factor: dscores.mT @ k * factor,
            },
            "The gradient of the queries is made with the queries, and that of the keys with the "
            "keys.",
            "Unless there are as many keys as queries, the shapes do not fit.",
            "A score is linear in the query, so its gradient is made of the key alone.",
            *_FACTORS,
        ),
        program.instead(
            "the weights are not transposed for the values' gradient",
            {"dv": lambda p, g: p @ g},
            "The gradient of the values is multiplied by the weights as they stand.",
            "Unless there are as many keys as queries, the shapes do not fit.",
            "A value gets its gradient from all queries, each by its weight for this key.",
            *_ANSWER,
        ),
        program.instead(
            "the scores in place of the weights for the values' gradient",
            {"dv": lambda scores, g: scores.mT @ g},
            "The gradient of the values is made with the scores, before the softmax.",
            "The gradient of the values grows with the queries and keys.",
            "The answer is a mean of the values, whose weights lie between 0 and 1.",
            *_ANSWER,
        ),
        program.instead(
            "the values' gradient is the upstream gradient",
            {"dv": lambda g: g},
            "The upstream gradient goes to the values as it came.",
            "The gradient of the values does not depend on queries and keys.",
            "A value gets its gradient from all queries, each by its weight for this key.",
            *_ANSWER,
        ),
    )


def _forward(program: Program) -> tuple[Mistake, ...]:
    def definition(name: str, lines: Lines, *words: str) -> Mistake:
        return program.instead(name, lines, *words, *_DEFINITION)

    return (
        definition(
            "divided by the number of features",
            {"factor": lambda q: 1 / q.shape[-1]},
            "The scores are divided by the number of features and not by its root.",
            "With many features all weights are nearly the same.",
            "With random queries and keys, the divided scores have a variance of 1.",
        ),
        definition(
            "multiplied by the root of the number of features",
            {"factor": lambda q: q.shape[-1] ** 0.5},
            "The scores are multiplied by the root where they should be divided.",
            "With many features one key gets all the weight.",
            "With random queries and keys, the divided scores have a variance of 1.",
        ),
        definition(
            "divided by the root of the number of keys",
            {"factor": lambda k: k.shape[-2] ** -0.5},
            "The scores are divided by the root of another count: how many keys there are.",
            "Another number of keys changes the scores of all.",
            "A score is made of one query and one key alone.",
        ),
        definition(
            "the softmax over the queries",
            {"p": lambda masked: _softmax(masked.mT).mT},
            "The weights are normalised over the queries and not over the keys.",
            "The weights of a query do not sum to 1.",
            "The answer is a mean of the values: its weights sum to 1.",
        ),
        definition(
            "there is no softmax",
            {"p": lambda scores: scores},
            "The scores themselves are the weights.",
            "Some weights are negative.",
            "The answer is a mean of the values: its weights are positive and sum to 1.",
        ),
        definition(
            "the exponentials are not divided by their sum",
            {"p": lambda masked: np.exp(masked)},
            "The exponentials of the scores are the weights.",
            "The weights of a query do not sum to 1.",
            "The answer is a mean of the values: its weights sum to 1.",
        ),
    )


def _of_the_mask(program: Program) -> tuple[Mistake, ...]:
    def definition(name: str, lines: Lines, *words: str) -> Mistake:
        return program.instead(name, lines, *words, *_DEFINITION)

    return (
        program.instead(
            "the mask is left out of the backward pass",
            {
                "dv": lambda scores, g: _softmax(scores).mT @ g,
                "ds": lambda scores, dp: _centred(_softmax(scores), dp),
            },
            "The weights are worked out again without the mask.",
            "Later keys have gradients, though no earlier query sees them.",
            "What a query may not see has no influence on its answer.",
            "The line of the mask: a weight of 0 stays 0 backwards.",
            "Use the weights of the forward pass, which are 0 where the mask is.",
        ),
        definition(
            "the mask after the softmax",
            {
                "p": lambda scores, causal: (
                    _masked(_softmax(scores), 0.0) if causal else _softmax(scores)
                )
            },
            "The softmax runs over all keys, and weights of later keys are set to 0 afterwards.",
            "The weights of an early query do not sum to 1.",
            "The answer is a mean of the values that a query may see: its weights sum to 1.",
        ),
        definition(
            "the mask is zero",
            {"masked": lambda scores, causal: _masked(scores, 0.0) if causal else scores},
            "Scores of later keys are set to 0, of which the exponential is 1.",
            "Later keys have weights that are not 0.",
            "What a query may not see has no weight.",
        ),
        definition(
            "the mask is one step off",
            {"masked": lambda scores, causal: _masked(scores, -np.inf, 1) if causal else scores},
            "A query sees one key that is later than itself.",
            "The first answer depends on the second key.",
            "A causal query sees no later key.",
        ),
    )


def attention_conventions(program: Program) -> tuple[Mistake, ...]:
    """Return the other ways to attend."""
    causal = "A query sees the keys up to its own place, and none after it."
    unscaled = "The scores are the plain products of queries and keys."
    return (
        program.under("a causal mask", causal, causal=True),
        program.under("no scale", unscaled, scale="none"),
        program.under("a causal mask; no scale", f"{causal} {unscaled}", causal=True, scale="none"),
    )
