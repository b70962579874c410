"""The edits that are tried, by what they change."""

from handgrad.diagnosis.engine.repair.operators.everything import (
    on_expressions,
    on_statements,
    singles,
)

__all__ = ["on_expressions", "on_statements", "singles"]
