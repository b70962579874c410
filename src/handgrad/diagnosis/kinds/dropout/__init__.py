"""Inverted dropout around a layer."""

from handgrad.diagnosis.kinds.dropout.kind import DropoutKind

__all__ = ["DropoutKind"]
