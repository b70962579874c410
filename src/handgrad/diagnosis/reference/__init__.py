"""Somebody's right implementation in place of ours: the truth for what has no kind."""

from handgrad.diagnosis.reference.code import Code, code_of
from handgrad.diagnosis.reference.inputs import inputs_of
from handgrad.diagnosis.reference.kind import ReferenceKind
from handgrad.diagnosis.reference.student import ReferenceStudent

__all__ = ["Code", "ReferenceKind", "ReferenceStudent", "code_of", "inputs_of"]
