"""The affine layer."""

from handgrad.diagnosis.kinds.linear.kind import LinearKind

__all__ = ["LinearKind"]
