"""The student's backward pass against the student's own forward pass, numerically."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance
from handgrad.checking.truth import central_differences
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.student.student import Student, seeded
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["agreement", "smallest"]

DIRECTIONS = 3
"""Along how many random directions a variable is differentiated, all of its entries at once."""


def smallest(trials: Sequence[Trial]) -> Trial:
    """Return the trial that is differentiated."""
    return min(trials, key=lambda t: sum(a.size for a in (t.given.x, *t.given.parameters.values())))


def agreement(
    student: Student, trials: Sequence[Trial], names: Sequence[str], single: bool
) -> dict[str, float]:
    """Return how far each gradient is from that of the student's own forward pass.

    The smallest trial is differentiated, with wide steps where the code computes in float32
    (`single`). Only quantities that agree are in the answer, each with its largest difference along
    a direction, relative to the largest slope.
    """
    trial = smallest(trials)
    tolerance = 1e-2 if single else 1e-5
    truths: dict[str, tuple[Array, Array]] = {}
    agree = {}
    for name in names:
        variable = student.kind.variables.get(name)
        if variable is None or trial.seen[name].shape != trial.right[name].shape:
            continue
        if variable not in truths:
            try:
                truths[variable] = _slopes(student, trial, variable, 1000.0 if single else 1.0)
            except (StudentError, ValueError):
                continue
        directions, slopes = truths[variable]
        if not np.isfinite(slopes).all():  # there is no slope, so that nothing agrees with it
            continue
        far = distance(directions @ trial.seen[name].ravel(), slopes)
        if far <= tolerance:
            agree[name] = far
    return agree


def _slopes(student: Student, trial: Trial, variable: str, stretch: float) -> tuple[Array, Array]:
    """Return directions of a flattened variable, and the slopes along them, by steps so wide."""
    given = trial.given.copied()  # the code may write to it
    start = np.asarray(given[variable], dtype=np.float64)
    thing = student.fresh(given)
    directions = np.random.default_rng(0).standard_normal((DIRECTIONS, start.size))
    upstream = student.kind.upstream
    outputs = list(upstream) or student.kind.forwards[:1]  # a loss has no upstream gradient
    dy = np.concatenate([given[name].ravel() for name in upstream.values()]) if upstream else 1.0

    def forward(steps: Array) -> Array:
        values = start + stretch * (steps @ directions).reshape(start.shape)
        given = trial.given.changed(**{variable: values})
        student.place(thing, given)
        seeded(given.seed)
        seen = student.look(thing, given)
        return np.concatenate([seen[name].ravel() for name in outputs])

    slopes = central_differences(forward, np.zeros(len(directions)), dy)
    return directions, slopes / stretch
