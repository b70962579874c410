"""Losses, and mistakes in them: one kind a file."""

from handgrad.diagnosis.kinds.losses.binary_cross_entropy import BinaryCrossEntropyKind
from handgrad.diagnosis.kinds.losses.hinge import HingeKind
from handgrad.diagnosis.kinds.losses.huber import HuberKind
from handgrad.diagnosis.kinds.losses.l1 import L1Kind
from handgrad.diagnosis.kinds.losses.log_loss import LogLossKind

__all__ = ["BinaryCrossEntropyKind", "HingeKind", "HuberKind", "L1Kind", "LogLossKind"]
