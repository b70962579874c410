"""Mistakes in going through time: what one step hands to the next, and back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from handgrad.diagnosis.families import SHAPE, Gradient
from handgrad.diagnosis.kinds.lines import Lines, Program
from handgrad.diagnosis.kinds.recurrent.affine import BIAS, RECURRENT, WEIGHTS
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = ["time_mistakes"]

_PARAMETERS = (WEIGHTS, RECURRENT, BIAS)

_STATES = (
    "The line of the state: it reaches the loss as an output, and through the step after.",
    "Add both at each step: `dnext_h = dh[:, t] + dprev_h`, where `dprev_h` is what the step "
    "after has handed back.",
)
_STEPS = (
    "The same parameter serves every step, so its gradient is a sum over the steps.",
    "The sum over t: all of its terms count.",
)
_CARRIED = (
    "The definition of the layer: each step is given the state that the step before has left.",
    "Go through the steps in their order, and hand the state on: `h = step(x[:, t], h)`.",
)
_ADDED = "Start from zeros before the loop, and add at each step: `dWx += dWx_t`."


def _sums(program: Program, name: str, index: int, *words: str) -> Mistake:
    """Make the mistake that of all steps one counts for the parameters."""
    lines: Lines = {
        f"{quantity} of all": lambda stack: stack[index]
        for quantity in program.quantities
        if quantity not in ("output", "dx") and not quantity[1:].endswith("0")
    }
    return program.instead(name, lines, *words, *_STEPS, _ADDED)


def _one_overwritten(program: Program, of: Gradient) -> Mistake:
    """Make the mistake that one gradient is assigned in the loop, and not added to."""
    return program.instead(
        f"{of.whose} gradient is overwritten at each step",
        {f"{of.quantity} of all": lambda stack: stack[0]},
        f"The gradient of the {of.noun} is that of the step that the loop comes to last, the "
        "first one.",
        "For a sequence of one step your gradient is right.",
        *_STEPS,
        _ADDED,
    )


def _averaged(of: Gradient) -> Mistake:
    return mistake(
        f"{of.whose} gradient is averaged over the steps",
        {of.quantity: lambda right, T: right[of.quantity] / T},
        f"The gradient of the {of.noun} is divided by the number of steps.",
        "The longer the sequence, the smaller is the gradient.",
        *_STEPS,
        "Leave out the division.",
    )


def _of_state(program: Program, name: str, what: str) -> Iterator[Mistake]:
    """Yield the mistakes in handing a state on."""
    yield program.instead(
        f"all steps are given the first {what}",
        {f"{name} of the step": lambda initial: initial},
        f"The {what} is not handed on: each step starts from the initial one.",
        f"The {what} after a step does not depend on the one before it.",
        "A recurrent layer remembers: an output depends on all inputs before it.",
        *_CARRIED,
    )
    yield program.instead(
        f"the initial {what} is not used",
        {f"{name} of the step": lambda before, t: np.zeros_like(before) if t == 0 else before},
        f"The first step is given a {what} of zeros, whatever the initial {what} is.",
        f"Another initial {what} gives the same output.",
        f"The first step is given the initial {what}.",
        *_CARRIED,
    )
    yield mistake(
        f"the gradient of the initial {what} is zero",
        lambda right: {f"d{name}": np.zeros_like(right[f"d{name}"])},
        f"Zeros are returned for the initial {what}.",
        f"A learned initial {what} never moves.",
        f"The first step depends on the initial {what}.",
        "The last line of the recursion: after the first step there is one more step back.",
        "Return what the first step hands back, after the loop.",
    )


def time_mistakes(program: Program) -> Iterator[Mistake]:
    """Yield the mistakes of a walk through time, whatever the cell."""
    yield program.instead(
        "the gradient from the step after is left out",
        {"dy of the step": lambda dys, t: dys[:, t]},
        "Each step gets its own upstream gradient alone, and nothing of what the step after hands "
        "back.",
        "For a sequence of one step your gradient is right.",
        "An early state has a part in all later outputs.",
        *_STATES,
    )
    yield program.instead(
        "only the last step's upstream gradient counts",
        {"dy of the step": lambda dys, t, T, later: dys[:, t] if t == T - 1 else later},
        "The upstream gradient enters at the last step, and what is handed back goes on alone.",
        "For a sequence of one step your gradient is right.",
        "Every state is an output, so that every step has an upstream gradient of its own.",
        *_STATES,
    )
    yield program.instead(
        "what the step after hands back is added twice",
        {"dy of the step": lambda dys, t, later: dys[:, t] + 2 * later},
        "What the step after hands back enters two times.",
        "For a sequence of one step your gradient is right.",
        "Each state is handed on to one step.",
        *_STATES,
    )
    yield program.instead(
        "the upstream gradient of the wrong step",
        {"dy of the step": lambda dys, t, T, later: dys[:, T - 1 - t] + later},
        "The upstream gradients are taken from the first step on, while the steps are walked from "
        "the last one.",
        "For a sequence of one step your gradient is right.",
        "The upstream gradient of a step belongs to that step's output.",
        "The index t: it is one and the same on both sides.",
        "Use one index for all that belongs to a step: `dh[:, t]` beside `cache[t]`.",
    )
    for name, what in (("h0", "state"), ("c0", "cell")):
        if f"d{name}" in program.quantities:
            yield from _of_state(program, name, what)
    yield program.instead(
        "the steps come first in the output",
        {"output of all": lambda stack: stack},
        "The outputs are stacked with the steps as the first axis.",
        "The output has the shape of steps, rows and features.",
        "Output and input have the same axes: rows, steps and features.",
        "The index t: it stands second in the input and in the output.",
        "Write each step to its place, `h[:, t] = ...`, or stack along axis 1.",
    )
    yield program.instead(
        "the outputs stand in the reverse order",
        {"output of all": lambda stack: stack[::-1].swapaxes(0, 1)},
        "The output of the first step stands at the end.",
        "The last output depends on the first input alone.",
        "The output of a step stands where its input stands.",
        "The index t: it is one and the same on both sides.",
        "Write each step to its place, `h[:, t] = ...`.",
    )
    yield program.instead(
        "the input's gradients stand in the reverse order",
        {"dx of all": lambda stack: stack[::-1].swapaxes(0, 1)},
        "The gradients of the inputs are in the order in which the steps are walked backwards.",
        "For a sequence of one step your gradient is right.",
        "The gradient of an input stands where the input stands.",
        "The index t: it is one and the same on both sides.",
        "Write each step to its place, `dx[:, t] = dx_t`, or turn the list around.",
    )
    yield program.instead(
        "the steps come first in the input's gradient",
        {"dx of all": lambda stack: stack},
        "The gradients of the inputs are stacked with the steps as the first axis.",
        "The gradient of the input has not the input's shape.",
        SHAPE.replace("a parameter", "an input").replace("parameter's", "input's"),
        "The index t: it stands second in the input and in its gradient.",
        "Write each step to its place, `dx[:, t] = dx_t`, or stack along axis 1.",
    )
    yield program.instead(
        "the gradient of the first step's output for that of the initial state",
        {"dh0 of all": lambda steps: steps[0]["dy"]},
        "What is returned for the initial state is the gradient of the state after the first step.",
        "This gradient does not go through the first step.",
        "The initial state reaches the first output through the first step.",
        "The last line of the recursion: after step 1 there is one more step back.",
        "Return what the first step hands back: `dh0 = dprev_h`, after the loop.",
    )
    yield program.instead(
        "the last step's gradient for that of the initial state",
        {"dh0 of all": lambda stack: stack[-1]},
        "What is returned for the initial state is what the last step hands back.",
        "For a sequence of one step your gradient is right.",
        "The initial state is given to the first step.",
        "The last line of the recursion: it ends at the first step.",
        "Return what the first step hands back: `dh0 = dprev_h`, after the loop.",
    )
    yield program.instead(
        "the initial state's gradient is summed over the steps",
        {"dh0 of all": lambda stack: stack.sum(axis=0)},
        "What all steps hand back is added up.",
        "For a sequence of one step your gradient is right.",
        "The initial state is given to the first step alone.",
        "The last line of the recursion: it ends at the first step.",
        "Return what the first step hands back: `dh0 = dprev_h`, after the loop.",
    )
    yield _sums(
        program,
        "only the first step counts for the parameters",
        0,
        "The gradients of the parameters are assigned at each step instead of added, so that the "
        "step that the loop comes to last remains: the first one.",
        "For a sequence of one step your gradient is right.",
    )
    yield _sums(
        program,
        "only the last step counts for the parameters",
        -1,
        "The gradients of the parameters are those of the last step.",
        "For a sequence of one step your gradient is right.",
    )
    for of in _PARAMETERS:
        yield _one_overwritten(program, of)
        yield _averaged(of)
    yield mistake(
        "the parameters' gradients are averaged over the steps",
        lambda right, T: {of.quantity: right[of.quantity] / T for of in _PARAMETERS},
        "The gradients of all parameters are divided by the number of steps.",
        "The longer the sequence, the smaller are the gradients.",
        *_STEPS,
        "Leave out the division.",
    )
