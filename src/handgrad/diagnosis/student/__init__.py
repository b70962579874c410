"""The student's code: how it is called, where its arrays are, what its exceptions say."""

from handgrad.diagnosis.student.student import Student, seeded
from handgrad.diagnosis.student.subject import StudentError, Subject

__all__ = ["Student", "StudentError", "Subject", "seeded"]
