"""Repairing the student's own code: the search for small edits that make everything right."""

from handgrad.diagnosis.engine.repair.mend import repairs

__all__ = ["repairs"]
