"""Memory that one pass leaves to the next."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

__all__ = ["make_room", "size_of"]

_MOST = 31 << 20
"""Bytes of the largest block that is made: glibc learns nothing from one of 32 MiB."""


def make_room(*made: Any) -> None:
    """Let as much memory as a pass needs stay with the process when its arrays are gone.

    A step makes the arrays that the step before it has let go of, and malloc gives it the same
    memory, unless that has gone back to the system meanwhile. glibc's malloc gives back what lies
    free at the end of its heap once that is more than twice the largest block that the process has
    had mapped and has freed. So large is an array or two; but a network's are freed together. Then
    every step asks the system for all of its pages anew: thousands of page faults, or none where
    the process happens to have freed a larger array before, one of its data say.

    So once the first pass has been made, a block of twice the size of all that it has made is made
    too, and freed. Nobody writes to it, so it takes up no page. From then on malloc keeps twice as
    much as that, 62 MiB at most. It obeys whoever has set its thresholds, with
    ``MALLOC_TRIM_THRESHOLD_`` say; and where malloc is not glibc's, nothing changes.

    Parameters
    ----------
    made
        What a pass has made, in tuples and lists.
    """
    with suppress(MemoryError):
        np.empty(min(2 * size_of(made), _MOST), np.uint8)


def size_of(made: Any) -> int:
    """Return how many bytes there are in all that has a number of them, in tuples and lists.

    Examples
    --------
    >>> size_of((np.zeros(3), [np.zeros(2, np.float32), "and more"]))
    32
    """
    if isinstance(made, tuple | list):
        return sum(map(size_of, made))
    size = getattr(made, "nbytes", 0)
    return size if isinstance(size, int) else 0
