"""The course's import names for the activations."""

from handgrad.activations import ReLU, Sigmoid

__all__ = ["ReLU", "Sigmoid"]
