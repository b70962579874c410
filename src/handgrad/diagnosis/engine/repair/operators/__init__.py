"""The edits that are tried, by what they change."""

from handgrad.diagnosis.engine.repair.operators.everything import singles, whole_expressions

__all__ = ["singles", "whole_expressions"]
