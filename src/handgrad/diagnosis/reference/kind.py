"""The kind of component that a reference is: made on the spot, from what the reference does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance
from handgrad.checking.truth import central_differences
from handgrad.diagnosis.findings import Failure
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import SQUARES, Kind, Shapes
from handgrad.diagnosis.reference.code import Code, Place
from handgrad.diagnosis.reference.inputs import arguments
from handgrad.diagnosis.reference.interface import Interface
from handgrad.diagnosis.reference.mistakes import mistakes_of
from handgrad.diagnosis.student.student import seeded
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["ReferenceKind"]

ENTRIES = 40
"""How many entries of a variable are differentiated, to see which gradient is its own."""
KEPT = 64
"""Of how many inputs it is kept what is right for them."""


class ReferenceKind(Kind):
    """What a reference computes is right.

    Which of its results is the gradient of what is not asked: each array that it is given is
    differentiated numerically, and its gradient is the result that agrees. A reference that gives
    something which is the gradient of nothing is not right, and a StudentError says so.

    Parameters
    ----------
    truth
        The reference.
    inputs
        The function of its file that makes the arguments, or None.
    """

    name = "reference"
    words = ()

    def __init__(self, truth: Code, inputs: Callable[..., Any] | None = None) -> None:
        self.inputs = inputs
        self.interface = Interface(truth)
        self._states: dict[tuple[str, bytes], Any] = {}
        self._known: dict[tuple[Any, ...], tuple[Results, Results]] = {}
        given = self._given(0, 0, self.shapes[0])
        seeded(given.seed)
        before = np.random.get_state()
        seen = self._run(given, backward=False)
        after = np.random.get_state()
        self._draws = any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        self.interface.outputs = tuple(seen)
        self._set_upstream(given, seen, np.random.default_rng(0))
        self.interface.places = self._places(given)
        variables = {f"d{name}": name for name in self._variables(given)}
        self._describe({q: v for q, v in variables.items() if q in self.interface.places})

    def _describe(self, variables: dict[str, str]) -> None:
        """Set what the engine reads of a kind."""
        outputs = self.interface.outputs
        words = {"value": "value", "output": "output"}
        described: dict[str, Any] = {
            "titles": {name: words.get(name, f"{name}") for name in outputs}
            | {quantity: f"gradient of {v}" for quantity, v in variables.items()},
            "forwards": outputs,
            "upstream": self.interface.upstream,
            "variables": variables,
            "mistakes": mistakes_of(outputs, tuple(variables)),
            "square": SQUARES if self.inputs is None else (),
        }
        for name, value in described.items():
            setattr(self, name, value)

    # What it is given.

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [self._whole(seed, i, sizes) for i, sizes in enumerate(shapes)]

    def _whole(self, seed: int, trial: int, sizes: tuple[int, ...]) -> Given:
        given = self._given(seed, trial, sizes)
        outputs = self._run(given, backward=False)
        self._set_upstream(given, outputs, np.random.default_rng([seed, trial, 1]))
        return given

    def _given(self, seed: int, trial: int, sizes: tuple[int, ...]) -> Given:
        """Return the arguments and the parameters of a trial, without upstream gradients."""
        rng = np.random.default_rng([seed, trial])
        constructor, call = arguments(self.interface.truth, self.inputs, rng, sizes)
        arrays = {name: value for name, value in call.items() if isinstance(value, np.ndarray)}
        if not arrays:
            raise StudentError.missing(
                "what the reference is given", "no argument is an array", "Return arrays."
            )
        options = {name: value for name, value in call.items() if name not in arrays}
        options |= {"arguments": tuple(call), "constructor": constructor}
        label = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        first = next(iter(arrays.values()))
        count = dict(zip(("N", "D"), first.shape[:1] + first.shape[1:][-1:], strict=False))
        given = Given(label, count, arrays, options=options, seed=1000 * trial + seed)
        truth = self.interface.truth
        slots = truth.slots(truth.begin(given))
        given.parameters = {n: _stirred(n, slot.array, rng) for n, slot in slots.items()}
        self.interface.parameters = tuple(slots)
        return given

    def _set_upstream(self, given: Given, outputs: Results, rng: np.random.Generator) -> None:
        for output, name in self.interface.upstream.items():
            dy = rng.standard_normal(outputs[output].shape)
            if name == "dy":
                given.dy = dy
            else:
                given.upstream[name] = dy

    # What is right.

    def begins(self, given: Given) -> None:
        """Note the random state in which somebody's passes begin, for the reference's own."""
        self._states[_key(given)] = np.random.get_state()

    def right(self, given: Given, seen: Results) -> Results:
        arrays = (*given.arrays.values(), *given.parameters.values())
        key = (given.seed, *(array.tobytes() for array in arrays))
        if self._draws or key not in self._known:  # a repair asks for the same again and again
            ones = {name: np.ones_like(given[name]) for name in self.interface.upstream.values()}
            ignored = self._run(given.changed(**ones)) if ones else {}
            if len(self._known) > KEPT:
                self._known.clear()
            self._known[key] = self._run(given), {q: ignored[q] for q in self.variables if ones}
        results, given.derived["ignored"] = self._known[key]
        return dict(results)

    def _run(self, given: Given, backward: bool = True) -> Results:
        """Return what the reference gives, on copies, with the random numbers that all get."""
        truth, mine = self.interface.truth, given.copied()
        seeded(given.seed)
        run = truth.begin(mine)
        self.interface.place(truth, run, mine)
        seeded(given.seed)
        if (state := self._states.get(_key(given))) is not None:
            np.random.set_state(state)
        results = self.interface.forward(truth, run, mine)
        return {**results, **self.interface.backward(truth, run, mine)} if backward else results

    # Which gradient is whose.

    def _variables(self, given: Given) -> list[str]:
        arrays = {**given.inputs, **given.parameters}
        return [name for name, array in arrays.items() if array.dtype.kind == "f"]

    def _places(self, given: Given) -> dict[str, Place]:
        """Return for each gradient the place of the result that agrees with the slopes."""
        truth, mine = self.interface.truth, given.copied()
        seeded(given.seed)
        run = truth.begin(mine)
        self.interface.place(truth, run, mine)
        seeded(given.seed)
        self.interface.forward(truth, run, mine)
        upstream = [mine[name] for name in self.interface.upstream.values()]
        results = truth.backward(run, mine, upstream)
        found: dict[str, Place] = {}
        for variable in self._variables(given):
            places, slopes = self._slopes(given, variable)
            for place, value in results.items():
                if place in found.values() or not np.any(slopes):
                    continue
                array = np.asarray(value)
                fits = array.size == given[variable].size and array.dtype.kind == "f"
                if fits and distance(array.ravel()[places], slopes) <= 1e-5:
                    found[f"d{variable}"] = place
                    break
        wrong = [p for p in results if p[0] == "returned" and p not in found.values()]
        wrong = [p for p in wrong if np.any(np.asarray(results[p], dtype=float))]
        if wrong or not found:
            where = f"result {wrong[0][1:]} of its backward pass" if wrong else "what it returns"
            error = f"{where} agrees with the slopes of none of its arguments"
            hint = "A reference has to be right: mend it, or choose arguments away from kinks."
            raise StudentError(Failure(f"looking at the reference {truth.name}", error, hint=hint))
        return found

    def _slopes(self, given: Given, variable: str) -> tuple[Array, Array]:
        """Return places in a flattened variable, and the slopes along them."""
        start = np.array(given[variable], dtype=np.float64)
        places = np.arange(start.size)
        if start.size > ENTRIES:
            places = np.random.default_rng(0).choice(places, ENTRIES, replace=False)
        upstream = self.interface.upstream
        outputs = list(upstream) or self.interface.outputs[:1]
        ends = [given[name].ravel() for name in upstream.values()]

        def forward(steps: Array) -> Array:
            values = start.copy()
            values.ravel()[places] += steps
            seen = self._run(given.changed(**{variable: values}), backward=False)
            return np.concatenate([seen[name].ravel() for name in outputs])

        dy = np.concatenate(ends) if ends else np.ones(1)
        return places, np.asarray(central_differences(forward, np.zeros(places.size), dy))


def _key(given: Given) -> tuple[str, bytes]:
    return given.label, given.x.tobytes()


def _stirred(name: str, array: Array, rng: np.random.Generator) -> Array:
    """Return a parameter with random values, a running statistic as it is."""
    if "running" in name or "moving" in name or "var" in name:
        return array.copy()
    return array + rng.standard_normal(array.shape)
