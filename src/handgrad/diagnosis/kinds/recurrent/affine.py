"""The products of a step's input and of the state before it with the weights, and their bias."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, SHAPE, SUM, Gradient, averaged, averaged_input
from handgrad.diagnosis.kinds.lines import Lines, Program
from handgrad.diagnosis.mistake import Mistake, mistake

__all__ = [
    "FORWARD",
    "GRADIENTS",
    "PARAMETERS",
    "affine_mistakes",
    "gradient_mistakes",
    "shared_mistakes",
]

INPUT = Gradient("dx", "input", "the input's", "an input", "da @ Wx.T")
STATE = Gradient("dh0", "state before", "the state's", "a state", "da @ Wh.T")
WEIGHTS = Gradient("dW", "input weights", "the input weights'", "a weight", "x.T @ da")
RECURRENT = Gradient(
    "dU", "recurrent weights", "the recurrent weights'", "a weight", "prev_h.T @ da"
)
BIAS = Gradient("db", "bias", "the bias'", "the bias", "da.sum(axis=0)")
PARAMETERS = ("dW", "dU", "db")

FORWARD: Lines = {
    "shift": lambda bias: bias,
    "a": lambda x, h0, input_weights, recurrent_weights, shift: (
        x @ input_weights + h0 @ recurrent_weights + shift
    ),
}
GRADIENTS: Lines = {
    "dx": lambda da, input_weights: da @ input_weights.T,
    "dh0": lambda da, recurrent_weights: da @ recurrent_weights.T,
    "dW": lambda x, da: x.T @ da,
    "dU": lambda h0, da: h0.T @ da,
    "db": lambda da: da.sum(axis=0),
}

_DEFINITION = (
    "The definition of the step: it adds the input's product, the state's product and the bias.",
    "Add all three: `x @ Wx + prev_h @ Wh + b`.",
)


def _transposed(of: Gradient) -> Mistake:
    return mistake(
        f"the gradient of the {of.noun} is transposed",
        {of.quantity: lambda right: right[of.quantity].T},
        f"Rows and columns of {of.whose} gradient are exchanged.",
        "Unless they are square, the gradient has not the shape of the weights.",
        SHAPE,
        "The line in index notation: which index of the gradient comes from the left factor?",
        f"Exchange the factors: `{of.formula}`.",
    )


def gradient_mistakes() -> tuple[Mistake, ...]:
    """Return what can be done to the gradients as they are returned, whatever the cell."""
    return (
        averaged(WEIGHTS, RECURRENT, BIAS),
        averaged(WEIGHTS),
        averaged(RECURRENT),
        averaged(BIAS, mend=f"Sum in place of taking the mean: `{BIAS.formula}`."),
        averaged_input(INPUT),
        averaged_input(STATE),
        _transposed(WEIGHTS),
        _transposed(RECURRENT),
        *GENERAL,
    )


def _of_bias(program: Program, name: str, change: Callable[[Array], Array], *words: str) -> Mistake:
    return program.instead(
        f"the bias' gradient is {name}",
        {"db": lambda da: change(da)},
        *words,
        "The line of the bias: what broadcasts over the rows forwards is summed over them "
        "backwards.",
        f"Sum over the rows: `{BIAS.formula}`.",
    )


_ONE_NUMBER = (
    "Every entry of the bias' gradient is the same.",
    "Each entry of the bias reaches its own column alone.",
)


def shared_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of every cell; ``da`` is the gradient of what the bias is added to."""
    return (
        _of_bias(
            program,
            "summed over everything",
            lambda da: np.full(da.shape[1], da.sum()),
            "All rows and columns are added up to one single number.",
            *_ONE_NUMBER,
        ),
        _of_bias(
            program,
            "the mean of everything",
            lambda da: np.full(da.shape[1], da.mean()),
            "All rows and columns are averaged to one single number.",
            *_ONE_NUMBER,
        ),
        _of_bias(
            program,
            "summed over the features",
            lambda da: da.sum(axis=1),
            "The columns are added up in each row, instead of the rows in each column.",
            "The gradient of the bias has as many entries as the minibatch has rows.",
            SHAPE,
        ),
        _of_bias(
            program,
            "not summed",
            lambda da: da,
            "The rows are left side by side.",
            "The gradient of the bias has a row for each row of the minibatch.",
            SUM,
        ),
        program.instead(
            "the upstream gradient as the gradient of the state before",
            {"dh0": lambda dy: dy},
            "The gradient of the state is handed on as it came.",
            "The gradient of the state before does not depend on the recurrent weights.",
            "The state before reaches the state after through the recurrent weights.",
            "The line of the state before: the chain rule goes through the sum, and through the "
            "recurrent weights.",
            f"Go through the sum: `{STATE.formula}`.",
        ),
    )


def affine_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of a cell that adds both products and the bias, in the line ``a``."""
    return (
        program.instead(
            "the state after the step in the recurrent weights' gradient",
            {"dU": lambda output, da: output.T @ da},
            "The gradient of the recurrent weights is made with the state that the step gives, "
            "not with the one that it is given.",
            "With a state of zeros before the step, this gradient is not zero.",
            "The recurrent weights act on the state before the step; where that is zero they have "
            "no influence.",
            "The line of the recurrent weights: which state stands beside them in the forward "
            "pass?",
            f"Save the state before the step, and use it: `{RECURRENT.formula}`.",
        ),
        program.instead(
            "the bias is left out of the forward pass",
            {"a": lambda x, h0, input_weights, recurrent_weights, shift, bias: (
                x @ input_weights + h0 @ recurrent_weights + (shift - bias)
            )},
            "The sum inside the step has no bias.",
            "Changing the bias does not change the output.",
            "With an input and a state of zeros, the sum is the bias.",
            *_DEFINITION,
        ),
        program.instead(
            "the bias is added twice",
            {"a": lambda x, h0, input_weights, recurrent_weights, shift, bias: (
                x @ input_weights + h0 @ recurrent_weights + (shift + bias)
            )},
            "The bias enters the sum inside the step two times, once with each product.",
            "With an input and a state of zeros, the sum is twice the bias.",
            "With an input and a state of zeros, the sum is the bias.",
            *_DEFINITION,
        ),
        program.instead(
            "the state before is left out of the forward pass",
            {"a": lambda x, input_weights, shift: x @ input_weights + shift},
            "The sum inside the step has no product of the state.",
            "Another state before the step gives the same output.",
            "A recurrent layer remembers: its output depends on the state before.",
            *_DEFINITION,
        ),
        program.instead(
            "the input is left out of the forward pass",
            {"a": lambda h0, recurrent_weights, shift: h0 @ recurrent_weights + shift},
            "The sum inside the step has no product of the input.",
            "Another input gives the same output.",
            "The output depends on the step's input.",
            *_DEFINITION,
        ),
    )  # fmt: skip
