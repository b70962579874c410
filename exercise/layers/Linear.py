"""The course's import name for the affine layer."""

from handgrad.layers import Linear

__all__ = ["Linear"]
