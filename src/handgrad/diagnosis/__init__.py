"""What is wrong with a hand-written gradient, and why."""

from __future__ import annotations

from handgrad.diagnosis.diagnose import diagnose
from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Hint, Status, Verdict
from handgrad.diagnosis.function import diagnose_function
from handgrad.diagnosis.result import Diagnosis

__all__ = [
    "Cause",
    "Diagnosis",
    "Example",
    "Failure",
    "Finding",
    "Hint",
    "Status",
    "Verdict",
    "diagnose",
    "diagnose_function",
]
