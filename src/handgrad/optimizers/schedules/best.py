"""The best value so far, which early stopping and a plateau's schedule both watch for."""

from __future__ import annotations

import math

__all__ = ["BestSoFar"]


class BestSoFar:
    """A base for whatever counts the epochs since a value was last the best.

    `best` is that value, not counting improvements that were too small.
    """

    best: float | None = None
    bad_epochs = 0

    def improves(
        self, value: float, *, more: bool = False, min_delta: float = 0.0, threshold: float = 0.0
    ) -> bool:
        """Take the value of an epoch, and return whether it is the best one; NaN is not.

        It must be better than the best one by `min_delta`, and by the fraction `threshold` of it.
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
