"""Checking the library itself: every row of the table, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from handgrad.checking.cases import CASES, Case
from handgrad.checking.comparison import CheckResult, Comparison, Violation, check, told
from handgrad.checking.pytorch import has_pytorch
from handgrad.randomness import repeatable

__all__ = ["Line", "Report", "check_library"]


@dataclass(frozen=True)
class Line:
    """A line of the report: one quantity of one component, the worst over all its rows.

    Attributes
    ----------
    component : str
        The class.
    quantity : str
        ``y``, ``dx``, ``dweights``, ...; ``invariants`` for what must hold besides.
    numerical, pytorch : Comparison or None
        The comparison with the largest relative error; None where there was none.
    tried : int
        For ``invariants``: how many were asked for, over all rows and draws; else 0.
    ok : bool
        The verdict.
    """

    component: str
    quantity: str
    numerical: Comparison | None
    pytorch: Comparison | None
    tried: int
    ok: bool


@dataclass(frozen=True)
class Report:
    """What `check_library` found out.

    Attributes
    ----------
    results : list of (Case, int, CheckResult)
        Row, seed and result of every check.
    pytorch : bool
        Whether PyTorch was there to compare with.

    Examples
    --------
    >>> report = check_library(CASES[:1], pytorch=False)
    >>> report.ok
    True
    >>> report.lines()[0].component
    'ReLU'
    """

    results: list[tuple[Case, int, CheckResult]]
    pytorch: bool

    @property
    def ok(self) -> bool:
        """Whether everything agrees and every invariant holds."""
        return all(result.ok for _, _, result in self.results)

    def lines(self) -> list[Line]:
        """Return the table: for each component a line a quantity, and one for the invariants."""
        lines = []
        for component in dict.fromkeys(case.component for case, _, _ in self.results):
            mine = [result for case, _, result in self.results if case.component is component]
            comparisons = [c for result in mine for c in result.comparisons]
            for quantity in dict.fromkeys(_quantity(c) for c in comparisons):
                here = [c for c in comparisons if _quantity(c) == quantity]
                lines.append(
                    Line(
                        component.__name__,
                        quantity,
                        _worst([c for c in here if c.truth != "PyTorch"]),
                        _worst([c for c in here if c.truth == "PyTorch"]),
                        0,
                        all(c.ok for c in here),
                    )
                )
            tried = sum(result.invariants for result in mine)
            hold = not any(result.violations for result in mine)
            lines.append(Line(component.__name__, "invariants", None, None, tried, hold))
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain lists and dicts, for JSON; None stands for NaN and infinity."""
        plain: dict[str, Any] = _without_nan(
            {
                "ok": self.ok,
                "pytorch": self.pytorch,
                "lines": [asdict(line) for line in self.lines()],
                "checks": [
                    {"case": str(case), "seed": seed, "ok": result.ok, **asdict(result)}
                    for case, seed, result in self.results
                ],
            }
        )
        return plain


def check_library(
    cases: Sequence[Case] = CASES,
    *,
    pytorch: bool | None = None,
    watch: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> Report:
    """Check every public component, in several configurations, sizes and draws.

    Each is compared with a numerical truth, with PyTorch where it is installed, and asked for
    what must hold whatever its formula.

    Parameters
    ----------
    cases
        The rows of the table.
    pytorch
        Whether to compare with PyTorch; where it is None, if it is installed.
    watch
        Wraps the sequence of checks that is iterated over, to show how far they are.

    Returns
    -------
    Report
        Every result, ``report.ok`` and the table ``report.lines()``.

    Examples
    --------
    >>> from handgrad.checking.cases import CASES
    >>> check_library(CASES[:1], pytorch=False).ok
    True
    """
    pytorch = has_pytorch() if pytorch is None else pytorch
    todo = [(case, seed) for case in cases for seed in case.seeds]
    return Report([(case, seed, run(case, seed, pytorch)) for case, seed in watch(todo)], pytorch)


def run(case: Case, seed: int, pytorch: bool) -> CheckResult:
    """Check one row with one seed; an exception is a violation, not the end."""

    def checked() -> CheckResult:
        np.random.seed(seed)  # for what draws from NumPy's global state
        rng = np.random.default_rng(seed)
        component, arrays = case.draw(rng)
        return check(
            component,
            *arrays,
            truth=case.truth,
            twin=case.twin if pytorch else None,
            invariants=case.all_invariants,
            rng=rng,
        )

    try:
        return repeatable(checked)()
    except Exception as error:
        return CheckResult(str(case), [], 1, [Violation("runs", told(error))])


def _quantity(comparison: Comparison) -> str:
    """Return the quantity without its place in a model: dweights for d0.weights."""
    place, _, parameter = comparison.quantity.rpartition(".")
    return f"d{parameter}" if place else comparison.quantity


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _worst(comparisons: list[Comparison]) -> Comparison | None:
    return max(comparisons, key=lambda c: (not c.ok, c.relative), default=None)
