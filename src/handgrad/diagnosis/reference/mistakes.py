"""Mistakes that the gradients of any component can have, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import CHAIN_RULE, GENERAL, LINEAR
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Formula, Mistake, mistake

__all__ = ["mistakes_of"]

Change = Callable[[Given, Array], Array]


def mistakes_of(outputs: tuple[str, ...], gradients: tuple[str, ...]) -> tuple[Mistake, ...]:
    """Return the mistakes of a component with these outputs and gradients."""
    exchanged = [_exchanged(a, b) for a, b in combinations(gradients, 2)]
    return (*GENERAL, *_each(gradients), *exchanged, *_forward(outputs))


def _each(gradients: tuple[str, ...]) -> tuple[Mistake, ...]:
    """Return those that every gradient may have by itself."""

    def every(change: Change) -> Formula:
        return lambda given, right: {
            n: np.asarray(change(given, right[n])) for n in gradients if n in right
        }

    def transposed(given: Given, right: Results) -> Results:
        return {n: right[n].T for n in gradients if n in right and right[n].ndim == 2}

    def ignored(ignored: Results) -> Results:
        return dict(ignored)

    def passed_on(dy: Array, right: Results) -> Results:
        same = [n for n in gradients if n in right and right[n].shape == dy.shape]
        return {n: dy.copy() for n in same}

    sum_ = "A factor 1/N: it appears in the derivative as often as in the function."
    made = (
        mistake(
            "averaged over the rows",
            every(lambda given, array: array / given["N"]),
            "The gradient is divided by the number of rows.",
            "The larger the minibatch, the smaller is the gradient.",
            "A finite difference of the right function is larger by the number of rows.",
            sum_,
            "Leave out the division by the number of rows.",
        ),
        mistake(
            "the mean over the rows is left out",
            every(lambda given, array: array * given["N"]),
            "The gradient is too large by the number of rows.",
            "The larger the minibatch, the larger is the gradient.",
            "A finite difference of the right function is smaller by the number of rows.",
            sum_,
            "Divide by the number of rows.",
        ),
        mistake(
            "transposed",
            transposed,
            "Rows and columns of the gradient are exchanged.",
            "The gradient is right when its rows and columns are exchanged.",
            "Entry (i, j) of the gradient is the derivative by entry (i, j) of the argument.",
            "The line in index notation: which index comes first?",
            "Exchange the factors of the last product, or transpose the result.",
        ),
        mistake(
            "the upstream gradient is ignored",
            ignored,
            "The gradient is that of the sum of the outputs, whatever comes in.",
            "Your gradient does not change when the upstream gradient is doubled.",
            LINEAR,
            CHAIN_RULE.format("the local derivative"),
            "Multiply by the upstream gradient.",
        ),
        mistake(
            "the upstream gradient is passed on",
            passed_on,
            "The upstream gradient comes back as it is: the component's own derivative is left "
            "out.",
            "Your gradient does not depend on the input at all.",
            "A small step along a direction changes the output by the step times the slope.",
            CHAIN_RULE.format("the local derivative"),
            "Multiply by the derivative of the function.",
        ),
    )
    return tuple(replace(one, each=True) for one in made)


def _exchanged(a: str, b: str) -> Mistake:
    return mistake(
        f"{a} and {b} change places",
        {a: lambda right: right[b], b: lambda right: right[a]},
        f"What is given as {a} is {b}, and the other way round.",
        "Whoever takes the gradients gets each for the other.",
        "Each gradient has the shape of what it is the gradient of.",
        "No line of the derivation: both gradients are right.",
        f"Return them in the order in which the reference does: exchange {a} and {b}.",
    )


def _forward(outputs: tuple[str, ...]) -> tuple[Mistake, ...]:
    """Return those of the forward pass, with gradients as they should be or not."""

    def scaled(name: str, change: Change, words: str, mend: str) -> Mistake:
        return mistake(
            f"the output {name}",
            lambda given, right: {n: np.asarray(change(given, right[n])) for n in outputs},
            f"Every entry of the output {words}.",
            "The output has the right form, and another size.",
            "The output of the reference and yours are one and the same function.",
            "The formula of the forward pass: which factor stands before it?",
            mend,
        )

    N = "the number of rows"
    return (
        scaled("has the other sign", lambda given, y: -y, "is negated", "Multiply by -1."),
        scaled("is doubled", lambda given, y: 2 * y, "is twice as large", "Leave out the 2."),
        scaled("is halved", lambda given, y: y / 2, "is half as large", "Leave out the 1/2."),
        scaled(
            "is a sum in place of a mean over the rows",
            lambda given, y: y * given["N"],
            f"is too large by {N}",
            f"Divide by {N}.",
        ),
        scaled(
            "is divided by the number of rows",
            lambda given, y: y / given["N"],
            f"is too small by {N}",
            f"Leave out the division by {N}.",
        ),
    )
