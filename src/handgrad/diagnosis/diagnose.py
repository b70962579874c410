"""The way in: a class or an object in, a diagnosis out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from handgrad.diagnosis.courses.called import Called
from handgrad.diagnosis.courses.course import Component
from handgrad.diagnosis.courses.exercise import student_type
from handgrad.diagnosis.courses.outline import outline_of
from handgrad.diagnosis.courses.reading import COURSES, read_course, seen
from handgrad.diagnosis.engine.examine import Outcome, examine
from handgrad.diagnosis.engine.repair import repairs
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.kinds.base import Shapes
from handgrad.diagnosis.reference import ReferenceKind, ReferenceStudent, code_of, inputs_of
from handgrad.diagnosis.repairs import Repair
from handgrad.diagnosis.result import Diagnosis
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import (
    StudentError,
    Subject,
    files_of,
    names_around,
    restored,
)
from handgrad.errors import ArgumentError

__all__ = ["diagnose", "diagnose_named", "diagnose_student"]

SUGGESTED = (
    "The reference was given what the names of its arguments suggest. Where that is something else "
    "than it takes, write `def inputs(rng)` beside {}, which returns what it is to be given in one "
    "trial."
)


def diagnose(
    obj_or_class: Any,
    kind: str | None = None,
    *,
    course: str | None = None,
    reference: Any = None,
    shapes: Shapes | None = None,
    seed: int = 0,
    budget: float = 0,
) -> Diagnosis:
    """Say what is wrong with somebody's loss, activation, layer, dropout or model, and why.

    Parameters
    ----------
    obj_or_class
        A class that keeps the exercise's calls, which is the best: objects of several sizes are
        made of it. Or an object, which is copied.
    kind
        "linear", "relu", "mse", "softmax": a kind of the catalogue; from the name of the class
        where it is None. Any name that says it will do, "ReLU" or "MSELoss".
    course
        Whose interface the code keeps: the name of a course that comes with handgrad, or the path
        of a TOML file. Of a pair of functions, either is given.
    reference
        A right implementation with the interface of the code, in place of ours: a class, or a
        function such as ``x_forward`` with ``x_backward`` beside it. Then no kind is needed. It is
        given what a function ``inputs(rng)`` beside it returns, or what its arguments' names say.
    shapes
        Sizes (N, D, K) of the trials: rows, inputs, outputs. At least two, distinct and coprime,
        or mistakes coincide.
    seed
        For everything random.
    budget
        How long to search for small changes of the code with which it is right, in seconds; they
        can be asked for afterwards, too, with `Diagnosis.repaired`.

    Returns
    -------
    Diagnosis
        A verdict for each quantity, the mistake's name, the evidence, the hints.

    Raises
    ------
    ArgumentError
        The kind is not known; or it is not known what the reference is to be given.

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
    return diagnose_named(
        "", obj_or_class, kind, course, reference, shapes=shapes, seed=seed, budget=budget
    )


def diagnose_named(
    name: str,
    obj_or_class: Any,
    kind: str | None = None,
    course: str | None = None,
    reference: Any = None,
    *,
    shapes: Shapes | None = None,
    seed: int = 0,
    budget: float = 0,
) -> Diagnosis:
    """Do what `diagnose` does for what a file calls `name`, which may be another than its own.

    A lambda has none, and ``x_backward_alt = x_backward`` is asked for by either.
    """
    start = perf_counter()
    if reference is not None:
        return _beside(reference, obj_or_class, shapes, seed).repaired(budget)
    components, kind = _asked_for(name, obj_or_class, kind, course)
    if components:
        called = _called(components, names_around(obj_or_class), shapes, seed)
        return called.repaired(budget)
    if kind is None and inspect.isfunction(obj_or_class):
        its_name = name or obj_or_class.__name__
        if "forward" in its_name or "backward" in its_name:
            raise ArgumentError(
                f"the function {its_name}, which with these arguments no course asks for",
                f"a function of one of the courses {', '.join(COURSES)}, with its backward pass",
                "give a right implementation as its reference, or describe it in a course of yours",
            )
    subject = Subject(obj_or_class)
    classes = getattr(subject.type, "__mro__", (subject.type,))  # a function has no bases
    said = [kind] if kind else [c.__name__ for c in classes]
    its = kind if kind in KINDS else next(filter(None, map(kind_of, said)), None)
    if its is None:
        raise ArgumentError(
            f"{subject.name} of kind {kind!r}" if kind else f"{subject.name}, of no known kind",
            f"one of {', '.join(KINDS)}",
            "give the kind, for instance diagnose(thing, kind='linear')",
        )
    outcome = _attempt(its, subject, {}, shapes, seed)
    if _needs(its) and subject.is_class and Status.of(outcome.findings) is not Status.RIGHT:
        outcome = _with_own(its, subject, outcome, shapes, seed)
    return _diagnosis(subject.name, its, outcome, start, shapes, seed).repaired(budget)


