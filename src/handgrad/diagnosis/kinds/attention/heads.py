"""Self-attention of several heads as lines, and its mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, SHAPE, Gradient, averaged, averaged_input
from handgrad.diagnosis.kinds.attention.dot_product import BACKWARD, FORWARD, attention_mistakes
from handgrad.diagnosis.kinds.lines import Lines, Program, Renamed
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["ABSENT", "GRADIENTS", "LINES", "head_mistakes"]

NAMES = {"query": "q", "key": "k", "value": "v"}
ABSENT: Lines = {
    f"{name}_bias": lambda query_weights: np.zeros(query_weights.shape[1])
    for name in (*NAMES, "output")
}
GRADIENTS = {
    f"d{letter}{name[0]}": f"{name}_{what}"
    for letter, what in (("W", "weights"), ("b", "bias"))
    for name in (*NAMES, "output")
}
"""The gradients of parameters, and whose they are."""


def _heads(x: Array, num_heads: int) -> Array:
    """Return features (N, T, D) as those of the heads, (N, H, T, d)."""
    return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)


def _together(y: Array) -> Array:
    """Return those of the heads as (N, T, D) again."""
    y = y.swapaxes(1, 2)
    return y.reshape(*y.shape[:2], -1)


def _cut(x: Array, num_heads: int) -> Array:
    """Return an array of the heads' shape, the numbers in their old order."""
    N, T, D = x.shape
    return x.reshape(N, num_heads, T, D // num_heads)


def _pasted(y: Array) -> Array:
    """Return an array of the features' shape, the numbers in their old order."""
    N, H, T, d = y.shape
    return y.reshape(N, T, H * d)


def _affine(x: Array, W: Array, b: Array) -> Array:
    return np.asarray(x @ W + b)


def _weights(x: Array, dy: Array) -> Array:
    return np.asarray(x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1]))


def _bias(dy: Array) -> Array:
    return np.asarray(dy.sum(axis=(0, 1)))


LINES: Lines = {
    **{name: Renamed(_affine, ("x", f"{name}_weights", f"{name}_bias")) for name in NAMES},
    **{letter: Renamed(_heads, (name, "num_heads")) for name, letter in NAMES.items()},
    **FORWARD,
    "together": lambda y: _together(y),
    "output": Renamed(_affine, ("together", "output_weights", "output_bias")),
    "dtogether": lambda dy, output_weights: dy @ output_weights.T,
    "dWo": Renamed(_weights, ("together", "dy")),
    "dbo": lambda dy: _bias(dy),
    "g": lambda dtogether, num_heads: _heads(dtogether, num_heads),
    **BACKWARD,
    **{f"d{name}": Renamed(_together, (f"d{letter}",)) for name, letter in NAMES.items()},
    **{f"dW{letter}": Renamed(_weights, ("x", f"d{name}")) for name, letter in NAMES.items()},
    **{f"db{letter}": Renamed(_bias, (f"d{name}",)) for name, letter in NAMES.items()},
    **{
        f"x through {name}": Renamed(lambda d, W: d @ W.T, (f"d{name}", f"{name}_weights"))
        for name in NAMES
    },
    "dx": Renamed(lambda *ways: sum(ways), tuple(f"x through {name}" for name in NAMES)),
}

_INPUT = Gradient("dx", "input", "the input's", "an input", "dq @ Wq.T + dk @ Wk.T + dv @ Wv.T")
_ALL = tuple(
    Gradient(quantity, parameter.replace("_", " "), "", "", "x.T @ dq")
    for quantity, parameter in GRADIENTS.items()
)
_CUT = (
    "A head has its own features of every position; the positions do not change places.",
    "The line that cuts the features into heads: which axis is cut, and which axes change places "
    "then?",
    "Cut the last axis and move the heads to the front: "
    "`x.reshape(N, T, H, d).transpose(0, 2, 1, 3)`; to put them together again, do it backwards.",
)
_WAYS = (
    "The gradient of the input is a sum over all ways to the output.",
    "The line of the input: it reaches the scores as query and as key, and the answer as value.",
    f"Add all three: `dx = {_INPUT.formula}`.",
)


