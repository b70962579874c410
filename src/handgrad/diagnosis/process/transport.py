"""A diagnosis on its way from one process to another: the way back from JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Status, Verdict
from handgrad.diagnosis.result import Diagnosis

__all__ = ["rebuild"]


def rebuild(plain: dict[str, Any]) -> Diagnosis:
    """Return the `Diagnosis` that `to_dict`, at level 4, made a dict of.

    Only the hints of what isn't wrong are lost.
    """
    hints: dict[str, list[str]] = {}
    for hint in plain["hints"]:
        hints.setdefault(hint["about"], []).append(hint["text"])

    def cause(name: str, explanation: str) -> Cause:
        a, b, c, d = hints.get(name, [""] * 4)
        return Cause(name, explanation, (a, b, c, d))

    findings = tuple(
        Finding(
            f["quantity"],
            f["title"],
            Verdict(f["verdict"]),
            tuple(tuple(cause(**c) for c in together) for together in f["explanations"]),
            tuple(f["evidence"]),
            _example(f["example"]),
        )
        for f in plain["findings"]
    )
    failure = plain["failure"]
    if failure:
        failure = Failure(**{**failure, "lines": tuple(map(tuple, failure["lines"]))})
    return Diagnosis(
        plain["subject"],
        plain["kind"],
        Status(plain["status"]),
        findings,
        tuple(plain["notes"]),
        failure,
        plain["seconds"],
    )


def _example(plain: dict[str, Any] | None) -> Example | None:
    if plain is None:
        return None
    truth = plain["truth"]
    return Example(
        plain["case"],
        np.array(plain["student"], dtype=float),
        None if truth is None else np.array(truth, dtype=float),
        np.array(plain["differs"], dtype=bool),
    )
