"""Running trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def example(trial: Trial, name: str, tolerance: float) -> Example:
    """Return one quantity of a trial in full, beside what is right."""
    seen, right = trial.seen[name], trial.right[name]
    truth = right if seen.shape == right.shape else None
    return Example(trial.given.label, seen, truth, mask(seen, right, max(tolerance, HIDDEN)))


def run(student: Student, given: Given) -> Trial:
    """Run the student's code on one input, and ours."""
    seen = student.run(student.fresh(given), given)
    return Trial(given, seen, student.kind.right(given, seen))


def run_all(
    student: Student, givens: Sequence[Given], seed: int
) -> tuple[list[Trial], Failure | None]:
    """Run all trials; return those that ran, and the first failure."""
    trials, failure = [], None
    for i, given in enumerate(givens):
        given.seed = 1000 * i + seed
        try:
            trials.append(run(student, given))
        except StudentError as error:
            failure = failure or error.failure
    return trials, failure
