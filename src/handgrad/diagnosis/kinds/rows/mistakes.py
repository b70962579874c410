"""Mistakes of the affine layer on inputs with more axes than two."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import SHAPE, SUM, Gradient
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.linear.mistakes import MISTAKES
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["FLAT", "TEMPORAL", "as_rows"]

WEIGHTS = Gradient("dW", "weights", "the weights'", "a weight", "x.T @ dy")
BIAS = Gradient("db", "bias", "the bias'", "the bias", "dy.sum(axis=(0, 1))")


def as_rows(given: Given) -> Given:
    """Return an input as a table: as many rows as the output has, and the rest as features."""
    dy = given.dy.reshape(-1, given.dy.shape[-1])
    return given.changed(x=given.x.reshape(len(dy), -1), dy=dy)


def _over_rows(of: Mistake) -> Mistake:
    """Return the mistake of the affine layer, made in the rows."""

    def wrong(given: Given, right: Results) -> Results:
        table = as_rows(given)
        rows = {"output": table.dy.shape, "dx": table.x.shape}
        flat = {n: a.reshape(rows[n]) if _fits(a, rows.get(n)) else a for n, a in right.items()}
        shapes = {"output": given.dy.shape, "dx": given.x.shape}
        found = of.wrong(table, flat).items()
        return {n: a.reshape(shapes[n]) if _fits(a, shapes.get(n)) else a for n, a in found}

    return Mistake(of.cause, wrong, of.convention, needs=of.needs)


def _fits(array: Array, shape: tuple[int, ...] | None) -> bool:
    return shape is not None and array.size == np.prod(shape)


def _summed(axes: str, axis: int, left: str) -> Mistake:
    return mistake(
        f"the bias' gradient is summed over the {axes} alone",
        {"db": lambda dy: dy.sum(axis=axis)},
        f"The sum leaves the {left} side by side.",
        f"The gradient of the bias has an axis for the {left}.",
        SHAPE,
        "The line of the bias: what broadcasts over rows and steps is summed over both.",
        f"Sum over both axes: `{BIAS.formula}`.",
    )


def _averaged(of: Gradient, noun: str, size: str) -> Mistake:
    return mistake(
        f"{of.whose} gradient is averaged over the {noun}",
        {of.quantity: lambda given, right: right[of.quantity] / given[size]},
        f"The gradient of the {of.noun} is divided by the number of {noun}.",
        f"The more {noun} there are, the smaller is the gradient.",
        SUM.replace("every row of the minibatch", "every row and step"),
        "A factor in front of the sum appears in no line, since the mean is the loss' affair and "
        "is in the upstream gradient already.",
        "Leave out the division.",
    )


_TABLE = tuple(_over_rows(each) for each in MISTAKES)

TEMPORAL: tuple[Mistake, ...] = (
    _summed("rows", 0, "steps"),
    _summed("steps", 1, "rows"),
    *(
        _averaged(of, noun, size)
        for of in (WEIGHTS, BIAS)
        for noun, size in (("sequences", "N"), ("steps", "T"))
    ),
    mistake(
        "only the last step counts for the parameters",
        lambda x, dy: {"dW": x[:, -1].T @ dy[:, -1], "db": dy[:, -1].sum(axis=0)},
        "A loop over the steps overwrites the gradients instead of adding to them.",
        "Changing any step but the last one leaves the gradients of the parameters as they are.",
        SUM.replace("every row of the minibatch", "every row and step"),
        "The sum over t: all of its terms count.",
        "Add in the loop, `dW += ...`, starting from zeros; or bring rows and steps to one axis.",
    ),
    mistake(
        "the rows and steps of the input's gradient stay on one axis",
        {"dx": lambda dx: dx.reshape(-1, dx.shape[-1])},
        "The gradient of the input is returned as a table.",
        "The gradient of the input has not the input's shape.",
        "The gradient of the input has the input's shape.",
        "The reshape at the beginning: it is taken back at the end.",
        "Bring it back: `dx.reshape(x.shape)`.",
    ),
    *_TABLE,
)
"""Those of the layer on sequences, (N, T, D)."""

FLAT: tuple[Mistake, ...] = (
    mistake(
        "the input's gradient stays flat",
        {"dx": lambda dx: dx.reshape(len(dx), -1)},
        "The gradient of the input is returned as a table, as the input was multiplied.",
        "The gradient of the input has not the input's shape.",
        "The gradient of the input has the input's shape.",
        "The reshape at the beginning: it is taken back at the end.",
        "Bring it back: `dx.reshape(x.shape)`.",
    ),
    *_TABLE,
)
"""Those of the layer that makes one row of each example."""
