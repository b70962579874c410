"""An embedding with the exercise's calls, wherever its table is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.exercise.calls import ExerciseStudent
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.kinds.embedding import EmbeddingKind
from handgrad.diagnosis.student.arrays import Slot, find_weights, walk
from handgrad.diagnosis.student.gradients import sort_gradients
from handgrad.diagnosis.student.subject import Subject

__all__ = ["EmbeddingStudent"]


@dataclass
class _Table:
    """A student's embedding, and where its table is."""

    thing: Any
    weights: Slot


class EmbeddingStudent(ExerciseStudent):
    """An embedding. Its table is found by its shape and its influence."""

    def __init__(self, kind: Kind, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(kind, subject, own)
        if not subject.is_class:
            tables = [slot.array.shape for slot in walk(subject.make()) if slot.array.ndim == 2]
            self.kind = EmbeddingKind(*tables[:1])

    def start(self, given: Given) -> Any:
        V, D = given["weights"].shape
        thing = self.subject.make(V, D)

        def forward() -> Array:
            return super(EmbeddingStudent, self).forward(thing, given.copied())["output"]

        forward()
        made = _Table(thing, find_weights(thing, V, D, forward, np.random.default_rng(0)))
        self.place(made, given)
        return made

    def place(self, thing: Any, given: Given) -> None:
        thing.weights.write(given["weights"])

    def parameters(self, thing: Any) -> Results:
        return {"weights": thing.weights.array}

    def forward(self, thing: Any, given: Given) -> Results:
        return super().forward(thing.thing, given)

    def backward(self, thing: Any, given: Given) -> Results:
        returned = self.returned(thing.thing, given)
        W = given["weights"]
        found, _ = sort_gradients(
            thing.thing, {} if returned is None else returned, given.x.shape, W.shape
        )
        # What is returned alone is the table's, whatever its shape: there is no other gradient.
        alone = found.get("dx", found.get("dW"))
        return {} if alone is None else {"dW": alone}
