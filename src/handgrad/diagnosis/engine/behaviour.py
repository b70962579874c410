"""What one call does not show: what is written to, what is not linear, what takes long."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance, identical, linearity, same
from handgrad.diagnosis.behaviours import BEHAVIOURS
from handgrad.diagnosis.engine.memory import (
    Expected,
    asked_again,
    behaviour,
    repeated,
    together,
)
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.findings import Finding
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.student.student import Student

__all__ = ["behaviours", "cost", "written"]

CALLS = 40
"""How often one object is called, to see whether some calls go wrong."""
FEW = 6
"""The same where something is known to be wrong already."""
PATIENCE = 0.05
"""Seconds; what takes longer is timed once."""


def behaviours(
    student: Student,
    trials: Sequence[Trial],
    right: Sequence[str],
    expected: Expected,
    seed: int,
    tolerance: float,
) -> list[Finding]:
    """Return what is wrong with how the code behaves, beyond what the trials show.

    `right` are the quantities that are right in the trials.
    """
    given = trials[0].given
    findings = _mutation(student, given)
    if backwards := [n for n in trials[0].seen if n not in student.kind.forwards]:
        findings += _linearity(student, given, backwards, seed, tolerance)
    calls = CALLS if len(right) == len(trials[0].seen) else FEW
    findings += repeated(student, given, right, expected, seed, tolerance, calls)
    if not findings:
        findings += asked_again(student, given, right, tolerance)
    if not findings and student.any_size:
        findings += together(student, given, right, expected, seed, tolerance)
    return findings


def _mutation(student: Student, given: Given) -> list[Finding]:
    """Compare the arrays that the code was given before and after each pass."""
    mine = given.copied()
    thing = student.start(mine)
    before = {name: array.copy() for name, array in student.parameters(thing).items()}
    student.forward(thing, mine)
    findings = written(mine, given, "forward")
    student.backward(thing, mine)
    findings += written(mine, given, "backward")
    after = student.parameters(thing)
    for name, array in before.items():
        if name in after and not identical(after[name], array):
            findings.append(
                behaviour(
                    f"the {name}",
                    "the parameters",
                    BEHAVIOURS["parameters"],
                    f"a forward and a backward pass changed the {name}, by up to "
                    f"{distance(after[name], array):.1e} of the largest entry",
                )
            )
    return findings


def written(mine: Given, given: Given, which: str) -> list[Finding]:
    """Compare arrays that a pass was given with what they were, and make them so again."""
    findings = []
    for name, array in mine.arrays.items():
        if not identical(array, given[name]):
            changed = int(np.count_nonzero(array != given[name]))
            sentence = (
                f"the {which} pass changed the array {name} that it was given, in {changed} of "
                f"{array.size} entries"
            )
            known = BEHAVIOURS["input" if name in given.inputs else "upstream"]
            title = "the arrays that it is given"
            findings.append(behaviour(f"the given {name}", title, known, sentence))
            array[...] = given[name]
    return findings


def _linearity(
    student: Student, given: Given, names: Sequence[str], seed: int, tolerance: float
) -> list[Finding]:
    """Compare B(a g) with a B(g), and B(g + h) with B(g) + B(h)."""
    upstream = [given[name] for name in student.kind.upstream.values()]
    if not upstream:
        return []
    rng = np.random.default_rng([seed, 5])
    flat = np.concatenate([dy.ravel() for dy in upstream])
    ends = np.cumsum([dy.size for dy in upstream])[:-1]

    def back(vector: Array) -> Results:
        parts = zip(student.kind.upstream.values(), np.split(vector, ends), upstream, strict=True)
        mine = given.changed(**{name: part.reshape(dy.shape) for name, part, dy in parts})
        return student.run(student.fresh(mine), mine)

    seen = linearity(back, flat, rng.standard_normal(flat.size))
    g = seen.g
    others = (seen.h, seen.scaled, seen.added)
    if any(
        not same(g[n], r[n], tolerance) for r in others for n in student.kind.forwards if n in g
    ):
        return []  # the forward pass is not repeatable, so that nothing can be compared
    findings = []
    for name in names:
        worst = seen.errors(name)
        if max(worst) > max(100 * tolerance, 1e-6):
            sentences = []
            if distance(seen.scaled[name], g[name]) <= tolerance:
                sentences.append(f"your {name} does not change when dy is multiplied by -2.5")
            sentences.append(
                f"B(a g) and a B(g) differ by {worst[0]:.1e}, B(g + h) and B(g) + B(h) by "
                f"{worst[1]:.1e}, where B is your backward pass"
            )
            title = f"{student.kind.titles[name]}: linear in the upstream gradient"
            findings.append(behaviour(f"linearity of {name}", title, None, *sentences))
    return findings


def cost(student: Student, seed: int) -> list[str]:
    """Say it where the time grows with the rows as that of a loop over them does."""
    few, many = 16, 128
    times = {}
    for N in (few, many):
        given = student.givens(((N, *student.kind.shapes[0][1:]),), seed)[0]
        thing = student.start(given)
        best = np.inf
        for _ in range(3):
            start = perf_counter()
            seen = student.run(thing, given)
            best = min(best, perf_counter() - start)
            if best > PATIENCE:
                break
        times[N] = best
    if len(given.x) != many or times[many] / times[few] < 0.55 * many / few:
        return []
    start = perf_counter()
    student.kind.right(given, seen)
    if times[many] < 5 * (perf_counter() - start):
        return []  # there is so much to compute that ours takes about as long
    return [
        f"{many // few} times as many rows take {times[many] / times[few]:.1f} times as long: "
        f"{times[few] / few * 1e6:.1f} µs a row at N = {few}, {times[many] / many * 1e6:.1f} µs "
        f"a row at N = {many}; so does a loop over the rows, which is right and slow"
    ]
