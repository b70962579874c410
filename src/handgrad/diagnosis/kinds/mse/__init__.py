"""The mean squared error."""

from __future__ import annotations

from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.losses.entries import EntriesKind
from handgrad.diagnosis.kinds.mse.mistakes import CONVENTIONS, MISTAKES
from handgrad.losses import MSELoss

__all__ = ["MSEKind"]


class MSEKind(EntriesKind):
    """The mean squared error."""

    name = "mse"
    words = ("mse", "meansquared")
    mistakes = MISTAKES
    conventions = CONVENTIONS

    def loss(self, given: Given) -> MSELoss:
        return MSELoss()
