"""What brings a gradient down to a norm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from handgrad.arguments import Array

__all__ = ["clipping_factor"]


def clipping_factor(
    vector: Array, max_norm: float, parts: Iterable[slice] = (slice(None),)
) -> float:
    """Return what brings a vector down to a norm, at least 1 where it need not be brought down.

    For a norm that is not a number, nor is the factor. Of `parts` theirs alone counts.
    """
    counted = [vector[part] for part in parts]
    squares = sum(float(np.vdot(part, part)) for part in counted)
    if math.isfinite(squares):
        norm = math.sqrt(squares)
    else:  # a square of float32 goes up to 1e19 only
        norms = [np.linalg.norm(part.astype(np.float64)) for part in counted]
        norm = float(np.linalg.norm(norms))
    return max_norm / (norm + 1e-6)
