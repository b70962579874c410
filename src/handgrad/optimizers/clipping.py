"""Gradients that are too large, made smaller."""

from __future__ import annotations

import math

import numpy as np

from handgrad.arguments import Array

__all__ = ["clipping_factor", "euclidean_norm"]


def euclidean_norm(vector: Array) -> float:
    """Return the Euclidean norm, also where a square is beyond the type.

    Examples
    --------
    >>> euclidean_norm(np.array([3.0, 4.0])), euclidean_norm(np.full(4, 1e30, np.float32)) > 1e30
    (5.0, True)
    """
    squares = float(np.vdot(vector, vector))
    if math.isfinite(squares):
        return math.sqrt(squares)
    return float(np.linalg.norm(vector.astype(np.float64)))  # float32 squares up to 1e19 only


def clipping_factor(vector: Array, max_norm: float) -> float:
    r"""Return what a vector is multiplied with to have at most a norm, where that is below 1.

    .. math:: \frac{c}{\|g\|_2 + 10^{-6}}, \qquad c = \text{max\_norm}

    as PyTorch's ``clip_grad_norm_`` has it. For a norm that is not a number, nor is the factor.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013, algorithm 1.

    Examples
    --------
    >>> round(clipping_factor(np.array([3.0, 4.0]), 1.0), 6)
    0.2
    """
    return max_norm / (euclidean_norm(vector) + 1e-6)
