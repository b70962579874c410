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

__all__ = ["EVERY", "flush", "flushed"]

EVERY = 32
"""Steps after which NumPy's form looks for such numbers; compiled loops always do, for nothing."""


@inlined
def flushed(x: Any, tiny: Any) -> Any:
    """Return a number, or 0 in its place where it is nearer to 0 than `tiny`; NaN stays."""
    return x * (abs(x) >= tiny)


def flush(vector: Array) -> None:
    """Set what is nearer to 0 than the smallest normal number to 0, in place.

    Examples
    --------
    >>> vector = np.array([1e-310, -1e-300, 0.5, np.nan])
    >>> flush(vector)
    >>> vector
    array([ 0.e+000, -1.e-300,  5.e-001,      nan])
    """
    vector *= np.abs(vector) >= np.finfo(vector.dtype).tiny