def diagnose_student(
    student: Student,
    make: Callable[[], Student] | None = None,
    *,
    shapes: Shapes | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Say what is wrong with somebody's code that is called in any way, and why.

    Where its functions can be changed, to find a repair, `make` returns another such student.
    """
    start = perf_counter()
    outcome = _examined(student, make, shapes, seed)
    unwritten = bool(student.unwritten) or bool(outcome.failure and outcome.failure.unwritten)
    return _diagnosis(student.name, student.kind.name, outcome, start, shapes, seed, unwritten)


def _beside(reference: Any, thing: Any, shapes: Shapes | None, seed: int) -> Diagnosis:
    """Diagnose code beside a reference that is right."""
    start, code, truth = perf_counter(), code_of(thing), code_of(reference)
    inputs = inputs_of(truth, names_around(reference))
    try:
        with restored(reference, thing), np.errstate(all="ignore"):
            kind = ReferenceKind(truth, inputs)
    except StudentError as error:
        failure = error.failure
        if failure.lines:  # it is the reference that has raised, not the code beside it
            hint = failure.hint if inputs else SUGGESTED.format(truth.name)
            failure = replace(failure, doing=f"trying the reference: {failure.doing}", hint=hint)
        outcome = Outcome(failure=failure)
        return _diagnosis(code.name, "reference", outcome, start, shapes, seed)
    make = partial(ReferenceStudent, kind, code)
    return diagnose_student(make(), make, shapes=shapes, seed=seed)


def _called(
    components: Sequence[Component], names: Mapping[str, Any], shapes: Shapes | None, seed: int
) -> Diagnosis:
    """Diagnose code that a course says how to call: in the convention in which it is right."""
    found = []
    for component in components:
        make = partial(Called, component, names)
        diagnosis = diagnose_student(make(), make, shapes=shapes, seed=seed)
        if diagnosis.status is Status.RIGHT:
            note = (component.note,) if component.note else ()
            return replace(diagnosis, notes=(*note, *diagnosis.notes))
        found.append(diagnosis)
    return found[0]


def _asked_for(
    name: str, thing: Any, kind: str | None, course: str | None
) -> tuple[list[Component], str | None]:
    """Return how a course calls something, if it does, and its kind where that is told.

    Where no course is given, a function is seen by its name, and by its backward pass beside it.
    """
    name = name or getattr(thing, "__qualname__", type(thing).__name__).rpartition("<locals>.")[2]
    if course is not None:
        asked = read_course(course)
        known = [each for each in asked.known_as(name) if kind in (None, each.kind)]
        if not known:
            raise ArgumentError(
                f"{name}{f' of kind {kind!r}' if kind else ''}, for {asked.title}",
                f"one of {', '.join(dict.fromkeys(c.name for c in asked.components))}",
                "give it the name that the course gives it, or choose another course",
            )
    elif inspect.isfunction(thing) and kind is None:
        its = seen(outline_of(names_around(thing)), name)
        known = its.known_as(name) if its else []
    else:
        known = []
    if known and known[0].forward is None:
        return [], known[0].kind
    return [each for each in known if each.kind == known[0].kind], kind


def _diagnosis(
    name: str,
    kind: str,
    outcome: Outcome,
    start: float,
    shapes: Shapes | None,
    seed: int,
    unwritten: bool = False,
) -> Diagnosis:
    make = outcome.make
    status = Status.of(outcome.findings)
    return Diagnosis(
        name,
        kind,
        Status.UNWRITTEN if unwritten and status is not Status.WRONG else status,
        tuple(outcome.findings),
        tuple(outcome.notes),
        outcome.failure,
        perf_counter() - start,
        mender=make and partial(_repairs, make, shapes, seed),
    )


def _repairs(
    make: Callable[[], Student], shapes: Shapes | None, seed: int, budget: float
) -> tuple[Repair, ...]:
    files = files_of(make().around)
    return tuple(repair.seen_from(files) for repair in repairs(make, budget, shapes, seed))


def _needs(kind: str) -> tuple[str, ...]:
    return student_type(kind).needs


def _attempt(
    kind: str, subject: Subject, own: dict[str, type], shapes: Shapes | None, seed: int
) -> Outcome:
    make = partial(_of_exercise, kind, subject, own)
    try:
        student = make()
    except StudentError as error:
        return Outcome(failure=error.failure)
    return _examined(student, make, shapes, seed)


def _of_exercise(kind: str, subject: Subject, own: dict[str, type]) -> Student:
    student = student_type(kind)(KINDS[kind](), subject, own)
    student.like = _own_classes(kind, subject)
    return student


def _examined(
    student: Student, make: Callable[[], Student] | None, shapes: Shapes | None, seed: int
) -> Outcome:
    try:
        outcome = examine(student, shapes, seed)
    except StudentError as error:
        outcome = Outcome(failure=error.failure)
    outcome.make = make
    return outcome


def _with_own(
    kind: str, subject: Subject, outcome: Outcome, shapes: Shapes | None, seed: int
) -> Outcome:
    """Try again with the layers of the student's module, for code that takes no others."""
    usable: dict[str, type] = {}
    for name, classes in _own_classes(kind, subject).items():
        tried = ((cls, _attempt(name, Subject(cls), {}, None, seed)) for cls in classes)
        right = (cls for cls, alone in tried if Status.of(alone.findings) is Status.RIGHT)
        if cls := next(right, None):
            usable[name] = cls
        else:
            note = f"its own {classes[0].__name__} is not right: mend that one first"
            outcome.notes.append(note)
    if not usable:
        return outcome
    again = _attempt(kind, subject, usable, shapes, seed)
    better = Status.of(again.findings) is Status.RIGHT or (
        Status.of(outcome.findings) is Status.FAILED and Status.of(again.findings) is Status.WRONG
    )
    return again if better else outcome


def _own_classes(kind: str, subject: Subject) -> dict[str, list[type]]:
    """Return what the subject needs of the layers and activations in its module, by their kind.

    A model that is written for its own layers, and asks for theirs by type, runs with no others.
    """
    found: dict[str, list[type]] = {}
    for name, value in list(names_around(subject.type).items()):
        if not isinstance(value, type) or value is subject.type:
            continue
        if (its := kind_of(name)) in _needs(kind) and not value.__module__.startswith("handgrad."):
            found.setdefault(str(its), []).append(value)
    return found
