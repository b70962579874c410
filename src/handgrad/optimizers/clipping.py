"""Gradients that are too large, made smaller."""

from __future__ import annotations

import math

import numpy as np

from handgrad.arguments import Array

__all__ = ["clipping_factor"]


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
    squares = float(np.vdot(vector, vector))
    if math.isfinite(squares):
        norm = math.sqrt(squares)
    else:  # a square of float32 goes up to 1e19 only
        norm = float(np.linalg.norm(vector.astype(np.float64)))
    return max_norm / (norm + 1e-6)
