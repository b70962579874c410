"""The student's backward pass against the student's own forward pass, numerically."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance
from handgrad.checking.truth import central_differences
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.student.student import Student, seeded
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["agreement", "smallest"]

ENTRIES = 60
"""How many entries of a gradient are differentiated; of larger ones, as many at random."""

PATIENCE = 0.2
"""Seconds for the differences of one variable; of slow code fewer entries are differentiated."""


def smallest(trials: Sequence[Trial]) -> Trial:
    """Return the trial that is differentiated."""
    return min(trials, key=lambda t: sum(a.size for a in (t.given.x, *t.given.parameters.values())))


def agreement(
    student: Student, trials: Sequence[Trial], names: Sequence[str], single: bool
) -> dict[str, float]:
    """Return how far each gradient is from that of the student's own forward pass.

    The smallest trial is differentiated, with wide steps where the code computes in float32
    (`single`). Only quantities that agree are in the answer, each with its largest difference,
    relative to the largest entry.
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
        places, slopes = truths[variable]
        far = distance(trial.seen[name].ravel()[places], slopes)
        if far <= tolerance:
            agree[name] = far
    return agree


def _slopes(student: Student, trial: Trial, variable: str, stretch: float) -> tuple[Array, Array]:
    """Return places in a flattened variable, and the slopes along them, by steps so wide."""
    given = trial.given.copied()  # the code may write to it
    start = np.asarray(given[variable], dtype=np.float64)
    places = np.arange(start.size)
    if start.size > ENTRIES:
        places = np.random.default_rng(0).choice(places, ENTRIES, replace=False)
    thing = student.fresh(given)
    began = perf_counter()
    student.look(thing, given)
    affordable = max(3, int(PATIENCE / (perf_counter() - began + 1e-6) / 2))
    if places.size > affordable:
        places = places[np.linspace(0, places.size - 1, affordable).astype(int)]
    upstream = student.kind.upstream
    outputs = list(upstream) or student.kind.forwards[:1]  # a loss has no upstream gradient
    dy = np.concatenate([given[name].ravel() for name in upstream.values()]) if upstream else 1.0
    values = np.array(start)  # contiguous, so that raveling it gives a view

    def forward(steps: Array) -> Array:
        values.ravel()[places] = start.ravel()[places] + stretch * steps
        given = trial.given.changed(**{variable: values.copy()})
        student.place(thing, given)
        seeded(given.seed)
        seen = student.look(thing, given)
        return np.concatenate([seen[name].ravel() for name in outputs])

    slopes = central_differences(forward, np.zeros(places.size), dy)
    return places, slopes / stretch
