"""The cell of a simple recurrent network, and its mistakes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import LINEAR, Gradient
from handgrad.diagnosis.kinds.lines import Program
from handgrad.diagnosis.kinds.recurrent.affine import (
    BIAS,
    FORWARD,
    GRADIENTS,
    INPUT,
    PARAMETERS,
    RECURRENT,
    STATE,
    WEIGHTS,
    affine_mistakes,
    shared_mistakes,
)
from handgrad.diagnosis.kinds.recurrent.walk import Cell
from handgrad.diagnosis.mistake import Formula, Mistake

__all__ = ["RNN", "rnn_conventions", "rnn_mistakes"]

ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda y: 1 - y * y),
    "relu": (lambda a: np.maximum(a, 0), lambda y: (y > 0).astype(y.dtype)),
}
"""An activation, and its derivative from its output."""


RNN = Cell(
    forward={
        **FORWARD,
        "shift": lambda bias, recurrent_bias: bias + recurrent_bias,
        "output": lambda a, activation: ACTIVATIONS[activation][0](a),
    },
    backward={
        "da": lambda dy, output, activation: dy * ACTIVATIONS[activation][1](output),
        **GRADIENTS,
        "drecurrent_bias": lambda da: da.sum(axis=0),
    },
    states={"h0": "output"},
    upstream={"output": "dy"},
    parameters=(*PARAMETERS, "drecurrent_bias"),
    absent={"recurrent_bias": lambda recurrent_weights: np.zeros(len(recurrent_weights))},
)

_SLOPE = "The slope of tanh lies between 0 and 1, wherever its argument is."
_CHAIN = "The line of the sum inside the tanh: the derivative of tanh is one of two factors."
_DERIVATIVE = "The line of the sum inside the tanh: the derivative of tanh, written with its value."
_MEND = "Use what the step returned: `da = dnext_h * (1 - next_h**2)`."


def _sloped(
    program: Program, name: str, line: Formula, explanation: str, symptom: str, violated: str
) -> Mistake:
    """Make the mistake that the gradient of the sum is another one."""
    return program.instead(name, {"da": line}, explanation, symptom, violated, _DERIVATIVE, _MEND)


def _flat(program: Program, of: Gradient, line: Formula) -> Mistake:
    """Make the mistake that one gradient is made as if there was no tanh."""
    return program.instead(
        f"the derivative is left out of {of.whose} gradient",
        {of.quantity: line},
        f"The gradient of the {of.noun} is made of the upstream gradient, which has not gone "
        "through the tanh.",
        "Where the state is near 1 or -1, this gradient does not go to zero.",
        "Where the tanh is flat, nothing before it has influence.",
        _CHAIN,
        f"Use the gradient of the sum, after the tanh: `{of.formula}`.",
    )


def rnn_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of the cell."""
    return (
        _sloped(
            program,
            "the derivative is left out",
            lambda dy: dy,
            "The upstream gradient goes to the weights as if there was no tanh.",
            "Where the state is near 1 or -1, the gradient does not go to zero.",
            _SLOPE,
        ),
        _sloped(
            program,
            "the derivative at the output",
            lambda dy, output: dy * (1 - np.tanh(output) ** 2),
            "The tanh is applied once more to its own output before the derivative is taken.",
            "The slope of your backward pass is never below 0.4.",
            _SLOPE,
        ),
        _sloped(
            program,
            "the sum in place of its tanh",
            lambda dy, a: dy * (1 - a**2),
            "The derivative is written with the sum where its tanh belongs.",
            "The slope of your backward pass is often negative.",
            _SLOPE,
        ),
        _sloped(
            program,
            "the square is left out of the derivative",
            lambda dy, output: dy * (1 - output),
            "The derivative is taken to be 1 minus the state.",
            "The slope of your backward pass goes to 2 where the state is near -1.",
            _SLOPE,
        ),
        _sloped(
            program,
            "the derivative of the sigmoid",
            lambda dy, output: dy * output * (1 - output),
            "The derivative is the one of another function.",
            "The slope of your backward pass is negative wherever the state is.",
            _SLOPE,
        ),
        _sloped(
            program,
            "the state before the step in the derivative",
            lambda dy, h0: dy * (1 - h0**2),
            "The derivative is written with the state that the step is given, not with the one "
            "that it gives.",
            "With a state of zeros before the step, the slope of your backward pass is 1.",
            "The derivative is taken where the step's own sum is.",
        ),
        _sloped(
            program,
            "the upstream gradient is ignored",
            lambda output: 1 - output**2,
            "The slope goes to the weights alone; the upstream gradient does not enter.",
            "Your gradients do not change when the upstream gradient is doubled.",
            LINEAR,
        ),
        _flat(program, INPUT, lambda dy, input_weights: dy @ input_weights.T),
        _flat(program, STATE, lambda dy, recurrent_weights: dy @ recurrent_weights.T),
        _flat(program, WEIGHTS, lambda x, dy: x.T @ dy),
        _flat(program, RECURRENT, lambda h0, dy: h0.T @ dy),
        _flat(program, BIAS, lambda dy: dy.sum(axis=0)),
        program.instead(
            "the recurrent weights are not transposed",
            {"dh0": lambda da, recurrent_weights: da @ recurrent_weights},
            "Going backwards, the gradient is multiplied by the recurrent weights as they stand.",
            "With recurrent weights that are symmetric, your gradient is right.",
            "Going backwards the step maps from the state after to the state before.",
            "The line of the state before: the sum runs over the weights' second index.",
            f"Multiply by the transpose: `{STATE.formula}`.",
        ),
        program.instead(
            "the recurrent weights are transposed in the forward pass",
            {"a": lambda x, h0, input_weights, recurrent_weights, shift: (
                x @ input_weights + h0 @ recurrent_weights.T + shift
            )},
            "The state is multiplied by the transposed recurrent weights.",
            "With recurrent weights that are symmetric, your output is right.",
            "Unit k of the sum takes each entry of the state times its weight in column k.",
            "The definition of the step: the sum runs over the weights' first index.",
            "Multiply by the weights as they are: `prev_h @ Wh`.",
        ),
        program.instead(
            "there is no activation",
            {"output": lambda a: a},
            "The sum itself is returned as the state.",
            "The state has entries beyond 1 and -1.",
            "The values of tanh lie between -1 and 1.",
            "The definition of the step: the tanh of the sum.",
            "Write `next_h = np.tanh(x @ Wx + prev_h @ Wh + b)`.",
        ),
        program.instead(
            "a sigmoid in place of tanh",
            {"output": lambda a: (1 + np.tanh(a / 2)) / 2},
            "The state is the sigmoid of the sum.",
            "The state is never negative.",
            "The values of tanh lie between -1 and 1, and have its argument's sign.",
            "The definition of the step: the tanh of the sum.",
            "Write `next_h = np.tanh(x @ Wx + prev_h @ Wh + b)`.",
        ),
        *affine_mistakes(program),
        *shared_mistakes(program),
    )  # fmt: skip


def rnn_conventions(program: Program) -> tuple[Mistake, ...]:
    """Return the other ways to write the cell."""
    return (
        program.under(
            "ReLU in place of tanh",
            "The state is the rectified sum, as in networks that are made to remember for long.",
            activation="relu",
        ),
    )
