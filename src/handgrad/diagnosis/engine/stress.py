"""Judging input that the trials avoid: extreme, at a kink, of integers, in large minibatches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handgrad.diagnosis.closeness import same
from handgrad.diagnosis.engine.behaviour import Expected
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.search import explain_all, predict
from handgrad.diagnosis.engine.trials import Trial, example, run
from handgrad.diagnosis.families import OVERFLOW
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.kinds.base import Kind, Stress

__all__ = ["examine_stress"]


def examine_stress(
    kind: Kind, stress: Stress, names: Sequence[str], expected: Expected, tolerance: float
) -> tuple[list[Finding], list[str]]:
    """Judge input that the trials avoid; nothing is said where it is right.

    Parameters
    ----------
    kind
        The kind of component.
    stress
        The input, and what may be named.
    names
        The quantities to judge.
    expected
        What is right for an input, in the student's own convention.
    tolerance
        What counts as rounding.

    Returns
    -------
    findings
        What is wrong, or another convention.
    notes
        What is worth knowing.

    Raises
    ------
    StudentError
        The code does not run on this input.
    """
    trials = [run(kind, given) for given in stress.givens]
    for trial in trials:
        trial.right = expected(trial.given, trial.seen)
    # Where all is 0 that is right, as slopes far from the origin, 1e-20 is right: floor = 1.
    wrong = [
        n for n in names if any(not same(t.seen[n], t.right[n], tolerance, floor=1) for t in trials)
    ]
    if stress.name == "extreme" and wrong == ["value"]:
        return [], [
            f"with {stress.title} the value is not exact: the logarithm is taken of a "
            "probability that has become 0; the gradient is right"
        ]
    for convention in stress.conventions:
        others = [predict((convention,), t.given, t.right) or {} for t in trials]
        if wrong and all(
            same(t.seen[n], other[n], tolerance)
            for t, other in zip(trials, others, strict=True)
            for n in wrong
        ):
            note = f"differs from ours only there: {convention.cause.explanation}"
            shown = example(trials[0], wrong[0], tolerance)
            causes = ((convention.cause,),)
            return [
                Finding(stress.name, stress.title, Verdict.CONVENTION, causes, (note,), shown)
            ], []
    found = explain_all(trials, wrong, stress.mistakes, tolerance)
    if stress.name == "extreme" and not all(found.values()):
        # One value that is not a number is like any other: what does not explain all of them
        # explains none.
        found = {n: ((OVERFLOW.cause,),) if _infinite(trials, n) else () for n in wrong}
    findings = []
    for n in wrong:
        evidence = describe(n, trials, [t.right[n] for t in trials], tolerance)
        title = f"{kind.titles[n]}, {stress.title}"
        shown = example(trials[0], n, tolerance)
        findings.append(
            Finding(stress.name, title, Verdict.WRONG, found[n], tuple(evidence), shown)
        )
    return findings, []


def _infinite(trials: Sequence[Trial], name: str) -> bool:
    """Return whether something is not finite that should be."""
    return any(
        bool((~np.isfinite(t.seen[name])).any() and np.isfinite(t.right[name]).all())
        for t in trials
    )
