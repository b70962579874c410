"""Gradients that are too large, made smaller."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from handgrad.arguments import Array

__all__ = ["clipping_factor"]


def clipping_factor(
    vector: Array, max_norm: float, parts: Iterable[slice] = (slice(None),)
) -> float:
    r"""Return what a vector is multiplied with to have at most a norm, where that is below 1.

    .. math:: \frac{c}{\|g\|_2 + 10^{-6}}, \qquad c = \text{max\_norm}

    as PyTorch's ``clip_grad_norm_`` has it. For a norm that is not a number, nor is the factor.
    Where there are `parts`, it is theirs alone that counts.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013, algorithm 1.

    Examples
    --------
    >>> round(clipping_factor(np.array([3.0, 4.0]), 1.0), 6)
    0.2
    """
    counted = [vector[part] for part in parts]
    squares = sum(float(np.vdot(part, part)) for part in counted)
    if math.isfinite(squares):
        norm = math.sqrt(squares)
    else:  # a square of float32 goes up to 1e19 only
        norms = [np.linalg.norm(part.astype(np.float64)) for part in counted]
        norm = float(np.linalg.norm(norms))
    return max_norm / (norm + 1e-6)
