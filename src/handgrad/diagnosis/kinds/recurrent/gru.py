"""The cell of a GRU, and its mistakes."""

from __future__ import annotations

from itertools import product

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.lines import Lines, Program
from handgrad.diagnosis.kinds.recurrent.affine import GRADIENTS, PARAMETERS, shared_mistakes
from handgrad.diagnosis.kinds.recurrent.gates import Gate, beside, gate_mistakes, order_words, part
from handgrad.diagnosis.kinds.recurrent.walk import Cell
from handgrad.diagnosis.mistake import Mistake

__all__ = ["GRU", "OPTIONS", "gru_conventions", "gru_mistakes"]

OPTIONS = {"order": "rzn", "reset": "after", "mix": "z keeps"}
"""The gates' order; whether the reset comes before or after the product with the weights; and
whether the update gate keeps the state before or writes the candidate."""

GATES = (
    Gate("r", "the reset gate"),
    Gate("z", "the update gate"),
    Gate("n", "the candidate", tanh=True),
)

_AFTER = "after"


def _seen(h0: Array, r: Array, reset: str) -> Array:
    """Return the state as the candidate's recurrent weights see it."""
    return h0 if reset == _AFTER else r * h0


def _candidate(p: Array, order: str, r: Array, m: Array, reset: str) -> Array:
    """Return the argument of the candidate."""
    return np.asarray(part(p, order, "n") + (r * m if reset == _AFTER else m))


def _recurrent(h0: Array, seen: Array, dar: Array, daz: Array, dm: Array, places: str) -> Array:
    """Return the gradient of the recurrent weights."""
    return beside(places, {"r": h0.T @ dar, "z": h0.T @ daz, "n": seen.T @ dm})


def _through_gates(dar: Array, daz: Array, recurrent_weights: Array, order: str) -> Array:
    """Return the gradient of the state before that comes through the two gates."""
    U = recurrent_weights
    return np.asarray(dar @ part(U, order, "r").T + daz @ part(U, order, "z").T)


_BACKWARD: Lines = {
    "dn": lambda dy, keep: dy * (1 - keep),
    "dkeep": lambda dy, h0, n: dy * (h0 - n),
    "dz": lambda dkeep, mix: dkeep if mix == "z keeps" else -dkeep,
    **{f"d{gate.argument}": gate.slope(gate.tanh) for gate in GATES[1:]},
    "dm": lambda dan, r, reset: dan * r if reset == _AFTER else dan,
    "dseen": lambda dm, recurrent_weights, order: dm @ part(recurrent_weights, order, "n").T,
    "dr": lambda dan, m, dseen, h0, reset: dan * m if reset == _AFTER else dseen * h0,
    "dar": GATES[0].slope(tanh=False),
    "places": lambda order: order,
    "da": lambda places, dar, daz, dan: beside(places, {"r": dar, "z": daz, "n": dan}),
    **{name: GRADIENTS[name] for name in ("dx", "dW", "db")},
    "dU": _recurrent,
    "kept": lambda dy, keep: dy * keep,
    "through_gates": _through_gates,
    "through_candidate": lambda dseen, r, reset: dseen if reset == _AFTER else dseen * r,
    "dh0": lambda kept, through_gates, through_candidate: kept + through_gates + through_candidate,
    "drecurrent_bias": lambda dm: dm.sum(axis=0),
}

GRU = Cell(
    forward={
        "p": lambda x, input_weights, bias: x @ input_weights + bias,
        "q": lambda h0, recurrent_weights: h0 @ recurrent_weights,
        "ar": lambda p, q, order: part(p + q, order, "r"),
        "az": lambda p, q, order: part(p + q, order, "z"),
        "r": GATES[0].value(tanh=False),
        "z": GATES[1].value(tanh=False),
        "seen": _seen,
        "m": lambda seen, recurrent_weights, order, recurrent_bias: (
            seen @ part(recurrent_weights, order, "n") + recurrent_bias
        ),
        "an": _candidate,
        "n": GATES[2].value(tanh=True),
        "keep": lambda z, mix: z if mix == "z keeps" else 1 - z,
        "output": lambda keep, n, h0: (1 - keep) * n + keep * h0,
    },
    backward=_BACKWARD,
    states={"h0": "output"},
    upstream={"output": "dy"},
    parameters=(*PARAMETERS, "drecurrent_bias"),
    absent={"recurrent_bias": lambda recurrent_weights: np.zeros(len(recurrent_weights))},
)

