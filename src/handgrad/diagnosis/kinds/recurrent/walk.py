"""A step of a recurrent layer by itself, and walked through sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.lines import Lines, Program, Ready, Straight, evaluate, ready

__all__ = ["Cell", "Walk", "step"]


def _zeros(x: Array, recurrent_weights: Array) -> Array:
    return np.zeros((len(x), len(recurrent_weights)))


@dataclass(frozen=True)
class Cell:
    """What a recurrent layer does at each step.

    `states` says which quantity of one step the next one is given, and under which name;
    `upstream` how the gradients of these quantities are called.
    """

    forward: Lines
    backward: Lines
    states: Mapping[str, str]
    upstream: Mapping[str, str]
    parameters: Sequence[str]
    """The gradients of parameters, which add up over the steps."""
    absent: Lines

    @property
    def zeros(self) -> Lines:
        """What stands for initial states and biases that are not given."""
        return {**dict.fromkeys(self.states, _zeros), **self.absent}


def step(cell: Cell) -> Program:
    """Return one step of a cell as a component: all states are outputs."""
    gradients = [*cell.parameters, "dx", *(f"d{state}" for state in cell.states)]
    quantities = [*cell.upstream, *gradients]
    return Straight({**cell.forward, **cell.backward}, cell.zeros, quantities)


class Walk(Program):
    """A cell that goes through sequences: the output is the state after each step.

    Beside the cell's own lines these can be replaced. The first two are worked out at step `t` of
    `T`, the last ones at the end.

    ``h0 of the step``, ``c0 of the step``
        The state that a step is given; `before` is what the step before has left, `initial` what
        the first one is given.
    ``dy of the step``, ``dcell of the step``
        The gradient of what a step gives; `dys` is the upstream gradient of all steps, `later`
        what the step after has handed back.
    ``output of all``, ``dx of all``, ``dW of all``, ``dh0 of all``, ...
        What is returned; `stack` is what each step gives, the steps first, and `steps` all that is
        known of each.
    """

    def __init__(self, cell: Cell) -> None:
        gradients = [*cell.parameters, "dx", *(f"d{state}" for state in cell.states)]
        super().__init__(cell.zeros, ["output", *gradients])
        self.cell = cell
        self.forward, self.backward = ready(cell.forward), ready(cell.backward)
        usual: dict[str, Callable[..., Array]] = dict.fromkeys(cell.parameters, _sum)
        usual |= {
            "output": _in_a_row,
            "dx": _in_a_row,
            **{f"d{name}": _first for name in cell.states},
        }
        self.given = ready({f"{name} of the step": _same for name in cell.states})
        self.handed = ready(
            {
                f"{dy} of the step": _handed_in if output == "output" else _handed_back
                for output, dy in cell.upstream.items()
            }
        )
        self.gathered = ready({f"{name} of all": usual[name] for name in self.quantities})

    def worked_out(self, known: dict[str, Any], instead: Ready) -> Mapping[str, Any]:
        x, states, upstream = known["x"], self.cell.states, self.cell.upstream
        T = x.shape[1]
        initial = state = {name: known[name] for name in states}
        fixed = {**known, "T": T, "dys": known["dy"]}
        steps: list[dict[str, Any]] = []
        for t in range(T):
            here = {**fixed, "t": t, "x": x[:, t]}
            for name, before in state.items():
                about = {"before": before, "initial": initial[name], "t": t}
                here[name] = _one(f"{name} of the step", self.given, instead, about)
            evaluate(self.forward, instead, here)
            state = {name: here[output] for name, output in states.items()}
            steps.append(here)
        later: dict[str, Array] = {name: np.zeros_like(array) for name, array in state.items()}
        for here in reversed(steps):
            for name, output in states.items():
                about = {"later": later[name], "dys": known["dy"], "t": here["t"], "T": T}
                dy = upstream[output]
                here[dy] = _one(f"{dy} of the step", self.handed, instead, about)
            evaluate(self.backward, instead, here)
            later = {name: here[f"d{name}"] for name in states}
        found = {}
        for name in self.quantities:
            about = {"stack": np.array([here[name] for here in steps]), "steps": steps}
            found[name] = _one(f"{name} of all", self.gathered, instead, about)
        return found


def _one(name: str, lines: Ready, instead: Ready, known: dict[str, Any]) -> Any:
    """Work out one of some lines."""
    formula, arguments = instead.get(name, lines[name])
    return formula(*[known[argument] for argument in arguments])


def _same(before: Array) -> Array:
    return before


def _handed_in(dys: Array, t: int, later: Array) -> Array:
    """Return the gradient of a state that is an output, and is handed on to the next step."""
    return np.asarray(dys[:, t] + later)


def _handed_back(later: Array) -> Array:
    """Return the gradient of a state that is only handed on."""
    return later


def _in_a_row(stack: Array) -> Array:
    return stack.swapaxes(0, 1)


def _sum(stack: Array) -> Array:
    return np.asarray(stack.sum(axis=0))


def _first(stack: Array) -> Array:
    return np.asarray(stack[0])
