"""Layers that keep the exercise's calls, and call their parameters what people call them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Stress
from handgrad.diagnosis.student.arrays import Slot, named, walk
from handgrad.diagnosis.student.subject import StudentError, Subject, ask, numbers

__all__ = ["NamedStudent"]


@cache
def _customary(what: str) -> dict[str, tuple[str, ...]]:
    """Return what parameters, statistics or options are called, by what we call them."""
    text = Path(__file__).with_name("customary.toml").read_text(encoding="utf-8")
    table: dict[str, list[str]] = tomllib.loads(text)[what]
    return {name: tuple(map(_plain, (name, *others))) for name, others in table.items()}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())


class NamedStudent(ExerciseStudent):
    """A class whose parameters, statistics and options are found by their customary names.

    Gradients are what `grad` returns, one array or several, or lie in the object: in a dict
    `gradients`, or under names such as ``dgamma`` and ``grad_W``.
    """

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(kind, subject, own)
        self.found: dict[str, Any] = {}
        """The options of a finished object."""
        if not subject.is_class:
            self.kind = kind = kind.sized(self._sizes(kind))
        given = kind.givens(kind.shapes[:1], 0)[0]
        self.statistics = [name for name in _customary("statistics") if name in given]
        self.taken = self._taken(given)

    def _taken(self, given: Given) -> dict[str, str]:
        """Return as which argument of the constructor an option is given, by option."""
        free, taken = list(given.options), {}
        needed = self.subject.needed()
        for argument in self.subject.arguments():
            known = [o for o in free if _plain(argument) in _customary("options").get(o, ())]
            option = (known or free)[0] if free and (known or argument in needed) else None
            if option is not None:
                taken[option] = argument
                free.remove(option)
        return taken

    def _sizes(self, kind: Kind) -> dict[str, Any]:
        """Return the sizes of a finished object's parameters, by their axes, and its options."""
        thing, given = self.subject.make(), kind.givens(kind.shapes[:1], 0)[0]
        sizes: dict[str, Any] = {}
        for attribute, value in getattr(thing, "__dict__", {}).items():
            for option, known in _customary("options").items():
                if option in given and _plain(attribute) in known:
                    several = isinstance(value, tuple) and len(set(value)) == 1
                    sizes.setdefault(option, value[0] if several else value)
        slots = list(walk(thing))
        for name in given.parameters:
            slot, axes = self._slot(slots, "parameters", name), kind.axes_of(name).split()
            full = [] if slot is None else [size for size in slot.array.shape if size != 1]
            shape = full if slot is None or len(axes) != slot.array.ndim else slot.array.shape
            sizes |= dict(zip(axes, shape, strict=False))
        self.found = {n: v for n, v in sizes.items() if n in given.options}
        return sizes

    def suited(self, given: Given) -> Given:
        """Leave what the constructor does not take at what it is without being asked for."""
        left = {n: value for n, value in self.kind.defaults.items() if n not in self.taken}
        values = {n: given[v] if isinstance(v, str) and v in given else v for n, v in left.items()}
        given = self.kind.fitted(given.changed(**values | self.found))
        for name in self.kind.absent:
            given.inputs.pop(name, None)  # an initial state, which the exercise's calls do not have
            if name in given.parameters and name not in self._parameters(given):
                del given.parameters[name]
        return given

    def _parameters(self, given: Given) -> Results:
        """Return the parameters of a new object."""
        arguments = {argument: given[option] for option, argument in self.taken.items()}
        return self.parameters(self.subject.make(**arguments))

    def stresses(self, seed: int) -> list[Stress]:
        found = super().stresses(seed)
        if self.subject.is_class:
            return found
        usual = self.kind.givens(self.kind.shapes[:1], seed)[0]
        plain = self.kind.stresses(seed)
        return [
            stress
            for stress, asked in zip(found, plain, strict=True)
            if all(_alike(given, usual) for given in asked.givens)
        ]

    def start(self, given: Given) -> Any:
        arguments = {argument: given[option] for option, argument in self.taken.items()}
        thing = self.subject.make(**arguments)
        self.place(thing, given)
        return thing

    def place(self, thing: Any, given: Given) -> None:
        slots = list(walk(thing)) if given.parameters else []
        for name, values in given.parameters.items():
            slot = self._slot(slots, "parameters", name)
            if slot is None:
                raise StudentError.missing(
                    f"the parameter {name} of {self.name}",
                    f"no attribute of {self.name} is called {name}",
                    f"Keep it in an attribute, made in the constructor: self.{name}.",
                )
            if not _fits(values, slot.array):
                raise StudentError.missing(
                    f"the parameter {name} of {self.name}",
                    f"self.{slot.name} has shape {slot.array.shape}, where {values.shape} is asked "
                    f"for {given.label}",
                    "Make it in the constructor, from the sizes that this is given.",
                )
            slot.write(_shaped(values, slot.array))
        for option in self.kind.settable:
            for attribute in list(getattr(thing, "__dict__", ())):
                if _plain(attribute) in _customary("options")[option]:
                    setattr(thing, attribute, given[option])

    @staticmethod
    def _slots(slots: Sequence[Slot], what: str, name: str, gradient: bool) -> Iterator[Slot]:
        """Yield those of an object's arrays that are of this meaning, the likeliest name first."""
        for known in _customary(what)[name]:
            yield from (slot for slot in slots if named(slot.path, (known,)) == (known, gradient))

    def _slot(self, slots: Sequence[Slot], what: str, name: str) -> Slot | None:
        return next(self._slots(slots, what, name, gradient=False), None)

    def parameters(self, thing: Any) -> Results:
        given = self.kind.givens(self.kind.shapes[:1], 0)[0]
        every = list(walk(thing))
        slots = {name: self._slot(every, "parameters", name) for name in given.parameters}
        return {name: slot.array for name, slot in slots.items() if slot is not None}

    def forward(self, thing: Any, given: Given) -> Results:
        for name, slot in self._statistics(thing).items():
            if given[name] is not None:
                slot.write(_shaped(given[name], slot.array))
        results = super().forward(thing, given)
        for name, slot in self._statistics(thing).items():
            moved = numbers(slot.raw, f"the {name}")
            results[f"new_{name}"] = _shaped(moved, given["gamma"])
        return results

    def _statistics(self, thing: Any) -> dict[str, Slot]:
        """Return where the running statistics are, those that it has."""
        slots = list(walk(thing)) if self.statistics else []
        found = {name: self._slot(slots, "statistics", name) for name in self.statistics}
        return {name: slot for name, slot in found.items() if slot is not None}

    def evaluate(self, given: Given) -> Results:
        if "evaluation" not in self.kind.titles:
            return {}
        thing = self.start(given)
        if callable(getattr(thing, "eval", None)):
            ask(thing, ("eval",), (), f"calling {self.name}.eval()")
        elif hasattr(thing, "training"):
            thing.training = False
        else:
            return {}
        return {"evaluation": self.forward(thing, given.copied())["output"]}

    def backward(self, thing: Any, given: Given) -> Results:
        variables = self.kind.variables
        found = self._sorted(self.returned(thing, given), given)
        slots = list(walk(thing)) if len(found) < len(variables) else []
        for quantity, name in variables.items():
            if quantity not in found and name in given.parameters:
                slot = next(self._slots(slots, "parameters", name, gradient=True), None)
                if slot is not None:
                    found[quantity] = np.array(slot.array)
        asked = {q: array for q, array in found.items() if variables[q] in given}
        return {q: _shaped(array, given[variables[q]]) for q, array in asked.items()}

    def _sorted(self, returned: Any, given: Given) -> Results:
        """Return the gradients that were returned: by their names, else by shape and order."""
        found: Results = {}
        odd: list[Array] = []
        parts = returned if isinstance(returned, tuple) else (returned,)
        for part in parts:
            if isinstance(part, Mapping):
                found |= self._by_name(part)
            elif part is not None:
                array = numbers(part, "a returned gradient")
                free = [q for q, v in self.kind.variables.items() if q not in found and v in given]
                fits = [q for q in free if _fits(array, given[self.kind.variables[q]])]
                if fits:
                    found[fits[0]] = array
                else:
                    odd.append(array)
        order = dict.fromkeys(("dx", *self.kind.variables))
        free = [q for q in order if q in self.kind.variables and q not in found]
        return found | dict(zip(free, odd, strict=False))

    def _by_name(self, gradients: Mapping[Any, Any]) -> Results:
        found: Results = {}
        for quantity, name in self.kind.variables.items():
            names = _customary("parameters").get(name, (name,))
            for key, value in gradients.items():
                if quantity not in found and named((str(key),), tuple(names))[0]:
                    found[quantity] = numbers(value, f"the {self.kind.titles[quantity]}")
        return found


def _alike(given: Given, usual: Given) -> bool:
    """Return whether an input is for the same finished object as another one."""
    shapes = [{n: a.shape for n, a in each.parameters.items()} for each in (given, usual)]
    kernels = [each.options.get("kernel_size") for each in (given, usual)]
    return shapes[0] == shapes[1] and kernels[0] == kernels[1]


def _fits(array: Array, other: Array) -> bool:
    """Return whether two arrays have one shape, but for axes of size 1."""
    return np.squeeze(array).shape == np.squeeze(other).shape


def _shaped(values: Array, like: Array) -> Array:
    """Return values in another shape, where no more than axes of size 1 differ."""
    return values.reshape(like.shape) if _fits(values, like) else values
