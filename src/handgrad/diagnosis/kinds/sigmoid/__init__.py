"""The logistic sigmoid."""

from __future__ import annotations

from handgrad.diagnosis.kinds.pointwise.kind import PointwiseKind
from handgrad.diagnosis.kinds.sigmoid.mistakes import CURVE, MISTAKES

__all__ = ["SigmoidKind"]


class SigmoidKind(PointwiseKind):
    """The logistic sigmoid."""

    name = "sigmoid"
    words = ("sigmoid", "logistic")
    curve = CURVE
    mistakes = MISTAKES
