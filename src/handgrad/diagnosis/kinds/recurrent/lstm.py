"""The cell of an LSTM, and its mistakes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.lines import Lines, Program, Renamed
from handgrad.diagnosis.kinds.recurrent.affine import (
    FORWARD,
    GRADIENTS,
    PARAMETERS,
    affine_mistakes,
    shared_mistakes,
)
from handgrad.diagnosis.kinds.recurrent.gates import Gate, beside, gate_mistakes, order_words, part
from handgrad.diagnosis.kinds.recurrent.walk import Cell
from handgrad.diagnosis.mistake import Formula, Mistake

__all__ = ["LSTM", "ORDER", "lstm_conventions", "lstm_mistakes"]

ORDER = "ifgo"
GATES = (
    Gate("i", "the input gate"),
    Gate("f", "the forget gate"),
    Gate("g", "the candidate", tanh=True),
    Gate("o", "the output gate"),
)

_BACKWARD: Lines = {
    "do": lambda dy, tanh_c: dy * tanh_c,
    "dc": lambda dcell, dy, o, tanh_c: dcell + dy * o * (1 - tanh_c**2),
    "di": lambda dc, g: dc * g,
    "df": lambda dc, c0: dc * c0,
    "dg": lambda dc, i: dc * i,
    "dc0": lambda dc, f: dc * f,
    **{f"d{gate.argument}": gate.slope(gate.tanh) for gate in GATES},
    "places": lambda order: order,
    "da": lambda places, dai, daf, dag, dao: beside(
        places, {"i": dai, "f": daf, "g": dag, "o": dao}
    ),
    **GRADIENTS,
}

LSTM = Cell(
    forward={
        **FORWARD,
        **{
            gate.argument: Renamed(partial(part, letter=gate.letter), ("a", "order"))
            for gate in GATES
        },
        **{gate.letter: gate.value(gate.tanh) for gate in GATES},
        "cell": lambda f, c0, i, g: f * c0 + i * g,
        "tanh_c": lambda cell: np.tanh(cell),
        "output": lambda o, tanh_c: o * tanh_c,
    },
    backward=_BACKWARD,
    states={"h0": "output", "c0": "cell"},
    upstream={"output": "dy", "cell": "dcell"},
    parameters=PARAMETERS,
    absent={},
)

_CELL = (
    "The line of the cell: it reaches the loss by two ways, as the next step's cell and through "
    "the state.",
    "Add both: `dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c)**2)`.",
)
_UPDATE = "The line of the cell: the derivative of a product by one factor is the other one."


def _cell(program: Program, name: str, line: Formula, *words: str) -> Mistake:
    """Make the mistake that the gradient of the cell is another one."""
    return program.instead(name, {"dc": line}, *words, *_CELL)


def _definition(program: Program, name: str, lines: Lines, *words: str) -> Mistake:
    """Make a mistake in the forward pass."""
    return program.instead(
        name,
        lines,
        *words,
        "The definition of the step: what is kept and what is new make the cell, and its tanh is "
        "let through to the state.",
        "Write `next_c = f * prev_c + i * g` and `next_h = o * np.tanh(next_c)`.",
    )


def _where_asked(name: str, of: Mistake) -> Mistake:
    """Let a mistake be made where an input is given alone, whose gradient tells it from another.

    A sequence whose last cell goes nowhere hands zeros back from the end on, and where nobody asks
    for the first cell's gradient that is as if nothing was handed back.
    """

    def wrong(given: Given, right: Results) -> Results:
        if name not in given:
            raise KeyError(name)
        return of.wrong(given, right)

    return replace(of, wrong=wrong)


def lstm_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of the cell."""
    cell, definition = partial(_cell, program), partial(_definition, program)
    return (
        cell(
            "the cell's gradient through the state is left out",
            lambda dcell: dcell,
            "The gradient of the cell is the one that the step after hands back, and nothing else.",
            "If only the state has an upstream gradient, only the output gate learns.",
            "The state is made of the cell, so that the cell has a part in its gradient.",
        ),
        cell(
            "the cell's gradient from the step after is left out",
            lambda dy, o, tanh_c: dy * o * (1 - tanh_c**2),
            "The gradient of the cell is the one through the state alone.",
            "An upstream gradient of the cell changes nothing.",
            "The cell is handed on to the next step, so that its gradient comes back from there.",
        ),
        cell(
            "the cell in place of its tanh in the derivative",
            lambda dcell, dy, o, cell: dcell + dy * o * (1 - cell**2),
            "The derivative of tanh is written with the cell, where the tanh of the cell belongs.",
            "Where the cell is beyond 1, the slope is negative.",
            "The slope of tanh lies between 0 and 1, wherever its argument is.",
        ),
        cell(
            "the state in place of the cell's tanh in the derivative",
            lambda dcell, dy, o, output: dcell + dy * o * (1 - output**2),
            "The derivative of tanh is written with the state, which has the output gate in it.",
            "Where the output gate is closed, the slope is 1 wherever the cell is.",
            "The slope of tanh depends on its argument, the cell, alone.",
        ),
        cell(
            "the derivative of the cell's tanh is left out",
            lambda dcell, dy, o: dcell + dy * o,
            "The gradient of the state goes to the cell as if there was no tanh.",
            "A large cell has as large a gradient as a small one.",
            "Where the tanh is flat, the cell has no influence on the state.",
        ),
        cell(
            "the output gate is left out of the cell's gradient",
            lambda dcell, dy, tanh_c: dcell + dy * (1 - tanh_c**2),
            "The gradient of the state goes to the cell as if the output gate was open.",
            "Where the output gate is closed, the state's gradient still reaches the cell.",
            "What the output gate does not let out has no influence on the state.",
        ),
        program.instead(
            "the cell in place of its tanh in the output gate's gradient",
            {"do": lambda dy, cell: dy * cell},
            "The gradient of the output gate is made with the cell, where its tanh belongs.",
            "A large cell makes the gradient of the output gate large.",
            "The output gate multiplies the tanh of the cell, which is at most 1.",
            "The line of the state: the derivative of a product by one factor is the other one.",
            "The other factor is the tanh: `do = dnext_h * np.tanh(next_c)`.",
        ),
        program.instead(
            "the cell after the step in the forget gate's gradient",
            {"df": lambda dc, cell: dc * cell},
            "The gradient of the forget gate is made with the cell that the step gives, not with "
            "the one that it is given.",
            "With a cell of zeros before the step, this gradient is not zero.",
            "The forget gate acts on the cell before; where that is zero it has no influence.",
            _UPDATE,
            "Save the cell before the step, and use it: `df = dc * prev_c`.",
        ),
        program.instead(
            "the input gate in place of the candidate, and the other way round",
            {"di": lambda dc, i: dc * i, "dg": lambda dc, g: dc * g},
            "The gradient of each factor is made with this factor and not with the other one.",
            "Where the candidate is zero, the input gate's gradient is not zero.",
            "The derivative of a product by one factor is the other factor.",
            _UPDATE,
            "Exchange them: `di = dc * g` and `dg = dc * i`.",
        ),
        program.instead(
            "the forget gate is left out of the gradient of the cell before",
            {"dc0": lambda dc: dc},
            "The gradient of the cell is handed back as if nothing was forgotten.",
            "Where the forget gate is closed, the cell before still has a gradient.",
            "What is forgotten has no influence.",
            _UPDATE,
            "Multiply by the forget gate: `dprev_c = dc * f`.",
        ),
        _where_asked(
            "c0",
            program.instead(
                "the gradient of the cell before knows nothing of the state",
                {"dc0": lambda dcell, f: dcell * f},
                "The upstream gradient of the cell is handed back without the part that comes "
                "through the state.",
                "If only the state has an upstream gradient, the cell before has none.",
                "The cell before reaches the state through the cell after.",
                *_CELL[:1],
                "Hand back the whole gradient of the cell: `dprev_c = dc * f`.",
            ),
        ),
        program.instead(
            "the input gate in the gradient of the cell before",
            {"dc0": lambda dc, i: dc * i},
            "The gradient of the cell is handed back through the input gate.",
            "Where the forget gate is closed, the cell before still has a gradient.",
            "What is forgotten has no influence.",
            _UPDATE,
            "Multiply by the forget gate: `dprev_c = dc * f`.",
        ),
        program.instead(
            "the upstream gradient of the cell before its gates",
            {"di": lambda dcell, g: dcell * g, "df": lambda dcell, c0: dcell * c0,
             "dg": lambda dcell, i: dcell * i},
            "The gates get the upstream gradient of the cell, without the part that comes through "
            "the state.",
            "If only the state has an upstream gradient, these gates do not learn.",
            "The gates make the cell, and the cell makes the state.",
            *_CELL[:1],
            "Use the whole gradient of the cell, `dc`, for all three gates.",
        ),
        definition(
            "the cell's tanh is left out",
            {"tanh_c": lambda cell: cell},
            "The state is the cell itself times the output gate.",
            "The state has entries beyond 1 and -1.",
            "The state lies between -1 and 1.",
        ),
        definition(
            "the output gate is left out",
            {"output": lambda tanh_c: tanh_c},
            "The state is the tanh of the cell, all of it.",
            "The columns of the output gate change nothing.",
            "Where the output gate is closed, the state is zero.",
        ),
        definition(
            "the input gate is left out",
            {"cell": lambda f, c0, g: f * c0 + g},
            "The candidate enters the cell whole.",
            "The columns of the input gate change nothing.",
            "Where the input gate is closed, nothing new enters the cell.",
        ),
        definition(
            "the forget gate is left out",
            {"cell": lambda c0, i, g: c0 + i * g},
            "The cell before is kept whole.",
            "The columns of the forget gate change nothing.",
            "Where the forget gate is closed, the cell before is forgotten.",
        ),
        definition(
            "the cell before is left out",
            {"cell": lambda i, g: i * g},
            "The cell is made of what is new alone.",
            "Another cell before the step gives the same result.",
            "An open forget gate keeps the cell before.",
        ),
        definition(
            "the forget gate the wrong way round",
            {"cell": lambda f, c0, i, g: (1 - f) * c0 + i * g},
            "What is kept of the cell before is 1 minus the forget gate.",
            "Where the forget gate is 1, the cell before is lost.",
            "The forget gate says how much stays: 1 is all of it.",
        ),
        *gate_mistakes(program, GATES),
        *affine_mistakes(program),
        *shared_mistakes(program),
    )  # fmt: skip


def lstm_conventions(program: Program) -> tuple[Mistake, ...]:
    """Return the other ways to write the cell."""
    return tuple(
        program.under(name, explanation, order=order)
        for name, explanation, order in order_words(ORDER)
    )
