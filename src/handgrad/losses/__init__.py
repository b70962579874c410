"""Losses: how far predictions are from their targets."""

from handgrad.losses.cross_entropy import CrossEntropy
from handgrad.losses.mse import MSELoss

__all__ = ["CrossEntropy", "MSELoss"]
