"""Mistakes in the logistic sigmoid."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis import families as general
from handgrad.diagnosis.mistake import Given, Mistake, Results, mistake

__all__ = ["MISTAKES"]

_SLOPE = "The slope of the sigmoid lies between 0 and a quarter, wherever the input is."
_LAST = "The last line writes the derivative with the output; which letter stands for what?"


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


@mistake(
    "the input in place of the output",
    "The derivative is written with the input where the output belongs.",
    "The slope of your backward pass is often negative, or larger than a quarter.",
    _SLOPE,
    _LAST,
    "Save the output in the forward pass and use it: `dy * y * (1 - y)`.",
)
def at_input(given: Given, right: Results) -> Results:
    return {"dx": given.dy * given.x * (1 - given.x)}


@mistake(
    "the derivative at the output",
    "The sigmoid is applied once more to its own output before the derivative is taken.",
    "The slope of your backward pass is nearly the same everywhere, about a fifth to a quarter.",
    "Far from 0 the sigmoid is flat, so its slope goes to 0 there.",
    "Where the derivative is taken: at the input, although it is written with the output.",
    "Either apply the sigmoid to the saved input, or use the saved output as it is: "
    "`dy * y * (1 - y)`.",
)
def at_output(given: Given, right: Results) -> Results:
    y = _sigmoid(_sigmoid(given.x))
    return {"dx": given.dy * y * (1 - y)}


@mistake(
    "the derivative is left out",
    "The upstream gradient is passed on as it is.",
    "Your gradient does not depend on the input at all.",
    _SLOPE,
    "The first line, the chain rule: the local derivative is one of two factors.",
    "Multiply by the slope: `dy * y * (1 - y)`.",
)
def left_out(given: Given, right: Results) -> Results:
    return {"dx": given.dy.copy()}


@mistake(
    "the upstream gradient is ignored",
    "The slope is returned alone; the upstream gradient does not enter.",
    "Your gradient does not change when the upstream gradient is doubled.",
    "The backward pass is linear in the upstream gradient.",
    "The first line, the chain rule: the local derivative is one of two factors.",
    "Multiply the slope by the upstream gradient: `dy * y * (1 - y)`.",
)
def ignored(given: Given, right: Results) -> Results:
    y = _sigmoid(given.x)
    return {"dx": y * (1 - y)}


@mistake(
    "only the first factor",
    "The slope is taken to be the output: the second factor is missing.",
    "Far to the right your slope goes to 1, where the sigmoid is flat.",
    _SLOPE,
    "The line that splits the fraction in two: each half gives one factor.",
    "Multiply by both: `dy * y * (1 - y)`.",
)
def first_factor(given: Given, right: Results) -> Results:
    return {"dx": given.dy * _sigmoid(given.x)}


@mistake(
    "only the second factor",
    "The slope is taken to be 1 minus the output: the first factor is missing, or, which is the "
    "same, the denominator is not squared.",
    "Far to the left your slope goes to 1, where the sigmoid is flat.",
    _SLOPE,
    "The line that splits the fraction in two: each half gives one factor.",
    "Multiply by both: `dy * y * (1 - y)`.",
)
def second_factor(given: Given, right: Results) -> Results:
    return {"dx": given.dy * (1 - _sigmoid(given.x))}


@mistake(
    "a plus in the second factor",
    "The second factor is 1 plus the output.",
    "Far to the right your slope goes to 2, where the sigmoid is flat.",
    _SLOPE,
    "The line that splits the fraction in two: which sign has the second half?",
    "Take the minus: `dy * y * (1 - y)`.",
)
def plus(given: Given, right: Results) -> Results:
    y = _sigmoid(given.x)
    return {"dx": given.dy * y * (1 + y)}


@mistake(
    "the brackets around the second factor are missing",
    "The output is subtracted at the end, from the whole product.",
    "Where the upstream gradient is 0, your gradient is not 0.",
    "The backward pass is linear in the upstream gradient.",
    "The last line is a product of three factors, and the last one is a difference.",
    "Put the difference in brackets: `dy * y * (1 - y)`.",
)
def no_brackets(given: Given, right: Results) -> Results:
    y = _sigmoid(given.x)
    return {"dx": given.dy * y - y}


@mistake(
    "the square of the output",
    "The slope is taken to be the output times itself.",
    "Far to the right your slope goes to 1, where the sigmoid is flat.",
    _SLOPE,
    "The line that splits the fraction in two: the two factors are not the same.",
    "One of the two factors is `(1 - y)`: `dy * y * (1 - y)`.",
)
def squared(given: Given, right: Results) -> Results:
    return {"dx": given.dy * _sigmoid(given.x) ** 2}


@mistake(
    "the derivative of tanh",
    "One minus the square of the output is the slope of the hyperbolic tangent.",
    "Your slope goes to 1 far to the left, where the sigmoid is flat.",
    _SLOPE,
    "The last line: it is the one of another function.",
    "For the sigmoid it is `dy * y * (1 - y)`; `1 - y**2` belongs to tanh.",
)
def tanh_slope(given: Given, right: Results) -> Results:
    return {"dx": given.dy * (1 - _sigmoid(given.x) ** 2)}


@mistake(
    "the upstream gradient in place of the output",
    "The derivative is written with the upstream gradient where the output belongs.",
    "Your gradient does not depend on the input at all.",
    "The backward pass is linear in the upstream gradient.",
    _LAST,
    "Use what the forward pass saved: `dy * y * (1 - y)`.",
)
def at_upstream(given: Given, right: Results) -> Results:
    return {"dx": given.dy * (1 - given.dy)}


@mistake(
    "divided by the slope",
    "The upstream gradient is divided by the slope instead of multiplied.",
    "Your gradient is larger than the upstream gradient, at every entry.",
    _SLOPE,
    "The first line, the chain rule: the two factors are multiplied.",
    "Multiply: `dy * y * (1 - y)`.",
)
def divided(given: Given, right: Results) -> Results:
    y = _sigmoid(given.x)
    return {"dx": given.dy / (y * (1 - y))}


@mistake(
    "the sigmoid of the upstream gradient",
    "The slope is taken at the upstream gradient and not at the input.",
    "Your gradient does not depend on the input at all.",
    "The backward pass is linear in the upstream gradient.",
    "Where the derivative is taken: at the input of the forward pass.",
    "Save the output in the forward pass, and use it: `dy * y * (1 - y)`.",
)
def slope_at_upstream(given: Given, right: Results) -> Results:
    y = _sigmoid(given.dy)
    return {"dx": given.dy * y * (1 - y)}


@mistake(
    "the exponent's sign",
    "The forward pass computes the sigmoid of minus the input.",
    "The output falls where it should rise.",
    "The sigmoid goes to 1 far to the right and to 0 far to the left.",
    "The definition: the sign in the exponent.",
    "Write `1 / (1 + np.exp(-x))`.",
)
def falling(given: Given, right: Results) -> Results:
    return {"output": _sigmoid(-given.x)}


@mistake(
    "tanh in the forward pass",
    "The forward pass computes the hyperbolic tangent.",
    "The output has negative entries.",
    "The sigmoid's output lies between 0 and 1.",
    "The definition: it is the one of another function.",
    "Write `1 / (1 + np.exp(-x))`.",
)
def tanh_forward(given: Given, right: Results) -> Results:
    return {"output": np.tanh(given.x)}


@mistake(
    "the reciprocal is missing",
    "The forward pass computes the denominator alone.",
    "Every output is above 1.",
    "The sigmoid's output lies between 0 and 1.",
    "The definition: it is one divided by that sum.",
    "Write `1 / (1 + np.exp(-x))`.",
)
def no_reciprocal(given: Given, right: Results) -> Results:
    return {"output": 1 + np.exp(-given.x)}


MISTAKES: tuple[Mistake, ...] = (
    at_input,
    at_output,
    left_out,
    ignored,
    first_factor,
    second_factor,
    plus,
    no_brackets,
    squared,
    tanh_slope,
    at_upstream,
    divided,
    slope_at_upstream,
    falling,
    tanh_forward,
    no_reciprocal,
    general.flipped,
    general.zero,
    general.doubled,
    general.halved,
)
