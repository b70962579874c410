"""The rectified linear unit."""

from handgrad.diagnosis.kinds.relu.kind import ReLUKind

__all__ = ["ReLUKind"]
