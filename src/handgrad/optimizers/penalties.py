"""Clipping and decay of one entry, as the compiled updates have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.kernels.compiling import inlined

__all__ = ["penalized", "penalties", "unpacked"]


def penalties(
    dtype: Any,
    scale: float,
    l1: float = 0.0,
    decay: float = 0.0,
    threshold: float = 0.0,
    shrink: float = 1.0,
) -> Array:
    """Return what is done to each entry before the update proper, as compiled loops take it.

    Parameters
    ----------
    dtype
        The parameters' type.
    scale
        What clips the gradient.
    l1, decay
        Strengths of the penalties that join the gradient.
    threshold, shrink
        Of those that are decoupled: by how much, and then to which share, the parameter shrinks.

    Examples
    --------
    >>> penalties(np.float64, 0.5, decay=0.1)
    array([0.5, 0. , 0.1, 0. , 1. ])
    """
    return np.array((scale, l1, decay, threshold, shrink), dtype)


@inlined
def penalized(p: Any, g: Any, penalties: Any) -> tuple[Any, Any]:
    """Return an entry of the parameters, and of the gradient, after clipping and penalties."""
    scale, l1, decay, threshold, shrink = penalties
    g = scale * g
    if l1 != 0:  # the same for all entries: it becomes a loop of its own
        g += l1 * np.sign(p)
    if decay != 0:
        g += decay * p
    if threshold != 0 or shrink != 1:
        p = shrink * np.sign(p) * max(abs(p) - threshold, p * 0)
    return p, g


@inlined
def unpacked(penalties: Any) -> Any:
    """Return the five numbers, so that a loop need not read them anew for each entry."""
    return penalties[0], penalties[1], penalties[2], penalties[3], penalties[4]
