"""Losses: how far predictions are from their targets."""

from handgrad.losses.binary_cross_entropy import BinaryCrossEntropy
from handgrad.losses.cross_entropy import CrossEntropy
from handgrad.losses.hinge import HingeLoss
from handgrad.losses.huber import HuberLoss
from handgrad.losses.l1 import L1Loss
from handgrad.losses.mse import MSELoss

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "HingeLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
]
