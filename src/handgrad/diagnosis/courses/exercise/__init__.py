"""The interface of the exercise: classes whose weights are found, whatever they are called."""

from __future__ import annotations

from handgrad.diagnosis.courses.exercise.calls import CrossEntropyStudent, ExerciseStudent
from handgrad.diagnosis.courses.exercise.dropout import DropoutStudent
from handgrad.diagnosis.courses.exercise.linear import LinearStudent
from handgrad.diagnosis.courses.exercise.model import ModelStudent

__all__ = ["STUDENTS", "ExerciseStudent", "student_type"]

STUDENTS: dict[str, type[ExerciseStudent]] = {
    "cross_entropy": CrossEntropyStudent,
    "linear": LinearStudent,
    "dropout": DropoutStudent,
    "model": ModelStudent,
}


def student_type(kind: str) -> type[ExerciseStudent]:
    """Return how the exercise calls components of a kind."""
    return STUDENTS.get(kind, ExerciseStudent)