_WAYS = (
    "The line of the state before: it reaches the state after by three ways, as what is kept, "
    "through the two gates and through the candidate.",
    "Add all three: what is kept, `dnext_h * z`; the gates' products with their recurrent "
    "weights; and the candidate's.",
)
_MIXED = (
    "The line of the mix: it is a sum of two products, and each factor has its own derivative.",
    "For `next_h = (1 - z) * n + z * prev_h` write `dn = dnext_h * (1 - z)` and "
    "`dz = dnext_h * (prev_h - n)`.",
)
_RESET = "The line of the candidate: what does the reset gate multiply?"
_DEFINITION = (
    "The definition of the step: the reset gate acts inside the candidate, and the update gate "
    "mixes the candidate with the state before.",
    "Write `next_h = (1 - z) * n + z * prev_h`, or with the two weights exchanged.",
)


_BEFORE = (
    "the reset before the product",
    "The reset gate multiplies the state, before the candidate's recurrent weights do.",
    "before",
)
_WRITES = (
    "an update gate that writes",
    "The update gate is the candidate's share, and the state before has the rest.",
    "z writes",
)


def _way(program: Program, way: str, line: str, symptom: str) -> Mistake:
    """Make the mistake that one way from the state before to the state after is forgotten."""
    return program.instead(
        f"{way} is left out of the gradient of the state before",
        {line: lambda dy: np.zeros_like(dy)},
        f"The gradient of the state before is made without {way}.",
        symptom,
        "A gradient is a sum over all ways to the output.",
        *_WAYS,
    )


