"""Whether two arrays are close, which is asked in one way everywhere."""

from __future__ import annotations

import numpy as np

from handgrad.component import Array

__all__ = ["DOUBLE", "HIDDEN", "SINGLE", "distance", "mask", "same"]

DOUBLE = 1e-9
"""Largest difference, relative to the largest entry, that rounding in float64 explains."""
HIDDEN = 3e-6
"""The same where float64 comes out and float32 or an epsilon may be inside."""
SINGLE = 3e-5
"""The same where float32 comes out."""


def distance(a: Array, b: Array, floor: float = 0.0) -> float:
    """Return the largest difference, relative to the larger one's largest entry, or the floor.

    Infinite where the shapes differ, or NaN or infinity do not stand in the same places.
    """
    if a.shape != b.shape:
        return np.inf
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    if not np.isfinite(difference).all():
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return np.inf
        keep = np.isfinite(a)
        if not np.array_equal(a[~keep], b[~keep], equal_nan=True):
            return np.inf
        a, b, difference = a[keep], b[keep], difference[keep]
    largest = float(difference.max(initial=0))
    if not largest:
        return 0.0
    return largest / float(max(np.abs(a).max(), np.abs(b).max(), floor))


def same(a: Array, b: Array, tolerance: float, floor: float = 0.0) -> bool:
    """Return whether two arrays are the same up to rounding."""
    return distance(a, b, floor) <= tolerance


def mask(seen: Array, right: Array, tolerance: float) -> Array:
    """Return which entries of `seen` differ; all of them where the shapes do."""
    if seen.shape != right.shape:
        return np.ones(seen.shape, dtype=bool)
    largest = np.abs(right[np.isfinite(right)]).max(initial=0)
    with np.errstate(invalid="ignore"):
        close = np.abs(seen - right) <= tolerance * largest
    return np.asarray(~(close | (seen == right) | (np.isnan(seen) & np.isnan(right))))
