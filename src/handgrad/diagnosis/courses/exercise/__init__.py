"""The interface of the exercise: classes whose weights are found, whatever they are called."""

from __future__ import annotations

from handgrad.diagnosis.courses.exercise.calls import (
    BinaryCrossEntropyStudent,
    CrossEntropyStudent,
    ExerciseStudent,
)
from handgrad.diagnosis.courses.exercise.dropout import DropoutStudent, PlainDropoutStudent
from handgrad.diagnosis.courses.exercise.embedding import EmbeddingStudent
from handgrad.diagnosis.courses.exercise.linear import LinearStudent
from handgrad.diagnosis.courses.exercise.model import ModelStudent
from handgrad.diagnosis.courses.exercise.named import NamedStudent

__all__ = ["STUDENTS", "ExerciseStudent", "student_type"]

STUDENTS: dict[str, type[ExerciseStudent]] = {
    "binary_cross_entropy": BinaryCrossEntropyStudent,
    "cross_entropy": CrossEntropyStudent,
    "linear": LinearStudent,
    "dropout": DropoutStudent,
    "plain_dropout": PlainDropoutStudent,
    "embedding": EmbeddingStudent,
    "model": ModelStudent,
    **dict.fromkeys(("conv1d", "conv2d", "avg_pool2d", "max_pool2d"), NamedStudent),
    **dict.fromkeys(("batch_norm", "spatial_batch_norm", "layer_norm"), NamedStudent),
    **dict.fromkeys(("group_norm", "rms_norm"), NamedStudent),
    **dict.fromkeys(("rnn", "lstm", "gru", "temporal_linear"), NamedStudent),
    **dict.fromkeys(("attention", "multi_head_attention"), NamedStudent),
}


def student_type(kind: str) -> type[ExerciseStudent]:
    """Return how the exercise calls components of a kind."""
    return STUDENTS.get(kind, ExerciseStudent)
