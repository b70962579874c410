"""Whether a gradient is right: the truths, the comparison, the report."""

from handgrad.checking.cases import CASES, Case
from handgrad.checking.comparison import CheckResult, Comparison, Violation, check
from handgrad.checking.library import Line, Report, check_library
from handgrad.checking.truth import central_differences, complex_step
from handgrad.randomness import repeatable

__all__ = [
    "CASES",
    "Case",
    "CheckResult",
    "Comparison",
    "Line",
    "Report",
    "Violation",
    "central_differences",
    "check",
    "check_library",
    "complex_step",
    "repeatable",
]
