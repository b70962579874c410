"""Running trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.diagnosis.closeness import HIDDEN, mask
from handgrad.diagnosis.findings import Example, Failure
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["Trial", "example", "run", "run_all"]


@dataclass
class Trial:
    """One run of the student's code beside ours."""

    given: Given
    seen: Results
    right: Results


LARGEST = 10_000
"""Entries of an array that are shown; of a larger one, whose shape is wrong, the first."""


def example(trial: Trial, name: str, tolerance: float) -> Example:
    """Return one quantity of a trial in full, beside what is right."""
    seen, right = trial.seen[name], trial.right[name]
    if seen.shape != right.shape:
        shown = seen if seen.size <= LARGEST else seen.ravel()[:LARGEST]
        return Example(trial.given.label, shown, None, np.ones(shown.shape, dtype=bool))
    return Example(trial.given.label, seen, right, mask(seen, right, max(tolerance, HIDDEN)))


def run(student: Student, given: Given) -> Trial:
    """Run the student's code on one input, and ours."""
    seen = student.run(student.fresh(given), given)
    return Trial(given, seen, student.kind.right(given, seen))


def run_all(
    student: Student, givens: Sequence[Given], seed: int
) -> tuple[list[Trial], Failure | None, list[str]]:
    """Run all trials; return those that ran, the first failure, and what is noted of others."""
    trials, failure, notes = [], None, []
    for i, given in enumerate(givens):
        given.seed = 1000 * i + seed
        try:
            trials.append(run(student, given))
        except StudentError as error:
            if note := student.kind.spares(given):
                notes.append(note)
            else:
                failure = failure or error.failure
    return trials, failure, notes
