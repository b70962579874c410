"""The course's import name for the model."""

from handgrad import Model

__all__ = ["Model"]
