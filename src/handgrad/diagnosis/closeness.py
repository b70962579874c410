"""How close rounding leaves two arrays, and which of their entries are not that close."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array

__all__ = ["DOUBLE", "HIDDEN", "SINGLE", "mask"]

DOUBLE = 1e-9
"""Largest difference, relative to the largest entry, that rounding in float64 explains."""
HIDDEN = 3e-6
"""The same where float64 comes out and float32 or an epsilon may be inside."""
SINGLE = 3e-5
"""The same where float32 comes out."""


def mask(seen: Array, right: Array, tolerance: float) -> Array:
    """Return which entries of `seen` differ; all of them where the shapes do."""
    if seen.shape != right.shape:
        return np.ones(seen.shape, dtype=bool)
    largest = np.abs(right[np.isfinite(right)]).max(initial=0)
    with np.errstate(invalid="ignore"):
        close = np.abs(seen - right) <= tolerance * largest
    return np.asarray(~(close | (seen == right) | (np.isnan(seen) & np.isnan(right))))
