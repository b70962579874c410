"""Activations: components without parameters."""

from handgrad.activations.relu import ReLU
from handgrad.activations.sigmoid import Sigmoid

__all__ = ["ReLU", "Sigmoid"]
