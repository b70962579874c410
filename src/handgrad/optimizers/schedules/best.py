"""The best value so far, which early stopping and a plateau's schedule both watch for."""

from __future__ import annotations

import math

__all__ = ["BestSoFar"]


class BestSoFar:
    """A base for whatever counts the epochs since a value was last the best.

    Attributes
    ----------
    best : float or None
        The best value so far, not counting improvements that were too small.
    bad_epochs : int
        Epochs in a row without an improvement.

    Examples
    --------
    >>> watch = BestSoFar()
    >>> [watch.improves(value, threshold=0.1) for value in (3.0, 2.9, 2.0)]
    [True, False, True]
    >>> watch.best, watch.bad_epochs
    (2.0, 0)
    """

    best: float | None = None
    bad_epochs = 0

    def improves(
        self, value: float, *, more: bool = False, min_delta: float = 0.0, threshold: float = 0.0
    ) -> bool:
        """Take the value of an epoch, and return whether it is the best one.

        Parameters
        ----------
        value
            The value; one that is no number is no improvement.
        more
            Whether more is better.
        min_delta, threshold
            By how much it must be better than the best one, and by which fraction of that.
        """
        sign = -1 if more else 1
        bound = math.inf
        if self.best is not None:
            bound = sign * self.best * (1 - threshold) - min_delta
        if sign * value < bound:
            self.best, self.bad_epochs = float(value), 0
            return True
        self.bad_epochs += 1
        return False
