"""Mistakes in an embedding."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, SHAPE, Gradient, averaged, ignored_in
from handgrad.diagnosis.mistake import Mistake, mistake
from handgrad.diagnosis.parameter_families import multiplied

__all__ = ["MISTAKES"]

TABLE = Gradient("dW", "table", "the table's", "a row of the table", "np.add.at(dW, x, dy)")

_SUM = "A row of the table serves every place where its index stands, so its gradient is a sum."
_LINE = "The line of the table: the sum runs over all places that have the index."
_CODE = "Start from zeros and write `np.add.at(dW, x, dy)`."
_ROW = "The output at a place is the row of the table with the index that stands there."
_DEFINITION = "The definition: the index chooses a row of the table."
_FORWARD = "Return `W[x]`."


def _added(weights: Array, x: Array, dy: Array) -> Array:
    """Return the table's gradient from these places."""
    dW = np.zeros_like(weights)
    np.add.at(dW, x, dy)
    return dW


def _last(weights: Array, x: Array, dy: Array) -> Array:
    """Return what remains where every place overwrites the ones before it."""
    dW = np.zeros_like(weights)
    for index, row in zip(x.ravel(), dy.reshape(-1, dy.shape[-1]), strict=True):
        dW[index] = row
    return dW


def _first(weights: Array, x: Array, dy: Array) -> Array:
    return _last(weights, x[::-1, ::-1], dy[::-1, ::-1])


def _counts(weights: Array, x: Array) -> Array:
    """Return how often each index comes, a column, at least 1."""
    return np.maximum(np.bincount(x.ravel(), minlength=len(weights)), 1)[:, None]


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "repeated indices count once",
        {"dW": _last},
        "Of all places with one index only the last one remains: `+=` with an array of indices "
        "adds once for each of them.",
        "Where no index comes twice your gradient is right.",
        _SUM,
        _LINE,
        f"{_CODE} `dW[x] += dy` reads and writes each row once.",
    ),
    mistake(
        "only the first place of an index counts",
        {"dW": _first},
        "Of all places with one index only the first one remains.",
        "Where no index comes twice your gradient is right.",
        _SUM,
        _LINE,
        _CODE,
    ),
    mistake(
        "averaged over the places of an index",
        {"dW": lambda dW, weights, x: dW / _counts(weights, x)},
        "Each row of the gradient is divided by the number of places that have its index.",
        "Where no index comes twice your gradient is right.",
        _SUM,
        "The line of the table: a sum, with no factor in front.",
        f"Leave out the division. {_CODE}",
    ),
    averaged(TABLE, mend=f"Leave out the division. {_CODE}"),
    mistake(
        "the table's gradient is averaged over all places",
        {"dW": lambda dW, x: dW / x.size},
        "The gradient is divided by the number of rows and of steps.",
        "The longer the sequences are, the smaller is the gradient.",
        _SUM,
        "The line of the table: a factor in front of the sum appears nowhere.",
        f"Leave out the division. {_CODE}",
    ),
    mistake(
        "only the first step counts",
        {"dW": lambda weights, x, dy: _added(weights, x[:, 0], dy[:, 0])},
        "The gradient is that of the first step of each sequence.",
        "Changing the upstream gradient of a later step changes nothing.",
        _SUM,
        "The line of the table: the sum runs over rows and steps.",
        _CODE,
    ),
    mistake(
        "only the last step counts",
        {"dW": lambda weights, x, dy: _added(weights, x[:, -1], dy[:, -1])},
        "The gradient is that of the last step of each sequence: a loop over the steps overwrites "
        "it.",
        "Changing the upstream gradient of an earlier step changes nothing.",
        _SUM,
        "The line of the table: the sum runs over rows and steps.",
        f"{_CODE} In a loop, add to what is there.",
    ),
    mistake(
        "only the last row of the minibatch counts",
        {"dW": lambda weights, x, dy: _added(weights, x[-1], dy[-1])},
        "The gradient is that of the last sequence: a loop over the minibatch overwrites it.",
        "Changing any sequence but the last one leaves your gradient as it is.",
        _SUM,
        "The line of the table: the sum runs over rows and steps.",
        f"{_CODE} In a loop, add to what is there.",
    ),
    mistake(
        "row 0 gets no gradient",
        {"dW": lambda dW: np.vstack([0 * dW[:1], dW[1:]])},
        "Index 0 is taken for a filling, whose row stays as it is.",
        "The first row of your gradient is 0.",
        "Every row of the table that stands in the output has a gradient.",
        "The index of the table: it starts at 0.",
        f"Leave no row out. {_CODE}",
    ),
    mistake(
        "the rows are shifted by one in the gradient",
        {"dW": lambda dW: np.roll(dW, -1, axis=0)},
        "The gradient of an index lands in the row before it.",
        "Rows whose index never comes have a gradient.",
        "A row of the table has no gradient where its index does not come.",
        "The index of the table: it is the same in both passes.",
        f"Use the indices as they are, from 0. {_CODE}",
    ),
    mistake(
        "the upstream gradient is returned as it is",
        {"dW": lambda dy: dy.copy()},
        "Nothing is added up: the gradient has a row for each place, not for each index.",
        "The gradient of the table has not the table's shape.",
        SHAPE,
        "The definition of the gradient: there is one derivative for each entry of the table.",
        _CODE,
    ),
    ignored_in(
        TABLE,
        lambda weights, x, dy: _added(weights, x, np.ones_like(dy)),
        "The gradient counts how often each index comes; the upstream gradient does not enter.",
    ),
    multiplied(TABLE, by="weights"),
    mistake(
        "the rows of the upstream gradient in another order",
        {
            "dW": lambda weights, x, dy: _added(
                weights, x.ravel(), dy.transpose(1, 0, 2).reshape(-1, dy.shape[-1])
            )
        },
        "Indices and upstream gradients are laid out in two orders: one runs over the steps first, "
        "the other one over the rows.",
        "With one step, or one row, your gradient is right.",
        _ROW,
        "The sum over rows and steps: each place has its own index and its own upstream gradient.",
        f"Reshape both in the same order, or not at all. {_CODE}",
    ),
    mistake(
        "the index before",
        {"output": lambda weights, x: weights[x - 1]},
        "The row before the one with the index is taken, as if indices started at 1.",
        "Index 0 has the last row of the table.",
        _ROW,
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "scaled by the root of the features",
        {"output": lambda output: output * np.sqrt(output.shape[-1])},
        "The rows are multiplied by the root of D, as a transformer does after its embedding.",
        "The output is larger than the rows of the table.",
        _ROW,
        "The definition: there is no factor in front of the row.",
        _FORWARD,
    ),
    mistake(
        "averaged over the steps",
        {"output": lambda output: output.mean(axis=1)},
        "The rows of one sequence are averaged, so that one remains for each sequence.",
        "The output has no axis of steps.",
        "There is one row of the output for each place.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "added up over the steps",
        {"output": lambda output: output.sum(axis=1)},
        "The rows of one sequence are added up, so that one remains for each sequence.",
        "The output has no axis of steps.",
        "There is one row of the output for each place.",
        _DEFINITION,
        _FORWARD,
    ),
    mistake(
        "the indices themselves",
        {"output": lambda x, output: np.broadcast_to(x[..., None], output.shape) * 1.0},
        "The output is made of the indices; the table is not read.",
        "The output does not change with the table.",
        _ROW,
        _DEFINITION,
        _FORWARD,
    ),
    *GENERAL[:4],
)
