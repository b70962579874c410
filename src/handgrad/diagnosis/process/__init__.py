"""A process of its own for a student's file, and the way of a diagnosis out of it."""

from handgrad.diagnosis.process.sandbox import Job, diagnose_file, run

__all__ = ["Job", "diagnose_file", "run"]
