"""Saying in sentences with numbers how the student's code differs from what is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import distance, same
from handgrad.diagnosis.closeness import mask
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.given import Given

__all__ = ["describe"]


def describe(name: str, trials: Sequence[Trial], tolerance: float) -> list[str]:
    """Return sentences with numbers on how one quantity differs from the truth in each trial."""
    differing = (t for t in trials if not same(t.seen[name], t.right[name], tolerance))
    first = next(differing, trials[0])
    right = first.right[name]
    seen = first.seen[name]
    if seen.shape != right.shape:
        sentences = [
            f"your {name} has shape {seen.shape}; it should have {right.shape} "
            f"at {first.given.label}"
        ]
        if seen.ndim == 2 and seen.T.shape == right.shape and same(seen.T, right, tolerance):
            sentences.append(f"your {name}, transposed, is right to {distance(seen.T, right):.0e}")
        return sentences
    return (
        _factor(name, trials)
        or _by_rows(name, trials)
        or _excess(name, trials)
        or [_entries(name, first, tolerance)]
    )


def _factor(name: str, trials: Sequence[Trial]) -> list[str]:
    """Say it where the student's array is the truth times one number."""
    factors, remainders = [], []
    for trial in trials:
        k, remainder = _least_squares(trial.seen[name], trial.right[name])
        if not remainder <= 1e-6:
            return []
        factors.append(k)
        remainders.append(remainder)
    # The first trial of each factor, so that one factor everywhere takes one place.
    distinct = {
        round(k, 9): (trial, k) for trial, k in reversed(list(zip(trials, factors, strict=True)))
    }
    shown = sorted(distinct.values(), key=lambda pair: trials.index(pair[0]))[:3]
    numbers = [f"{k:.6f} times at {trial.given.label}" for trial, k in shown]
    numbers[0] = numbers[0].replace(" times ", " times the truth ", 1)
    what = f"your {name} is {' and '.join(numbers)}"
    if any(trial.right[name].size > 1 for trial in trials):  # of one number nothing can remain
        what += f"; what remains is {max(remainders):.0e}"
    known = _recognise([trial.given for trial in trials], factors)
    return [what, f"the factor is {known} each time"] if known else [what]


def _least_squares(seen: Array, right: Array) -> tuple[float, float]:
    """Return the factor that fits best, and what remains, relative to the largest entry."""
    if seen.shape != right.shape or not np.isfinite(seen).all() or not np.isfinite(right).all():
        return np.nan, np.inf
    norm, largest = float(np.vdot(right, right)), float(np.abs(seen).max(initial=0))
    if not norm or not largest:
        return 0.0, 0.0 if not largest else np.inf
    k = float(np.vdot(right, seen)) / norm
    return k, float(np.abs(seen - k * right).max()) / largest


def _recognise(givens: Iterable[Given], factors: Sequence[float]) -> str:
    """Return a factor in words where the same words fit in every trial: "N", "1/(N·D)", "2"."""
    fits: set[str] | None = None
    for given, k in zip(givens, factors, strict=True):
        found = {
            words for words, value in _products(given.sizes) if abs(k - value) < 1e-7 * abs(value)
        }
        fits = found if fits is None else fits & found
    return min(fits, key=len) if fits else ""


def _products(sizes: dict[str, int]) -> Iterable[tuple[str, float]]:
    """Yield products of the sizes and small numbers, in words and as numbers."""
    terms = [("", 1)]
    for name, size in sizes.items():
        terms += [(f"{words}·{name}" if words else name, value * size) for words, value in terms]
    for words, value in terms:
        for number, factor in (("", 1.0), ("2", 2.0), ("1/2", 0.5)):
            text = "·".join(part for part in (number, words) if part) or "1"
            below = f"({words})" if "·" in words else words
            for sign in (1, -1):
                minus = "" if sign > 0 else "-"
                yield minus + text, sign * factor * value
                if words:
                    yield f"{minus}{number or '1'}/{below}", sign * factor / value