def gru_mistakes(program: Program) -> tuple[Mistake, ...]:
    """Return the mistakes of the cell."""
    make = program.instead
    return (
        _way(
            program,
            "what is kept of it",
            "kept",
            "Where the update gate keeps everything, the state before has no gradient.",
        ),
        _way(
            program,
            "the way through the gates",
            "through_gates",
            "The columns of the two gates' recurrent weights do not matter for this gradient.",
        ),
        _way(
            program,
            "the way through the candidate",
            "through_candidate",
            "The columns of the candidate's recurrent weights do not matter for this gradient.",
        ),
        make(
            "the reset gate is left out of the gradient of the state before",
            {
                "through_candidate": lambda dan, dseen, recurrent_weights, order, reset: (
                    dan @ part(recurrent_weights, order, "n").T if reset == _AFTER else dseen
                )
            },
            "What comes back through the candidate reaches the state before as if the reset gate "
            "was open.",
            "Where the reset gate is closed, the candidate still hands something back.",
            "What is reset has no influence on the candidate.",
            _RESET,
            "Multiply by the reset gate what comes back through the candidate.",
        ),
        make(
            "the reset gate is left out of the recurrent weights' gradient",
            {
                "dU": lambda h0, seen, dar, daz, dan, dm, places, reset: _recurrent(
                    h0, h0, dar, daz, dan if reset == _AFTER else dm, places
                )
            },
            "The candidate's columns are made as if the reset gate was open.",
            "Where the reset gate is closed, the candidate's recurrent weights still learn.",
            "What is reset has no influence on the candidate.",
            _RESET,
            "Multiply by the reset gate in the candidate's columns too.",
        ),
        make(
            "the reset gate is left out of the second bias' gradient",
            {"drecurrent_bias": lambda dan: dan.sum(axis=0)},
            "The second bias is treated like the first one, which no gate multiplies.",
            "Where the reset gate is closed, the second bias still learns.",
            "What is reset has no influence on the candidate.",
            _RESET,
            "Multiply by the reset gate before the sum: `(da_n * r).sum(axis=0)`.",
        ),
        make(
            "what the reset gate multiplies is left out of its gradient",
            {"dr": lambda dan, dseen, reset: dan if reset == _AFTER else dseen},
            "The gradient of the reset gate has one factor instead of two.",
            "With a state of zeros before the step, the reset gate still learns.",
            "The derivative of a product by one factor is the other one.",
            _RESET,
            "Multiply by what stands beside the gate in the forward pass.",
        ),
        make(
            "the candidate and the kept state in each other's place",
            {"dn": lambda dy, keep: dy * keep},
            "The candidate's gradient has the share of the state before.",
            "Where the update gate keeps everything, the candidate still learns.",
            "What the update gate does not let in has no influence.",
            *_MIXED,
        ),
        make(
            "the update gate is left out of the candidate's gradient",
            {"dn": lambda dy: dy},
            "The gradient of the state goes to the candidate whole.",
            "Where the update gate keeps everything, the candidate still learns.",
            "What the update gate does not let in has no influence.",
            *_MIXED,
        ),
        make(
            "the sign of the update gate's gradient",
            {"dkeep": lambda dy, h0, n: dy * (n - h0)},
            "In the gradient of the update gate the difference is the other way round.",
            "A step against the gradient moves the update gate the wrong way.",
            "The more the gate keeps, the nearer is the state to the one before.",
            *_MIXED,
        ),
        make(
            "the candidate is left out of the update gate's gradient",
            {"dkeep": lambda dy, h0: dy * h0},
            "The gradient of the update gate is made with the state before alone.",
            "With a state of zeros before the step, the update gate does not learn.",
            "The update gate stands in both terms of the mix.",
            *_MIXED,
        ),
        make(
            "the state before is left out of the update gate's gradient",
            {"dkeep": lambda dy, n: -dy * n},
            "The gradient of the update gate is made with the candidate alone.",
            "Another state before the step, with the same candidate, gives the same gradient.",
            "The update gate stands in both terms of the mix.",
            *_MIXED,
        ),
        make(
            "the reset gate is left out of the forward pass",
            {"seen": lambda h0: h0, "an": lambda p, m, order: part(p, order, "n") + m},
            "The candidate sees the whole state before.",
            "The columns of the reset gate change nothing.",
            "Where the reset gate is closed, the candidate depends on the input alone.",
            *_DEFINITION,
        ),
        make(
            "the candidate does not see the state before",
            {"an": lambda p, order: part(p, order, "n")},
            "The candidate is made of the input alone.",
            "The candidate's recurrent weights change nothing.",
            "Where the reset gate is open, the candidate depends on the state before.",
            *_DEFINITION,
        ),
        make(
            "nothing is kept",
            {"output": lambda keep, n: (1 - keep) * n},
            "The state is the candidate's share alone.",
            "Where the update gate keeps everything, the state is zero.",
            "Where the update gate keeps everything, the state stays as it is.",
            *_DEFINITION,
        ),
        make(
            "the candidate is added whole",
            {"output": lambda keep, n, h0: n + keep * h0},
            "The candidate is not weighted, and so the two shares add up to more than 1.",
            "The state grows beyond 1 and -1.",
            "The state lies between the candidate and the state before.",
            *_DEFINITION,
        ),
        make(
            "the bias is left out of the forward pass",
            {"p": lambda x, input_weights: x @ input_weights},
            "The input's product has no bias.",
            "Changing the bias does not change the output.",
            "With an input and a state of zeros, the gates are made of the bias.",
            "The definition of the step: where the bias stands.",
            "Add the bias: `x @ Wx + b`.",
        ),
        make(
            "the second bias is left out of the forward pass",
            {"m": lambda seen, recurrent_weights, order: (
                seen @ part(recurrent_weights, order, "n")
            )},
            "The candidate's product with the state has no bias of its own.",
            "Changing the second bias does not change the output.",
            "With an input and a state of zeros, the candidate is made of both biases.",
            "The definition of the step: where the second bias stands.",
            "Add it to the candidate's product with the state.",
        ),
        *gate_mistakes(program, GATES),
        *shared_mistakes(program),
    )  # fmt: skip


def gru_conventions(program: Program) -> tuple[Mistake, ...]:
    """Return the other ways to write the cell, and all that can be made of them together."""
    ways = (
        (("", "", "after"), _BEFORE),
        (("", "", "z keeps"), _WRITES),
        (("", "", OPTIONS["order"]), *order_words(OPTIONS["order"])),
    )
    found = []
    for reset, mix, order in product(*ways):
        chosen = [way for way in (reset, mix, order) if way[0]]
        if chosen:
            name, explanation = "; ".join(w[0] for w in chosen), " ".join(w[1] for w in chosen)
            options = {"reset": reset[2], "mix": mix[2], "order": order[2]}
            found.append(program.under(name, explanation, **options))
    return tuple(found)
