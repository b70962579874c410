"""The exercise's calls: a class, its `__call__`, and its `grad`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.cross_entropy import CrossEntropyKind
from handgrad.diagnosis.kinds.losses import LogLossKind
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, Subject, ask, numbers

__all__ = ["BinaryCrossEntropyStudent", "CrossEntropyStudent", "ExerciseStudent"]


class ExerciseStudent(Student):
    """A class, or an object, that is called with its inputs and asked for its `grad`.

    What stands here is for components without parameters. The constructor is given the options that
    it names as we do, or else those that it needs, in our order. `own` are the student's own
    classes by kind, used in place of ours where the component is given others.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Kinds of component that it is given; ours, unless the student's code takes only its own."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        options, needed = kind.option_names(), len(subject.needed())
        self._named = [name for name in options if subject.takes(name)]
        self._in_order = [] if self._named else options[:needed]
        kind = kind.asked_for((*self._named, *self._in_order))
        super().__init__(kind, subject.name, (subject.thing,))
        self.any_size = subject.is_class
        self.subject, self.own = subject, own or {}
        self.like: dict[str, list[type]] = {}
        """The student's classes by kind for which ours stand in."""

    def start(self, given: Given) -> Any:
        in_order = [given[name] for name in self._in_order]
        return self.subject.make(*in_order, **{name: given[name] for name in self._named})

    def forward(self, thing: Any, given: Given) -> Results:
        name = self.kind.forwards[0]
        doing = f"calling {self.name} on {given.label}"
        output = ask(thing, ("__call__", "forward"), given.inputs.values(), doing)
        return {name: numbers(output, f"the {self.kind.titles[name]}")}

    def backward(self, thing: Any, given: Given) -> Results:
        returned = self.returned(thing, given)
        return {next(iter(self.kind.variables)): numbers(returned, "the gradient")}

    def returned(self, thing: Any, given: Given) -> Any:
        """Return what the object answers when it is asked for its gradients."""
        upstream = [given.dy] if self.kind.upstream else []
        doing = f"calling {self.name}.grad{'' if upstream else '()'} for {given.label}"
        return ask(thing, ("grad", "backward"), upstream, doing)


class CrossEntropyStudent(ExerciseStudent):
    """A cross-entropy, which may take `average`."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        self._takes_average = subject.takes("average")
        # A finished object has been asked for one of them already.
        asked = subject.is_class or bool(getattr(subject.thing, "average", True))
        kind = CrossEntropyKind((True, False) if self._takes_average else (asked,))
        super().__init__(kind, subject, own)

    def start(self, given: Given) -> Any:
        if self._takes_average:
            return self.subject.make(average=given["average"])
        return self.subject.make()


class BinaryCrossEntropyStudent(ExerciseStudent):
    """A binary cross-entropy: of logits, or of probabilities, which its value shows."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(kind, subject, own)
        if self._takes_probabilities():
            self.kind = LogLossKind()

    def _takes_probabilities(self) -> bool:
        """Return whether logits below 0 have no value, or all of them the same one."""
        targets = np.array([[0.0, 1.0]])
        values = []
        for logit in (-2.0, -3.0):
            inputs = {"x": np.array([[logit, 0.5]]), "y": targets}
            try:
                values.append(self.look(self.start(Given()), Given("a logit", {}, inputs)))
            except StudentError:
                return False
        first, second = (results["value"] for results in values)
        return not np.isfinite(first).all() or np.array_equal(first, second)
