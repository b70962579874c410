"""Mistakes that one call alone does not show: what is written to, what is left of another call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Results

__all__ = ["BEHAVIOURS", "WRITES", "Behaviour"]

Forward = Callable[[Array], Array]
Backward = Callable[[Array], Results]
Passes = tuple[Forward, Backward]
Spoil = Callable[[Forward, Backward, Results], Passes]


@dataclass(frozen=True)
class Behaviour:
    """A mistake that one call alone does not show.

    `spoil` goes from a right forward pass (x to output), backward pass (dy to results) and the
    parameters to a wrong forward and backward pass.
    """

    cause: Cause
    spoil: Spoil


def _behaviour(name: str, spoil: Spoil, explanation: str, *hints: str) -> Behaviour:
    symptom, violated, derivation, mend = hints
    return Behaviour(Cause(name, explanation, (symptom, violated, derivation, mend)), spoil)


def _writes_to_input(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    def wrong(x: Array) -> Array:
        y = forward(x.copy())
        x *= 0.5
        return y

    return wrong, backward


def _writes_to_upstream(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    def wrong(dy: Array) -> Results:
        results = backward(dy)
        dy *= 0.5
        return results

    return forward, wrong


def _piles_up(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    total: Results = {}

    def wrong(dy: Array) -> Results:
        for name, array in backward(dy).items():
            total[name] = total[name] + array if name in total else array
        return dict(total)

    return forward, wrong


def _stale(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    first: list[Array] = []

    def wrong_forward(x: Array) -> Array:
        first.append(x.copy())
        return forward(x)

    def wrong_backward(dy: Array) -> Results:
        forward(first[0])
        return backward(dy)

    return wrong_forward, wrong_backward


def _previous(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    inputs: list[Array] = []

    def wrong_forward(x: Array) -> Array:
        inputs.append(x.copy())
        return forward(x)

    def wrong_backward(dy: Array) -> Results:
        forward(inputs[max(len(inputs) - 2, 0)])
        return backward(dy)

    return wrong_forward, wrong_backward


def _spends(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    saved: list[Array] = []

    def wrong_forward(x: Array) -> Array:
        saved[:] = [x.copy()]
        return forward(x)

    def wrong_backward(dy: Array) -> Results:
        forward(saved[0])
        saved[0] = saved[0] - 1
        return backward(dy)

    return wrong_forward, wrong_backward


_EVERYBODYS: dict[str, Array] = {}


def _shares(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    def wrong_forward(x: Array) -> Array:
        _EVERYBODYS["x"] = x.copy()
        return forward(x)

    def wrong_backward(dy: Array) -> Results:
        forward(_EVERYBODYS["x"])
        return backward(dy)

    return wrong_forward, wrong_backward


def _steps_inside(forward: Forward, backward: Backward, parameters: Results) -> Passes:
    def wrong(dy: Array) -> Results:
        results = backward(dy)
        for array in parameters.values():
            array -= 0.01
        return results

    return forward, wrong


BEHAVIOURS: dict[str, Behaviour] = {
    "input": _behaviour(
        "writes to its input",
        _writes_to_input,
        "The array that it was given as input holds other values after the call.",
        "Something else that uses the same data afterwards sees changed numbers.",
        "A function leaves its arguments as they were.",
        "No line of the derivation: an operation in place, where the formula makes a new array.",
        "Work on a new array: `y = x * a` in place of `x *= a`, or start with `x = x.copy()`.",
    ),
    "upstream": _behaviour(
        "writes to the upstream gradient",
        _writes_to_upstream,
        "The array that it was given as upstream gradient holds other values after the call.",
        "Whoever passed that gradient on sees changed numbers, and so does a second branch that "
        "uses it.",
        "A function leaves its arguments as they were.",
        "No line of the derivation: an operation in place, where the formula makes a new array.",
        "Work on a new array: `dx = dy * slope` in place of `dy *= slope`; `dx = dy` is no copy, "
        "`dx = dy.copy()` is.",
    ),
    "piles": _behaviour(
        "gradients pile up",
        _piles_up,
        "Each call adds to the gradients of the calls before it and returns the sum.",
        "The first step of training is right, and every later one is too long.",
        "The gradient belongs to the last forward pass alone; the same call twice gives the same.",
        "No line of the derivation: the sum over the minibatch starts from what was left of the "
        "last call.",
        "Assign in place of adding: `self.gradients[...] = new`, not `+=`; or set them to zero at "
        "the beginning of the backward pass.",
    ),
    "stale": _behaviour(
        "remembers the first call",
        _stale,
        "The backward pass uses what was saved in the first forward pass, not in the last one.",
        "The first minibatch is right and every later one is wrong.",
        "The gradient belongs to the last forward pass.",
        "The line that uses what the forward pass has saved: it is kept from an earlier call.",
        "Save the input (or output) in every forward pass, not only where nothing is saved yet.",
    ),
    "previous": _behaviour(
        "remembers the call before",
        _previous,
        "The backward pass uses what was saved in the forward pass before the last one.",
        "The first minibatch is right, and every later one gets the gradient of its predecessor.",
        "The gradient belongs to the last forward pass.",
        "The line that uses what the forward pass has saved: it is kept from the call before.",
        "Save the input (or output) of this call before anything reads it, and not what the "
        "attribute held until now.",
    ),
    "spends": _behaviour(
        "the backward pass changes what the forward pass has saved",
        _spends,
        "Asked for the gradient a second time after one forward pass, the code gives another "
        "answer.",
        "Asking twice gives two answers, so that a second look at the gradient misleads.",
        "The gradient belongs to the last forward pass, however often it is asked for.",
        "No line of the derivation: the backward pass writes to what it reads.",
        "Work on new arrays in the backward pass: assign nothing to what the forward pass has "
        "saved, and use no operation in place on it.",
    ),
    "shares": _behaviour(
        "all objects share one memory",
        _shares,
        "What one object saves, another one overwrites: it lies in the class, in a default "
        "argument or in the module, and not in the object.",
        "One layer alone is right; in a network of two, each gets what the other has saved.",
        "Two layers know nothing of each other.",
        "No line of the derivation: the attribute belongs to the class and not to the object.",
        "Assign to `self` in `__init__` and in the forward pass: `self.x = x` and `self.gradients "
        "= {}`, not in the class' body and not as a default argument.",
    ),
    "parameters": _behaviour(
        "changes its parameters in the backward pass",
        _steps_inside,
        "After the call for the gradient the weights or the bias are no longer what they were.",
        "Asking for the gradient twice gives two answers, and the loss moves without a step.",
        "A gradient is a question; only a step of the optimizer changes parameters.",
        "No line of the derivation: the update has slipped into the backward pass.",
        "Leave the update to `update_parameters`; `grad` only computes.",
    ),
}

WRITES = {BEHAVIOURS[name].cause.name for name in ("input", "upstream")}
"""The names of those that change an array of somebody else's."""
