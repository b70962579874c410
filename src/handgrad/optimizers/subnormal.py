r"""Numbers so small that a processor takes a hundred times as long for them.

A mean that decays, :math:`m \leftarrow \beta m`, of a gradient that is 0 from now on (of a word
that is rare, or of a unit that is dead) never gets to 0: below the smallest normal number, 1.2e-38
in float32, it is rounded to a handful of the smallest steps there are, and :math:`0.9 \cdot 4`
steps are 4 steps again. A whole vector of these takes twenty times as long to update. So they are
set to 0, which moves no parameter by more than 1e-30.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.kernels.compiling import inlined

__all__ = ["flush", "flushed", "negligible"]

EVERY = 32
"""Steps after which NumPy's form looks for such numbers; compiled loops always do, at no cost."""


@inlined
def negligible(eps: Any, limits: Any) -> Any:
    """Return below which a mean square is set to 0, whose root is to be added to `eps`.

    Below the smallest normal number, as all others; and where `eps` is so tiny that the root of
    that would show beside it, only where it would not.
    """
    unseen = eps * limits.eps
    return min(limits.tiny, unseen * unseen)


@inlined
def flushed(x: Any, least: Any) -> Any:
    """Return a number, or 0 in its place where it is nearer to 0 than `least`; NaN stays."""
    return x * (abs(x) >= least)


def flush(vector: Array, age: int, eps: float | None = None) -> None:
    """Set what has become too small to 0, in place, at one step of many.

    Parameters
    ----------
    vector : Array
        What an optimizer keeps.
    age : int
        How many steps it has had.
    eps : float, optional
        What the roots of its entries are added to, where it is a mean of squares.

    Examples
    --------
    >>> vector = np.array([1e-310, -1e-300, 0.5, np.nan])
    >>> flush(vector, EVERY)
    >>> vector
    array([ 0.e+000, -1.e-300,  5.e-001,      nan])
    """
    if age % EVERY == 0:
        limits = np.finfo(vector.dtype)
        vector *= np.abs(vector) >= (limits.tiny if eps is None else negligible(eps, limits))
