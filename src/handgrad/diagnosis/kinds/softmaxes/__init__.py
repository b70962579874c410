"""The softmax and its logarithm as layers, and mistakes in them: one kind a file."""

from handgrad.diagnosis.kinds.softmaxes.log_softmax import LogSoftmaxKind
from handgrad.diagnosis.kinds.softmaxes.softmax import SoftmaxKind

__all__ = ["LogSoftmaxKind", "SoftmaxKind"]