def _by_rows(name: str, trials: Sequence[Trial]) -> list[str]:
    """Say it where each row, or each column, has a factor of its own."""
    for axis, what in ((1, "row"), (0, "column")):
        fits, shown = True, ""
        for trial in trials:
            seen, right = trial.seen[name], trial.right[name]
            if seen.ndim != 2 or seen.shape != right.shape or min(seen.shape) < 2:
                return []
            norm = (right * right).sum(axis=axis, keepdims=True)
            if not (np.isfinite(seen).all() and np.isfinite(norm).all()):
                return []
            k = (seen * right).sum(axis=axis, keepdims=True) / np.where(norm, norm, 1)
            remainder = np.abs(seen - k * right).max() / max(np.abs(seen).max(), 1e-300)
            fits &= bool(remainder < 1e-9)
            if not shown and remainder < 1e-9 < np.abs(seen - right).max() and _telling(k, right):
                factors = ", ".join(f"{factor:.4g}" for factor in k.ravel()[:8])
                shown = f"{trial.given.label}: {factors}"
        if fits and shown:
            return [f"each {what} of your {name} has a factor of its own to the truth, at {shown}"]
    return []


def _telling(factors: Array, right: Array) -> bool:
    """Return whether factors of rows, or columns, say something.

    They differ; and where a row has one entry that is not 0, it has a factor whatever is wrong.
    """
    axis = factors.shape.index(1)
    several = (right != 0).sum(axis=axis) > 1
    return bool(np.ptp(factors) > 1e-9 and several.mean() > 0.5)


def _excess(name: str, trials: Sequence[Trial]) -> list[str]:
    """Say it where what is too much is one number times something that the code was given."""
    words = {"x": "input", "y": "target", "dy": "upstream gradient"}
    first = trials[0].given
    for field in (*first.parameters, *first.arrays):
        factors = []
        for trial in trials:
            seen, right, other = trial.seen[name], trial.right[name], trial.given[field]
            if seen.shape != right.shape or other.shape != seen.shape:
                break
            k, remainder = _least_squares(seen - right, other)
            if not remainder <= 1e-6:
                break
            factors.append(k)
        if len(factors) == len(trials) and np.allclose(factors, factors[0], rtol=1e-6):
            what = words.get(field, field)
            return [
                f"your {name} is the truth plus {factors[0]:.6f} times the {what}, at "
                f"{len(trials)} shapes and seeds"
            ]
    return []


def _entries(name: str, trial: Trial, tolerance: float) -> str:
    seen, right = trial.seen[name], trial.right[name]
    wrong, far = mask(seen, right, tolerance), distance(seen, right)
    if wrong.size > 1:
        size = f", by up to {far:.1e} of the largest" if np.isfinite(far) else ""
        count = f"{np.count_nonzero(wrong)} of {wrong.size} entries of your {name} differ"
        parts = [f"{count} at {trial.given.label}{size}"]
    else:
        size = f" by {far:.1e} of its size" if np.isfinite(far) else ""
        parts = [f"your {name} differs{size} at {trial.given.label}"]
    if not np.isfinite(seen).all():
        parts.append(f"{np.count_nonzero(~np.isfinite(seen))} are not finite")
    zeros = int(np.count_nonzero((seen == 0) & (right != 0)))
    if zeros:
        parts.append(f"{zeros} are 0 where the truth is not")
    others = int(np.count_nonzero((seen != 0) & (right == 0)))
    if others:
        parts.append(f"{others} are not 0 where the truth is")
    x = trial.given.x
    if x.shape == wrong.shape and 0 < np.count_nonzero(wrong) < wrong.size:
        if np.array_equal(wrong, x < 0):
            parts.append("they are those with a negative input")
        elif np.array_equal(wrong, x > 0):
            parts.append("they are those with a positive input")
    return "; ".join(parts)
