"""The logistic sigmoid."""

from handgrad.diagnosis.kinds.sigmoid.kind import SigmoidKind

__all__ = ["SigmoidKind"]
