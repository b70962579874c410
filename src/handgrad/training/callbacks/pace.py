"""How often something is written that takes its time."""

from __future__ import annotations

import math
from time import monotonic

from handgrad.arguments import is_real
from handgrad.errors import ArgumentError

__all__ = ["Pace"]


class Pace:
    """Say whether so many seconds have gone by.

    Parameters
    ----------
    seconds : float
        At least so many lie between two times; 0 is always.
    owner : str
        For messages.

    Examples
    --------
    >>> pace = Pace(3600, "a test")
    >>> pace.due(), pace.begin(), pace.due()
    (True, None, False)
    """

    def __init__(self, seconds: float, owner: str) -> None:
        if not is_real(seconds) or seconds < 0:
            raise ArgumentError(
                f"seconds={seconds!r} for {owner}", "a number >= 0", "5 is often enough"
            )
        self.seconds, self._begun = seconds, -math.inf

    def begin(self) -> None:
        """Count from now on."""
        self._begun = monotonic()

    def due(self) -> bool:
        """Return whether they have gone by."""
        return monotonic() - self._begun >= self.seconds
