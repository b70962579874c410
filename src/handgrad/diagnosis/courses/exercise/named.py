"""Layers that keep the exercise's calls, and call their parameters what people call them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student.arrays import Slot, walk, words
from handgrad.diagnosis.student.subject import StudentError, Subject, ask, numbers

__all__ = ["NamedStudent"]


@cache
def _customary() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what parameters, statistics and options are called, by what we call them."""
    text = files("handgrad.diagnosis.courses.exercise").joinpath("customary.toml").read_text("utf-8")
    return {
        what: {name: tuple(map(_plain, others)) for name, others in table.items()}
        for what, table in tomllib.loads(text).items()
    }


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _known(what: str, name: str) -> tuple[str, ...]:
    return _customary()[what].get(name, (_plain(name),))


class NamedStudent(ExerciseStudent):
    """A class whose parameters, statistics and options are found by their customary names.

    Gradients are what `grad` returns, one array or several, or lie in the object: in a dict
    `gradients`, or under names such as ``dgamma`` and ``grad_W``.
    """

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(kind, subject, own)
        self.statistics = [n for n in _customary()["statistics"] if f"new_{n}" in kind.titles]

    def suited(self, given: Given) -> Given:
        """Leave options that the constructor does not take at what they are without being asked."""
        taken = self._taken(given)
        left = {n: v for n, v in self.kind.defaults.items() if n not in taken}
        values = {n: given[v] if isinstance(v, str) and v in given else v for n, v in left.items()}
        return self.kind.fitted(given.changed(**values))

    def _taken(self, given: Given) -> dict[str, str]:
        """Return which argument of the constructor an option is given as, by option."""
        free = list(given.options)
        taken: dict[str, str] = {}
        for name, needed in self.subject.arguments().items():
            known = [o for o in free if _plain(name) in _known("options", o)]
            option = known[0] if known else free[0] if needed and free else None
            if option is not None:
                taken[option] = name
                free.remove(option)
        return taken

    def start(self, given: Given) -> Any:
        arguments = {name: given[option] for option, name in self._taken(given).items()}
        thing = self.subject.make(**arguments)
        self.place(thing, given)
        return thing

    def place(self, thing: Any, given: Given) -> None:
        for name, values in given.parameters.items():
            slot = self._slot(thing, "parameters", name)
            if slot is None:
                raise StudentError.missing(
                    f"the {name} of {self.name}",
                    f"no attribute of {self.name} is called {name}",
                    f"Keep it in an attribute, made in the constructor: self.{name}.",
                )
            slot.write(_shaped(values, slot.array))
        for name in self.statistics:
            slot = self._slot(thing, "statistics", name)
            if slot is not None and given[name] is not None:
                slot.write(_shaped(given[name], slot.array))
        for option in ("epsilon", "momentum", "share_of_old"):
            for attribute in list(getattr(thing, "__dict__", {})):
                if option in given and _plain(attribute) in _known("options", option):
                    setattr(thing, attribute, given[option])

    def _slot(self, thing: Any, what: str, name: str) -> Slot | None:
        """Return where in an object an array of this meaning is, and no gradient of it."""
        for known in _known(what, name):
            for slot in walk(thing):
                plain, gradient = words(slot.path)
                if plain == known and not gradient:
                    return slot
        return None

    def parameters(self, thing: Any) -> Results:
        slots = {n: self._slot(thing, "parameters", n) for n in self.kind.variables.values()}
        return {name: slot.array for name, slot in slots.items() if slot is not None}

    def forward(self, thing: Any, given: Given) -> Results:
        results = super().forward(thing, given)
        for name in self.statistics:
            slot = self._slot(thing, "statistics", name)
            if slot is not None:
                array = numbers(slot.raw, f"the {name}")
                results[f"new_{name}"] = _like(array, given[f"running_{name[8:]}"])
        return results

    def evaluate(self, given: Given) -> Results:
        if "evaluation" not in self.kind.titles:
            return {}
        thing = self.start(given)
        doing = f"calling {self.name} in evaluation mode"
        if callable(getattr(thing, "eval", None)):
            ask(thing, ("eval",), (), doing)
        elif hasattr(thing, "training"):
            thing.training = False
        else:
            return {}
        return {"evaluation": super().forward(thing, given.copied())["output"]}

    def backward(self, thing: Any, given: Given) -> Results:
        found = self._sorted(self.returned(thing, given), given)
        for quantity, variable in self.kind.variables.items():
            for known in _known("parameters", variable):
                for slot in walk(thing):
                    if quantity not in found and words(slot.path) == (known, True):
                        found[quantity] = np.array(slot.array)
        return {quantity: _like(a, given[self.kind.variables[quantity]]) for quantity, a in found.items()}

    def _sorted(self, returned: Any, given: Given) -> Results:
        """Return the gradients that were returned, by what they are named, or fit, or in order."""
        variables = self.kind.variables
        if isinstance(returned, Mapping):
            named = {words((str(key),))[0]: value for key, value in returned.items()}
            return {
                quantity: numbers(named[known], f"the {self.kind.titles[quantity]}")
                for quantity, variable in variables.items()
                for known in _known("parameters", variable)
                if known in named
            }
        if not isinstance(returned, tuple):
            return {"dx": numbers(returned, "the gradient")}
        found: Results = {}
        for value in returned:
            if value is None or isinstance(value, Mapping):
                continue
            array = numbers(value, "a returned gradient")
            free = [quantity for quantity in variables if quantity not in found]
            fits = [q for q in free if _like(array, given[variables[q]]).shape == given[variables[q]].shape]
            if fits or free:
                found[(fits or free)[0]] = array
        return found


def _shaped(values: Array, like: Array) -> Array:
    """Return values in the shape in which an object keeps them, where axes of size 1 differ."""
    if values.size == like.size and np.squeeze(values).shape == np.squeeze(like).shape:
        return values.reshape(like.shape)
    return values


def _like(array: Array, variable: Array) -> Array:
    """Return a gradient in its variable's shape, where axes of size 1 alone differ."""
    return _shaped(array, variable)
