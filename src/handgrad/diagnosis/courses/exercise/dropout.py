"""The exercise's dropout, which wraps a layer, and one that wraps nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.courses.exercise.inner import linear_handle, own_linear, stand_in
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Stress
from handgrad.diagnosis.kinds.dropout import DropoutKind, PlainDropoutKind
from handgrad.diagnosis.kinds.dropout.mistakes import is_evaluated
from handgrad.diagnosis.kinds.inner import InnerReLU
from handgrad.diagnosis.student.gradients import sort_gradients
from handgrad.diagnosis.student.subject import StudentError, Subject, guard

__all__ = ["DropoutStudent", "PlainDropoutStudent"]


@dataclass
class _Wrapped:
    """A student's dropout, and the layer that it wraps."""

    thing: Any
    inner: Any


class DropoutStudent(ExerciseStudent):
    """A dropout around a layer of ours, or around its own."""

    needs = ("linear",)

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        if not subject.is_class:
            kind = DropoutKind(_probability(subject))
        super().__init__(kind, subject, own)
        self._own_linear = own_linear(self.own)

    def start(self, given: Given) -> Any:
        like = self.like.get("linear", ())
        inner = linear_handle(given["weights"], given["bias"], self._own_linear, like)
        if not self.subject.is_class:
            thing = self.subject.make()
            setattr(thing, _inner_name(thing), inner.thing)
        else:
            thing = self._around(inner.thing, given)
        if is_evaluated(given):
            _switched(thing)
        return _Wrapped(thing, inner)

    def _around(self, component: Any, given: Given) -> Any:
        if self.subject.takes("p"):
            return self.subject.make(component, p=given["p"])
        return self.subject.make(component, given["p"])

    def stresses(self, seed: int) -> list[Stress]:
        # The exercise never asks for a gradient in evaluation mode: what there is has to be right.
        return [replace(stress, optional=True) for stress in super().stresses(seed)]

    def remarks(self, seed: int) -> list[str]:
        """Try it around an activation, which the exercise does not ask for."""
        if not self.subject.is_class:
            return []
        given = self.givens(self.kind.shapes[:1], seed)[0]
        try:
            thing = _Wrapped(
                self._around(stand_in(InnerReLU, self.like.get("relu", ()))(), given), None
            )
            self.forward(thing, given)
            self.returned(thing.thing, given)
        except StudentError as error:
            _, number, line = error.failure.lines[-1] if error.failure.lines else ("", 0, "")
            where = f", in line {number}, `{line}`" if number else ""
            return [f"around an activation it does not run: {error.failure.error}{where}"]
        return []

    def place(self, thing: Any, given: Given) -> None:
        thing.inner.place(given["weights"], given["bias"])

    def forward(self, thing: Any, given: Given) -> Results:
        return super().forward(thing.thing, given)

    def backward(self, thing: Any, given: Given) -> Results:
        returned = self.returned(thing.thing, given)
        results, _ = sort_gradients(thing.thing, returned, given.x.shape, given["weights"].shape)
        if "dW" in results:
            results["dW"] = thing.inner.orient(results["dW"])
        if "db" in results and results["db"].size == given["bias"].size:
            results["db"] = results["db"].ravel()
        return results

    def evaluate(self, given: Given) -> Results:
        other = self.start(given)
        if not _switched(other.thing):
            return {}
        return {"evaluation": self.look(other, given)["output"]}


class PlainDropoutStudent(ExerciseStudent):
    """A dropout that wraps nothing."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        self._option = (
            "keep" if any("keep" in name.lower() for name in subject.arguments()) else "p"
        )
        known = ("keep",) if self._option == "keep" else ()
        p = None if subject.is_class else _probability(subject)
        super().__init__(kind, subject, own)
        self.kind = PlainDropoutKind(known, p)

    def start(self, given: Given) -> Any:
        thing = self.subject.make(given[self._option])
        if is_evaluated(given):
            _switched(thing)
        return thing

    def stresses(self, seed: int) -> list[Stress]:
        return [replace(stress, optional=True) for stress in super().stresses(seed)]

    def evaluate(self, given: Given) -> Results:
        other = self.start(given)
        return {"evaluation": self.look(other, given)["output"]} if _switched(other) else {}


def _switched(thing: Any) -> bool:
    """Switch to evaluation mode; return whether the object has one."""
    if callable(getattr(thing, "eval", None)):
        with guard("calling eval()"):
            thing.eval()
        return True
    for name in ("training", "train"):
        if isinstance(getattr(thing, name, None), bool):
            setattr(thing, name, False)
            return True
    return False


def _inner_name(thing: Any) -> str:
    """Return the attribute that holds the wrapped layer."""
    name: str
    for name, value in vars(thing).items():
        if callable(value) and (hasattr(value, "grad") or hasattr(value, "backward")):
            return name
    raise StudentError.missing(
        f"the layer that {type(thing).__name__} wraps",
        "no attribute holds an object with __call__ and grad",
        "Keep the wrapped layer in an attribute, for instance self.layer.",
    )


_PROBABILITIES = {"p", "prob", "probability", "rate", "drop", "dropout", "p_drop", "drop_prob"}


def _probability(subject: Subject) -> float:
    """Return the probability with which a finished object drops."""
    values = {
        name: float(value)
        for name, value in vars(subject.thing).items()
        if isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < 1
    }
    for name, value in values.items():
        if name.lower().strip("_") in _PROBABILITIES:
            return value
        if "keep" in name.lower():
            return 1 - value
    if len(values) == 1:
        return next(iter(values.values()))
    raise StudentError.missing(
        f"the probability of the {subject.name} object",
        "no attribute holds a number between 0 and 1",
        "Keep the probability in an attribute, for instance self.p.",
    )
