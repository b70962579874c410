"""The course's import names for the losses."""

from handgrad.losses import CrossEntropy, MSELoss

__all__ = ["CrossEntropy", "MSELoss"]
