"""The mean squared error."""

from handgrad.diagnosis.kinds.mse.kind import MSEKind

__all__ = ["MSEKind"]
