"""A whole model."""

from handgrad.diagnosis.kinds.model.kind import ModelKind

__all__ = ["ModelKind"]
