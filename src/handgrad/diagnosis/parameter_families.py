"""Families of mistakes in the gradients of parameters, and in how a parameter enters the output."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import SHAPE, SUM, Gradient
from handgrad.diagnosis.mistake import Formula, Mistake, by_name, mistake

__all__ = ["loops", "multiplied", "shifted", "summed"]


def summed(of: Gradient, terms: Formula, features: bool = True) -> tuple[Mistake, ...]:
    """Make the mistakes in a gradient that is a sum over all axes but the last.

    `terms` is what is summed; `features` says whether it may have been a sum over the last axis,
    which for images nobody takes.
    """
    find = by_name(terms)
    number = (
        f"Every entry of {of.whose} gradient is the same.",
        f"Each entry of the {of.noun} reaches its own feature of the output alone.",
        f"The line of the {of.noun}: the sum runs over the rows, and the feature stays.",
    )
    across = (
        f"The gradient of the {of.noun} has as many entries as the minibatch has rows.",
        SHAPE,
        f"The line of the {of.noun}: the sum runs over n, the rows.",
        f"Sum over the other axis: `{of.formula}`.",
    )
    made = (
        mistake(
            f"{of.whose} gradient is not summed",
            {of.quantity: lambda given, right: np.array(find(given, right))},
            f"What should be summed is given as the gradient of the {of.noun} as it is.",
            f"The gradient of the {of.noun} has a row for each row of the minibatch.",
            SUM,
            f"The line of the {of.noun}: broadcasting forwards is a sum backwards.",
            f"Sum over the rows: `{of.formula}`.",
        ),
        mistake(
            f"{of.whose} gradient is summed over everything",
            {of.quantity: lambda given, right: _full(right[of.quantity], find(given, right).sum())},
            "What should be summed over the rows is added up to one single number.",
            *number,
            f"Give the axis: `{of.formula}`.",
        ),
        mistake(
            f"{of.whose} gradient is the mean of everything",
            {
                of.quantity: lambda given, right: _full(
                    right[of.quantity], find(given, right).mean()
                )
            },
            "What should be summed over the rows is averaged to one single number.",
            *number,
            f"Sum, and give the axis: `{of.formula}`.",
        ),
    )
    if not features:
        return made
    return (
        *made,
        mistake(
            f"{of.whose} gradient is summed over the features",
            {of.quantity: lambda given, right: find(given, right).sum(axis=1)},
            "The sum runs along the rows instead of down the columns.",
            *across,
        ),
        mistake(
            f"{of.whose} gradient is averaged over the features",
            {of.quantity: lambda given, right: find(given, right).mean(axis=1)},
            "A mean is taken along the rows instead of a sum down the columns.",
            *across,
        ),
    )


def _full(like: Array, value: float) -> Array:
    return np.full(like.shape, value)


def multiplied(of: Gradient, by: str = "") -> Mistake:
    """Make the mistake that a gradient is multiplied by what it is the gradient of.

    `by` is that one's name, where it is not its noun.
    """
    return mistake(
        f"{of.whose} gradient is multiplied by the {of.noun}",
        {of.quantity: lambda given, right: right[of.quantity] * given[by or of.noun]},
        f"The gradient of the {of.noun} is multiplied by the {of.noun}, entry by entry.",
        f"Where the {of.noun} is 0 the gradient is 0 too.",
        f"The output is linear in the {of.noun}, so the gradient does not depend on its value.",
        f"The line of the {of.noun}: the derivative of a product by one factor is the other "
        "factor, that of a sum by one of its terms is 1.",
        f"Leave the factor out: `{of.formula}`.",
    )


def shifted(noun: str, zero: str, formula: str, name: str = "") -> tuple[Mistake, ...]:
    """Make the mistakes in how a parameter is added to the output.

    `zero` is the input or the factor for which nothing but the parameter is left of the output,
    `formula` the right one, in code, and `name` the parameter's, where it is not its noun.
    """

    def times(factor: float) -> dict[str, Formula]:
        return {"output": lambda given, right: right["output"] + factor * given[name or noun]}

    violated = f"For {zero} the output is the {noun}."
    return (
        mistake(
            f"the {noun} is left out of the forward pass",
            times(-1),
            f"The output is what the {noun} should be added to.",
            f"The output for {zero} is zero.",
            violated,
            "The definition of the layer: it has two terms.",
            f"Add the {noun}: `{formula}`.",
        ),
        mistake(
            f"the {noun} is added twice",
            times(1),
            f"The {noun} enters the output two times.",
            f"The output for {zero} is twice the {noun}.",
            violated,
            "The definition of the layer: each of its terms stands there once.",
            f"Add the {noun} once: `{formula}`.",
        ),
        mistake(
            f"the {noun} is subtracted",
            times(-2),
            f"The {noun} enters the output with the wrong sign.",
            f"The output for {zero} is minus the {noun}.",
            violated,
            "The definition of the layer: its second term is added.",
            f"Add the {noun}: `{formula}`.",
        ),
    )


def loops(one: Formula, code: str) -> tuple[Mistake, Mistake]:
    """Make the mistakes that a loop over the minibatch overwrites, or ends too early.

    `one` has the argument `row`, beside what any formula may name, and returns the gradients of the
    parameters from that row alone. `code` sums over all rows.
    """
    find = by_name(one, "row")
    return (
        mistake(
            "only the last row counts",
            lambda given, right: find(given, right, row=-1),
            "A loop over the minibatch overwrites the gradient instead of adding to it, so that "
            "the one of the last row remains.",
            "Changing any row but the last one leaves the gradient of the parameters as it is.",
            SUM,
            "The sum over n: what the loop does with one term and the next.",
            f"Add in the loop, `dW += ...`, starting from zeros; or write `{code}`.",
        ),
        mistake(
            "only the first row counts",
            lambda given, right: find(given, right, row=0),
            "The gradient is that of the first row alone.",
            "Changing any row but the first one leaves the gradient of the parameters as it is.",
            SUM,
            "The sum over n: all of its terms count.",
            f"Sum over all rows: a `return` inside the loop ends it too early; or write `{code}`.",
        ),
    )
