"""Mistakes in the gradient of a plain function, of which only its numerical derivative is known."""

from __future__ import annotations

from handgrad.diagnosis import families as general
from handgrad.diagnosis.mistake import Given, Mistake, Results, mistake

__all__ = ["MISTAKES"]


@mistake(
    "the upstream gradient is ignored",
    "The gradient is that of the sum of the outputs, whatever comes in.",
    "Your gradient does not change when the upstream gradient is doubled.",
    "The backward pass is linear in the upstream gradient.",
    "The first line, the chain rule: the local derivative is one of two factors.",
    "Multiply by the upstream gradient: `dy * slope`, or `jacobian.T @ dy`.",
)
def ignores_upstream(given: Given, right: Results) -> Results:
    return {"gradient": given.extra["of the sum"]}


@mistake(
    "the upstream gradient is passed on",
    "The upstream gradient comes back as it is: the function's own derivative is left out.",
    "Your gradient does not depend on the input at all.",
    "A small step along a direction changes the output by the step times the slope.",
    "The first line, the chain rule: the local derivative is one of two factors.",
    "Multiply by the derivative of the function.",
)
def passed_on(given: Given, right: Results) -> Results:
    return {"gradient": given.dy.copy()}


@mistake(
    "transposed",
    "Rows and columns of the gradient are exchanged.",
    "The gradient is right when its rows and columns are exchanged.",
    "Entry (i, j) of the gradient is the derivative by entry (i, j) of the input.",
    "The line in index notation: which index comes first?",
    "Exchange the factors of the last product, or transpose the result.",
)
def transposed(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"].T}


@mistake(
    "averaged over the rows",
    "The gradient is divided by the number of rows.",
    "The gradient is too small, and the more so the more rows there are.",
    "A finite difference of your function is larger than your gradient by the number of rows.",
    "A factor 1/N: it appears in the derivative as often as in the function.",
    "Leave out the division by the number of rows.",
)
def averaged(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] / len(given.x)}


@mistake(
    "the mean over the rows is left out",
    "The gradient is too large by the number of rows.",
    "The gradient is too large, and the more so the more rows there are.",
    "A finite difference of your function is smaller than your gradient by the number of rows.",
    "A factor 1/N: it appears in the derivative as often as in the function.",
    "Divide by the number of rows.",
)
def not_averaged(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] * len(given.x)}


@mistake(
    "the mean over all entries is left out",
    "The gradient is too large by the number of entries.",
    "The gradient is too large, and the more so the more entries there are.",
    "A finite difference of your function is smaller than your gradient by the number of entries.",
    "A factor 1/M: it appears in the derivative as often as in the function.",
    "Divide by the number of entries.",
)
def not_averaged_at_all(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] * given.x.size}


@mistake(
    "averaged over all entries",
    "The gradient is divided by the number of entries.",
    "The gradient is too small, and the more so the more entries there are.",
    "A finite difference of your function is larger than your gradient by the number of entries.",
    "A factor 1/M: it appears in the derivative as often as in the function.",
    "Leave out the division by the number of entries.",
)
def averaged_over_all(given: Given, right: Results) -> Results:
    return {"gradient": right["gradient"] / given.x.size}


MISTAKES: tuple[Mistake, ...] = (
    general.flipped,
    general.zero,
    general.doubled,
    general.halved,
    general.truncated,
    ignores_upstream,
    passed_on,
    transposed,
    averaged,
    not_averaged,
    not_averaged_at_all,
    averaged_over_all,
)
