"""Mistakes in the gradient of a plain function, of which only its numerical derivative is known."""

from __future__ import annotations

from handgrad.diagnosis.families import CHAIN_RULE, GENERAL, ignored
from handgrad.diagnosis.mistake import Formula, Mistake, mistake

__all__ = ["MISTAKES"]


def _mean(which: str, what: str, letter: str, count: Formula) -> tuple[Mistake, Mistake]:
    """Make the mistakes that a gradient is divided by a count too often, and once too little."""
    derivation = f"A factor 1/{letter}: it appears in the derivative as often as in the function."
    return (
        mistake(
            f"averaged over {which} {what}",
            {"gradient": lambda gradient, x: gradient / count(x)},
            f"The gradient is divided by the number of {what}.",
            f"The gradient is too small, and the more so the more {what} there are.",
            "A finite difference of your function is larger than your gradient by the number of "
            f"{what}.",
            derivation,
            f"Leave out the division by the number of {what}.",
        ),
        mistake(
            f"the mean over {which} {what} is left out",
            {"gradient": lambda gradient, x: gradient * count(x)},
            f"The gradient is too large by the number of {what}.",
            f"The gradient is too large, and the more so the more {what} there are.",
            "A finite difference of your function is smaller than your gradient by the number of "
            f"{what}.",
            derivation,
            f"Divide by the number of {what}.",
        ),
    )


MISTAKES: tuple[Mistake, ...] = (
    *GENERAL,
    ignored(
        "gradient",
        lambda of_the_sum: of_the_sum,
        "The gradient is that of the sum of the outputs, whatever comes in.",
        "Multiply by the upstream gradient: `dy * slope`, or `jacobian.T @ dy`.",
    ),
    mistake(
        "the upstream gradient is passed on",
        {"gradient": lambda dy: dy.copy()},
        "The upstream gradient comes back as it is: the function's own derivative is left out.",
        "Your gradient does not depend on the input at all.",
        "A small step along a direction changes the output by the step times the slope.",
        CHAIN_RULE.format("the local derivative"),
        "Multiply by the derivative of the function.",
    ),
    mistake(
        "transposed",
        {"gradient": lambda gradient: gradient.T},
        "Rows and columns of the gradient are exchanged.",
        "The gradient is right when its rows and columns are exchanged.",
        "Entry (i, j) of the gradient is the derivative by entry (i, j) of the input.",
        "The line in index notation: which index comes first?",
        "Exchange the factors of the last product, or transpose the result.",
    ),
    *_mean("the", "rows", "N", len),
    *_mean("all", "entries", "M", lambda x: x.size),
)
