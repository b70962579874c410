"""Finding which mistake of the catalogue gives exactly what the student's code gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from handgrad.checking.arrays import distance, same
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.families import FORWARD
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake

__all__ = ["ENOUGH", "Explanation", "Explanations", "explain_all", "fitting", "predict"]

Explanation = tuple[Mistake, ...]
Explanations = tuple[tuple[Cause, ...], ...]
"""Those of one quantity that may be, each with the causes that make it together."""

ENOUGH = 2
"""In how many trials, each of its own shape and seed, a mistake has to show and to match."""


def predict(mistakes: Explanation, given: Given, right: Results) -> Results | None:
    """Return what comes out with these mistakes, None where they cannot be made on this input."""
    try:
        with np.errstate(all="ignore"):
            for mistake in mistakes:
                right = mistake.apply(given, right)
    except (ValueError, IndexError, KeyError, TypeError):  # shapes that only fit where D = K, say
        return None
    return right


def fitting(
    convention: Mistake, trials: Sequence[Trial], names: Sequence[str], tolerance: float
) -> list[str]:
    """Return the quantities that a convention gives in every trial."""
    others = [predict((convention,), trial.given, trial.right) or {} for trial in trials]
    return [
        name
        for name in names
        if all(
            name in other and same(trial.seen[name], other[name], tolerance)
            for trial, other in zip(trials, others, strict=True)
        )
    ]


def explain_all(
    trials: Sequence[Trial],
    wrong: Sequence[str],
    catalogue: Sequence[Mistake],
    tolerance: float,
) -> dict[str, Explanations]:
    """Return for each wrong quantity the explanations that match it in every trial.

    `right` of each trial is in the student's own convention. An explanation that covers more of the
    wrong quantities comes in place of one that covers fewer. One that speaks of a quantity which is
    right, or wrong in another way, is none.
    """
    found = _matches(trials, wrong, [(mistake,) for mistake in catalogue], tolerance)
    missing = [name for name in wrong if not any(name in match.covered for match in found)]
    if missing:
        found += _matches(trials, missing, _pairs(trials[0], missing, catalogue), tolerance)
    return {name: _best(name, found) for name in wrong}


@dataclass(frozen=True)
class _Match:
    """An explanation, and the quantities that it explains."""

    mistakes: Explanation
    covered: frozenset[str]
    contradicted: int
    """How many others would be wrong by a mistake that any one gradient may have by itself."""

    @property
    def rank(self) -> tuple[int, int, int]:
        """Few mistakes first, then many quantities, then what contradicts least."""
        return len(self.mistakes), -len(self.covered), self.contradicted


def _best(name: str, found: list[_Match]) -> Explanations:
    """Return the explanations of one quantity that rank first."""
    matches = [match for match in found if name in match.covered]
    first = min((match.rank for match in matches), default=None)
    distinct: dict[frozenset[str], tuple[Cause, ...]] = {}
    for match in matches:
        if match.rank == first:
            causes = tuple(mistake.cause for mistake in match.mistakes)
            distinct.setdefault(frozenset(cause.name for cause in causes), causes)
    return tuple(distinct.values())


def _pairs(
    trial: Trial, names: Sequence[str], catalogue: Sequence[Mistake]
) -> list[tuple[Mistake, Mistake]]:
    """Return the pairs of which the second starts from what the first has changed, or hides it.

    Of others, each quantity is as one of the two alone makes it. Both change one of the quantities,
    or cannot be made on this input, which says nothing of them.
    """
    acting: dict[Mistake, set[str]] = {}
    for mistake in catalogue:
        predicted = predict((mistake,), trial.given, trial.right)
        changed = predicted or dict.fromkeys(trial.right)
        changes = {n for n, array in changed.items() if array is not trial.right.get(n)}
        if not changes.isdisjoint(names):
            acting[mistake] = changes
    return [
        (one, other)
        for one, other in permutations(acting, 2)
        if not acting[one].isdisjoint(acting[other] | other.needs) or "right" in other.needs
    ]


def _matches(
    trials: Sequence[Trial],
    wrong: Sequence[str],
    candidates: Sequence[Explanation],
    tolerance: float,
) -> list[_Match]:
    """Return the candidates that match a quantity in every trial, and show it in enough of them."""
    found, shows = [], 10 * tolerance
    for candidate in candidates:
        alive = dict.fromkeys(wrong, 0)
        contradicted: set[str] = set()
        for trial in trials:
            predicted = predict(candidate, trial.given, trial.right)
            if predicted is None:
                continue
            for name, seen in trial.seen.items():
                if name not in predicted or same(seen, predicted[name], tolerance):
                    # Where it shows, the match means something.
                    if name in alive and distance(predicted[name], trial.right[name]) > shows:
                        alive[name] += 1
                else:
                    alive.pop(name, None)
                    contradicted.add(name)
            if not alive:
                break
        covered = frozenset(name for name, shown in alive.items() if shown >= ENOUGH)
        if covered and not (contradicted and contradicted & _spoken_of(candidate, trials)):
            found.append(_Match(candidate, covered, len(contradicted)))
    return found


def _spoken_of(mistakes: Explanation, trials: Sequence[Trial]) -> set[str]:
    """Return the quantities that come out differently, those aside of which each stands alone.

    Where the forward pass is mistaken, what the backward pass makes of it is another matter.
    """
    together = tuple(mistake for mistake in mistakes if not mistake.each)
    names: set[str] = set()
    for trial in trials if together else ():
        predicted = predict(together, trial.given, trial.right) or {}
        right = trial.right
        names |= {n for n, a in predicted.items() if n not in right or not same(a, right[n], 0)}
    return names.intersection(FORWARD) or names
