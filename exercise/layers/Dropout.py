"""The course's import name for dropout."""

from handgrad.layers import Dropout

__all__ = ["Dropout"]
