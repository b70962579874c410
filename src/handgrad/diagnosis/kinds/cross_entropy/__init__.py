"""The cross-entropy of a softmax."""

from handgrad.diagnosis.kinds.cross_entropy.kind import CrossEntropyKind

__all__ = ["CrossEntropyKind"]