def _of_one(program: Program, name: str) -> Iterator[Mistake]:
    """Yield the mistakes of one of the four affine maps."""
    quantity = f"dW{name[0]}"
    noun = f"{name} weights"
    yield mistake(
        f"the gradient of the {noun} is transposed",
        {quantity: lambda right: right[quantity].T},
        f"Rows and columns of the gradient of the {noun} are exchanged.",
        "With symmetric inputs and gradients nobody would see it: the matrix is square.",
        "Row d of the gradient belongs to the input's feature d.",
        "The line in index notation: which index of the gradient comes from the left factor?",
        "Exchange the factors: the input, transposed, stands on the left.",
    )
    line = "dtogether" if name == "output" else f"x through {name}"
    upstream = "dy" if name == "output" else f"d{name}"
    yield program.instead(
        f"the {noun} are not transposed in the backward pass",
        {line: Renamed(lambda d, W: d @ W, (upstream, f"{name}_weights"))},
        f"Going backwards, the gradient is multiplied by the {noun} as they stand.",
        f"With symmetric {noun} your gradient is right.",
        "Going backwards a layer maps from its outputs to its inputs.",
        "The line in index notation: the sum runs over the weights' second index, the output's.",
        "Multiply by the transpose.",
    )
    bias = f"db{name[0]}"
    if name != "key":  # whose gradient is zero
        yield program.instead(
            f"the gradient of the {name} bias is summed over the rows alone",
            {bias: Renamed(lambda dy: dy.sum(axis=0), (upstream,))},
            f"The gradient of the {name} bias is not summed over the positions.",
            f"The gradient of the {name} bias has one axis more than the bias.",
            SHAPE,
            "The line of the bias: what broadcasts over rows and positions is summed over both.",
            "Sum over both axes: `.sum(axis=(0, 1))`.",
        )


def head_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of self-attention with several heads."""
    make = program.instead
    return (
        *attention_mistakes(program),
        *(each for name in (*NAMES, "output") for each in _of_one(program, name)),
        *(
            make(
                f"the way through the {name} is left out of the input's gradient",
                {f"x through {name}": Renamed(lambda d: np.zeros_like(d), (f"d{name}",))},
                "The gradient of the input has two terms instead of three.",
                f"The {name} weights do not matter for the input's gradient.",
                *_WAYS,
            )
            for name in NAMES
        ),
        make(
            "heads by a reshape alone",
            {letter: Renamed(_cut, (name, "num_heads")) for name, letter in NAMES.items()},
            "The features are brought to the heads' shape by a reshape, which leaves the order of "
            "the numbers and so gives a head features of other positions.",
            "With one head your output is right.",
            *_CUT,
        ),
        make(
            "put together by a reshape alone",
            {"together": lambda y: _pasted(y)},
            "The heads' answers are brought to the features' shape by a reshape, which leaves the "
            "order of the numbers.",
            "With one head your output is right.",
            *_CUT,
        ),
        make(
            "heads by a reshape alone in the backward pass",
            {"g": lambda dtogether, num_heads: _cut(dtogether, num_heads)},
            "The gradient of the answers is brought to the heads' shape by a reshape, which leaves "
            "the order of the numbers.",
            "With one head your gradients are right.",
            *_CUT,
        ),
        make(
            "put together by a reshape alone in the backward pass",
            {f"d{name}": Renamed(_pasted, (f"d{letter}",)) for name, letter in NAMES.items()},
            "The gradients of the heads' queries, keys and values are brought to the features' "
            "shape by a reshape, which leaves the order of the numbers.",
            "With one head your gradients are right.",
            *_CUT,
        ),
        make(
            "scaled by all features, not by those of a head",
            {"factor": lambda x, scale: x.shape[-1] ** -0.5 if scale == "sqrt" else 1.0},
            "The scores are divided by the root of the number of all features.",
            "With one head your output is right.",
            "In each head the scores are sums over the head's own features.",
            "The definition of attention: which features does a score sum over?",
            "Divide by the root of the head's features: `np.sqrt(D // num_heads)`.",
        ),
        make(
            "the output weights are left out",
            {"output": lambda together, output_bias: together + output_bias},
            "The heads' answers are returned as they are.",
            "The output weights change nothing.",
            "The output mixes the answers of all heads.",
            "The definition: after the heads there is one more affine map.",
            "Multiply by the output weights: `together @ Wo + bo`.",
        ),
        make(
            "the input in place of the answers for the output weights' gradient",
            {"dWo": Renamed(_weights, ("x", "dy"))},
            "The gradient of the output weights is made with the input of the whole layer.",
            "This gradient does not depend on the other weights.",
            "The output weights act on the heads' answers.",
            "The line of the output weights: what stands beside them in the forward pass?",
            "Save the answers of all heads, side by side, and use them.",
        ),
        make(
            "the gradients of query and key weights are exchanged",
            {"dWq": Renamed(_weights, ("x", "dkey")), "dWk": Renamed(_weights, ("x", "dquery"))},
            "The gradient of the query weights stands where that of the key weights belongs.",
            "With the same weights for both, your gradients are right.",
            "Query weights make the queries alone, and key weights the keys.",
            "The lines of the weights: each has its own upstream gradient.",
            "Use the queries' gradient for the query weights, and the keys' for the key weights.",
        ),
        averaged(*_ALL, mend="Leave out the division by the number of rows."),
        averaged_input(_INPUT),
        *GENERAL,
    )  # fmt: skip
