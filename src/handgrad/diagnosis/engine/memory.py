"""What an object remembers, and shares: calls after the first, and two objects in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

import numpy as np

from handgrad.checking.arrays import distance, identical, same
from handgrad.diagnosis.behaviours import BEHAVIOURS, Behaviour
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.student.arrays import meaning, walk
from handgrad.diagnosis.student.student import Student, seeded
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["Expected", "asked_again", "behaviour", "repeated", "together"]

Expected = Callable[[Given, Results], Results]
"""What is right for an input, in the student's own convention, beside what came out."""


def behaviour(name: str, title: str, known: Behaviour | None, *evidence: str) -> Finding:
    """Return the finding that code behaves wrongly, in a known way or not."""
    explanations = ((known.cause,),) if known else ()
    return Finding(name, title, Verdict.WRONG, explanations, evidence)


def repeated(
    student: Student,
    given: Given,
    right: Sequence[str],
    expected: Expected,
    seed: int,
    tolerance: float,
    calls: int,
) -> list[Finding]:
    """Call one object again and again, with two inputs in turn."""
    rng = np.random.default_rng([seed, 6])
    second = student.kind.another(given, rng)
    thing = student.start(given)
    first_seen: Results = {}
    wrong: dict[str, list[int]] = {}
    loose = max(tolerance, 1e-7)
    started = perf_counter()
    for call in range(calls):
        mine = second if call % 3 == 1 else given
        seeded(seed + call)
        try:
            seen = student.run(thing, mine)
        except StudentError as error:
            evidence = f"call {call + 1} of one object: {error.failure.error}"
            return [behaviour("repeated calls", "calls after the first", None, evidence)]
        truth = expected(mine, seen)
        for name in right:
            if name in seen and not same(seen[name], truth[name], loose):
                wrong.setdefault(name, []).append(call)
        if call == 0:
            first_seen = seen
        if call == 1 and wrong:
            third = student.kind.another(second, rng)
            return [
                _left_over(student, thing, (given, second, third), (first_seen, seen), name, loose)
                for name in wrong
            ]
        if perf_counter() - started > 0.5 and call > 3:
            break
    findings = []
    for name, when in wrong.items():
        evidence = (
            f"of {call + 1} calls of one object your {name} is wrong in {len(when)}, first in call "
            f"{when[0] + 1}"
        )
        findings.append(
            behaviour(f"{name} in repeated calls", "calls after the first", None, evidence)
        )
    return findings


def _left_over(
    student: Student,
    thing: Any,
    givens: tuple[Given, Given, Given],
    seen: tuple[Results, Results],
    name: str,
    tolerance: float,
) -> Finding:
    """Say what the second call of an object, in which a quantity is wrong, has left of the first.

    A third call tells whether it remembers the first one, or the one before.
    """
    first, second, third = givens
    known = None
    evidence = f"your {name} is right in the first call of an object and wrong in the second"
    truth = student.kind.right(second, seen[1])[name]
    if same(seen[1][name], truth + seen[0][name], tolerance):
        known = BEHAVIOURS["piles"]
        evidence += "; there it is the sum of both"
    elif _belongs(student, second, seen[1], first, seen[0], name, tolerance):
        known = BEHAVIOURS["stale"]
        evidence += "; there it belongs to the first input"
        with suppress(StudentError):
            last = student.run(thing, third)
            if _belongs(student, third, last, second, seen[1], name, tolerance):
                known = BEHAVIOURS["previous"]
                evidence += ", and in the third to the second"
    return behaviour(f"{name} in repeated calls", "calls after the first", known, evidence)


def _belongs(
    student: Student,
    given: Given,
    seen: Results,
    other: Given,
    other_seen: Results,
    name: str,
    tolerance: float,
) -> bool:
    """Return whether what came out for one input is right for another one, or its first array."""
    first = next(iter(given.inputs))
    mixed = ({first: other.x}, other.inputs)
    truths = (student.kind.right(given.changed(**old), other_seen) for old in mixed)
    return any(name in truth and same(seen[name], truth[name], tolerance) for truth in truths)


def asked_again(
    student: Student, given: Given, right: Sequence[str], tolerance: float
) -> list[Finding]:
    """Ask twice for the gradients after one forward pass; who refuses to answer is right to."""
    thing, mine = student.fresh(given), given.copied()
    student.forward(thing, mine)
    first = student.backward(thing, mine)
    try:
        second = student.backward(thing, given.copied())
    except StudentError:
        return []
    findings = []
    for name in right:
        if name in first and name in second and not same(first[name], second[name], tolerance):
            twice = same(second[name], 2 * first[name], tolerance)
            evidence = (
                f"asked twice after one forward pass, your {name} differs by "
                f"{distance(second[name], first[name]):.1e} of the largest entry"
            )
            if twice:
                evidence += "; the second is twice the first"
            known = BEHAVIOURS["piles" if twice else "spends"]
            title = "a second call for the gradient"
            findings.append(behaviour(f"{name} asked for again", title, known, evidence))
    return findings


def together(
    student: Student,
    given: Given,
    right: Sequence[str],
    expected: Expected,
    seed: int,
    tolerance: float,
) -> list[Finding]:
    """Run two objects in turns: both forward, both backward."""
    other = student.kind.another(given, np.random.default_rng([seed, 7]))
    one, two = student.fresh(given), student.fresh(other)
    mine, its = given.copied(), other.copied()
    try:
        seen = student.forward(one, mine)
        student.forward(two, its)
        seen |= student.backward(one, mine)
        held = {slot.path: slot.array.copy() for slot in walk(one) if meaning(slot.path)[1]}
        student.backward(two, its)
    except StudentError:
        return []
    truth = expected(given, seen)
    changed = [
        f"your {name} is wrong after another object's forward pass"
        for name in right
        if name in seen and not same(seen[name], truth[name], max(tolerance, 1e-7))
    ]
    changed += [
        f"{slot.name} of one object changes with another object's backward pass"
        for slot in walk(one)
        if slot.path in held and not identical(slot.array, held[slot.path])
    ]
    if not changed:
        return []
    known = BEHAVIOURS["shares"]
    return [behaviour("two objects", "two objects in turns", known, *changed)]
