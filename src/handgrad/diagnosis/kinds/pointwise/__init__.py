"""Functions of one number, and mistakes in them: one kind a file."""

from handgrad.diagnosis.kinds.pointwise.elu import ELUKind
from handgrad.diagnosis.kinds.pointwise.gelu import GELUKind
from handgrad.diagnosis.kinds.pointwise.hard_tanh import HardTanhKind
from handgrad.diagnosis.kinds.pointwise.leaky_relu import LeakyReLUKind
from handgrad.diagnosis.kinds.pointwise.silu import SiLUKind
from handgrad.diagnosis.kinds.pointwise.softplus import SoftplusKind
from handgrad.diagnosis.kinds.pointwise.tanh import TanhKind

__all__ = [
    "ELUKind",
    "GELUKind",
    "HardTanhKind",
    "LeakyReLUKind",
    "SiLUKind",
    "SoftplusKind",
    "TanhKind",
]
