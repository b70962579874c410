"""Mistakes that any component can make."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.mistake import (
    Backward,
    Behaviour,
    Forward,
    Given,
    Mistake,
    Results,
    behaviour,
    convention,
    mistake,
)
from handgrad.diagnosis.result import Cause

__all__ = ["BEHAVIOURS", "EPSILON", "FLOAT32", "MISTAKES", "overflow"]

FORWARD = ("value", "output", "evaluation")


def _backward(right: Results) -> Results:
    return {name: array for name, array in right.items() if name not in FORWARD}


@mistake(
    "the sign is flipped",
    "The gradient points the other way: every entry has the wrong sign.",
    "A step against your gradient raises the loss.",
    "For a small step h along a direction v, the loss changes by h times the gradient's product "
    "with v; yours has the opposite sign.",
    "Look at the line where the outer derivative meets the inner one: the inner derivative of a "
    "difference is +1 or -1, depending on which term you derive by.",
    "Multiply by -1: check the order of the difference, and any `-=`.",
)
def flipped(given: Given, right: Results) -> Results:
    return {name: -array for name, array in _backward(right).items()}


@mistake(
    "the gradient is zero",
    "Zeros are returned whatever comes in.",
    "Nothing that depends on this gradient ever moves.",
    "The gradient depends on the upstream gradient; yours doesn't.",
    "The last line of the derivation, the product itself, never reaches the returned array.",
    "Return the array that you computed and not the one that was made with `zeros_like`.",
)
def zero(given: Given, right: Results) -> Results:
    return {name: np.zeros_like(array) for name, array in _backward(right).items()}


@mistake(
    "doubled",
    "Every entry is twice what it should be.",
    "Training behaves as if the learning rate were twice what you set.",
    "A finite difference of your own forward pass gives half of your gradient.",
    "A term is counted twice: in the derivation it appears in one sum only.",
    "Look for a term that is added twice (a `+=` onto something that already holds it), or a "
    "factor of 2 that comes from no derivative.",
)
def doubled(given: Given, right: Results) -> Results:
    return {name: 2 * array for name, array in _backward(right).items()}


@mistake(
    "halved",
    "Every entry is half of what it should be.",
    "Training behaves as if the learning rate were half of what you set.",
    "A finite difference of your own forward pass gives twice your gradient.",
    "A factor is lost, or a 1/2 is kept that only belongs to a loss defined with it.",
    "Look for a 1/2, or for a missing 2 from deriving a square.",
)
def halved(given: Given, right: Results) -> Results:
    return {name: array / 2 for name, array in _backward(right).items()}


@mistake(
    "rounded to whole numbers",
    "The result went through an integer array, which cut off everything behind the point.",
    "Every entry is a whole number.",
    "The result is a real number; it is not whole in general.",
    "No line of the derivation: the array into which the result is written holds integers.",
    "Make the array with the type of the data: `np.zeros(shape, dtype=float)`, not "
    "`np.zeros_like` of an array of integers, and no `astype(int)`.",
)
def truncated(given: Given, right: Results) -> Results:
    return {name: np.trunc(array) for name, array in _backward(right).items()}


MISTAKES: tuple[Mistake, ...] = (flipped, zero, doubled, halved, truncated)


@convention(
    "rounded inside, as by float32",
    "About seven digits are right, and a small change of the input leaves the result as it is: "
    "somewhere inside, numbers are rounded, as float32 does it.",
)
def float32(given: Given, right: Results) -> Results:
    return {
        name: np.asarray(array, dtype=np.float32).astype(np.float64)
        for name, array in right.items()
    }


FLOAT32 = float32.cause
EPSILON = Cause(
    "a small number inside",
    "The result differs from ours in the eighth digit or so, as where a small number is added "
    "before a logarithm or a division.",
    ("nothing is wrong",) * 4,
)


@mistake(
    "overflows",
    "For inputs of large size an exponential is infinite or a probability is 0, and what is "
    "computed from it is not a number.",
    "Something is NaN or infinite for large inputs, where it should be finite.",
    "The result is finite for every finite input.",
    "The formula is right; it is the way to compute it that overflows.",
    "Rewrite it so that no infinity meets another one or a 0: keep each exponential at most 1, as "
    "with `np.exp(x - x.max(...))`, have it only in a denominator, as in `1 / (1 + np.exp(-x))`, "
    "and divide by no probability.",
)
def overflow(given: Given, right: Results) -> Results:
    """Put NaN where the input is so large that its exponential is infinite."""
    large = np.abs(given.x) > 700
    return {
        name: np.where(large, np.nan, array) if array.shape == large.shape else array
        for name, array in right.items()
    }


@behaviour(
    "writes to its input",
    "The array that it was given as input holds other values after the call.",
    "Something else that uses the same data afterwards sees changed numbers.",
    "A function leaves its arguments as they were.",
    "No line of the derivation: an operation in place, where the formula makes a new array.",
    "Work on a new array: `y = x * a` in place of `x *= a`, or start with `x = x.copy()`.",
)
def writes_to_input(
    forward: Forward, backward: Backward, parameters: Results
) -> tuple[Forward, Backward]:
    def wrong(x: Array) -> Array:
        y = forward(x.copy())
        x *= 0.5
        return y

    return wrong, backward


@behaviour(
    "writes to the upstream gradient",
    "The array that it was given as upstream gradient holds other values after the call.",
    "Whoever passed that gradient on sees changed numbers, and so does a second branch that "
    "uses it.",
    "A function leaves its arguments as they were.",
    "No line of the derivation: an operation in place, where the formula makes a new array.",
    "Work on a new array: `dx = dy * slope` in place of `dy *= slope`; `dx = dy` is no copy, "
    "`dx = dy.copy()` is.",
)
def writes_to_upstream(
    forward: Forward, backward: Backward, parameters: Results
) -> tuple[Forward, Backward]:
    def wrong(dy: Array) -> Results:
        results = backward(dy)
        dy *= 0.5
        return results

    return forward, wrong


@behaviour(
    "gradients pile up",
    "Each call adds to the gradients of the calls before it and returns the sum.",
    "The first step of training is right, and every later one is too long.",
    "The gradient belongs to the last forward pass alone; the same call twice gives the same.",
    "No line of the derivation: the sum over the minibatch starts from what was left of the "
    "last call.",
    "Assign in place of adding: `self.gradients[...] = new`, not `+=`; or set them to zero at "
    "the beginning of the backward pass.",
)
def piles_up(forward: Forward, backward: Backward, parameters: Results) -> tuple[Forward, Backward]:
    total: Results = {}

    def wrong(dy: Array) -> Results:
        for name, array in backward(dy).items():
            total[name] = total[name] + array if name in total else array
        return dict(total)

    return forward, wrong


@behaviour(
    "remembers the first call",
    "The backward pass uses what was saved in the first forward pass, not in the last one.",
    "The first minibatch is right and every later one is wrong.",
    "The gradient belongs to the last forward pass.",
    "The line that uses what the forward pass has saved: it is kept from an earlier call.",
    "Save the input (or output) in every forward pass, not only where nothing is saved yet.",
)
def stale(forward: Forward, backward: Backward, parameters: Results) -> tuple[Forward, Backward]:
    first: list[Array] = []

    def wrong_forward(x: Array) -> Array:
        first.append(x.copy())
        return forward(x)

    def wrong_backward(dy: Array) -> Results:
        forward(first[0])
        return backward(dy)

    return wrong_forward, wrong_backward


@behaviour(
    "changes its parameters in the backward pass",
    "After the call for the gradient the weights or the bias are no longer what they were.",
    "Asking for the gradient twice gives two answers, and the loss moves without a step.",
    "A gradient is a question; only a step of the optimizer changes parameters.",
    "No line of the derivation: the update has slipped into the backward pass.",
    "Leave the update to `update_parameters`; `grad` only computes.",
)
def steps_inside(
    forward: Forward, backward: Backward, parameters: Results
) -> tuple[Forward, Backward]:
    def wrong(dy: Array) -> Results:
        results = backward(dy)
        for array in parameters.values():
            array -= 0.01
        return results

    return forward, wrong


BEHAVIOURS: dict[str, Behaviour] = {
    "input": writes_to_input,
    "upstream": writes_to_upstream,
    "piles": piles_up,
    "stale": stale,
    "parameters": steps_inside,
}
