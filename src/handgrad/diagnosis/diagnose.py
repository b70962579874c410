"""The way in: a class or an object in, a diagnosis out."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from handgrad.diagnosis.courses.exercise import student_type
from handgrad.diagnosis.engine.examine import Outcome, examine
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.kinds.base import Shapes
from handgrad.diagnosis.result import Diagnosis
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, Subject, names_around
from handgrad.errors import ArgumentError

__all__ = ["diagnose", "diagnose_student"]


def diagnose(
    obj_or_class: Any, kind: str | None = None, *, shapes: Shapes | None = None, seed: int = 0
) -> Diagnosis:
    """Say what is wrong with somebody's loss, activation, layer, dropout or model, and why.

    Parameters
    ----------
    obj_or_class
        A class that keeps the exercise's calls, which is the best: objects of several sizes are
        made of it. Or an object, which is copied.
    kind
        "mse", "cross_entropy", "linear", "relu", "sigmoid", "dropout" or "model"; from the name of
        the class where it is None. Any name that says it will do, "ReLU" or "MSELoss".
    shapes
        Sizes (N, D, K) of the trials: rows, inputs, outputs. At least two, distinct and coprime,
        or mistakes coincide.
    seed
        For everything random.

    Returns
    -------
    Diagnosis
        A verdict for each quantity, the mistake's name, the evidence, the hints.

    Raises
    ------
    ArgumentError
        The kind is not known.

    Notes
    -----
    An exception in the code that is diagnosed is not raised: it is in the result's `failure`.

    Examples
    --------
    >>> import numpy as np
    >>> class ReLU:
    ...     def __call__(self, x):
    ...         self.x = x
    ...         return np.maximum(x, 0)
    ...     def grad(self, in_gradient):
    ...         return in_gradient * (in_gradient > 0)
    >>> diagnosis = diagnose(ReLU)
    >>> print(diagnosis.headline)
    ReLU is wrong: masked by the sign of the upstream gradient
    >>> print(diagnosis.hints(1)[0].text)
    Your gradient never has a negative entry, and does not change when the input does.
    """
    start = perf_counter()
    subject = Subject(obj_or_class)
    classes = getattr(subject.type, "__mro__", (subject.type,))  # a function has no bases
    said = [kind] if kind else [c.__name__ for c in classes]
    name = kind if kind in KINDS else next(filter(None, map(kind_of, said)), None)
    if name is None:
        raise ArgumentError(
            f"{subject.name} of kind {kind!r}" if kind else f"{subject.name}, of no known kind",
            f"one of {', '.join(KINDS)}",
            "give the kind, for instance diagnose(thing, kind='linear')",
        )
    outcome = _attempt(name, subject, {}, shapes, seed)
    if _needs(name) and subject.is_class and Status.of(outcome.findings) is not Status.RIGHT:
        outcome = _with_own(name, subject, outcome, shapes, seed)
    return _diagnosis(subject.name, name, outcome, start)


def diagnose_student(student: Student, *, shapes: Shapes | None = None, seed: int = 0) -> Diagnosis:
    """Say what is wrong with somebody's code that is called in any way, and why."""
    start = perf_counter()
    try:
        outcome = examine(student, shapes, seed)
    except StudentError as error:
        outcome = Outcome(failure=error.failure)
    return _diagnosis(student.name, student.kind.name, outcome, start)


def _diagnosis(name: str, kind: str, outcome: Outcome, start: float) -> Diagnosis:
    return Diagnosis(
        name,
        kind,
        Status.of(outcome.findings),
        tuple(outcome.findings),
        tuple(outcome.notes),
        outcome.failure,
        perf_counter() - start,
    )


def _needs(kind: str) -> tuple[str, ...]:
    return student_type(kind).needs


def _attempt(
    kind: str, subject: Subject, own: dict[str, type], shapes: Shapes | None, seed: int
) -> Outcome:
    try:
        return examine(student_type(kind)(KINDS[kind](), subject, own), shapes, seed)
    except StudentError as error:
        return Outcome(failure=error.failure)


def _with_own(
    kind: str, subject: Subject, outcome: Outcome, shapes: Shapes | None, seed: int
) -> Outcome:
    """Try again with the layers of the student's module, for code that takes no others."""
    usable: dict[str, type] = {}
    for name, cls in _own_classes(kind, subject).items():
        alone = _attempt(name, Subject(cls), {}, None, seed)
        if Status.of(alone.findings) is Status.RIGHT:
            usable[name] = cls
        else:
            outcome.notes.append(f"its own {cls.__name__} is not right: mend that one first")
    if not usable:
        return outcome
    again = _attempt(kind, subject, usable, shapes, seed)
    better = Status.of(again.findings) is Status.RIGHT or (
        Status.of(outcome.findings) is Status.FAILED and Status.of(again.findings) is Status.WRONG
    )
    return again if better else outcome


def _own_classes(kind: str, subject: Subject) -> dict[str, type]:
    """Return what the subject needs of the layers and activations in its module, by their kind.

    A model that is written for its own layers, and asks for theirs by type, runs with no others.
    """
    found: dict[str, type] = {}
    for name, value in list(names_around(subject.type).items()):
        if not isinstance(value, type) or value is subject.type:
            continue
        if (its := kind_of(name)) in _needs(kind) and not value.__module__.startswith("handgrad."):
            found.setdefault(str(its), value)
    return found
