"""The course's import names for the layers."""

from layers.Dropout import Dropout
from layers.Linear import Linear

__all__ = ["Dropout", "Linear"]
