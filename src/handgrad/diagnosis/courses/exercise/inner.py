"""The layers that a student's model or dropout is given: ours, or the student's own."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.exercise.linear import LinearHandle, LinearStudent
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.inner import inner_linear
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.diagnosis.student.arrays import Slot
from handgrad.diagnosis.student.subject import Subject

__all__ = ["linear_handle", "own_linear"]


def linear_handle(W: Array, b: Array, own: LinearStudent | None) -> LinearHandle:
    """Return an affine layer with these parameters, (D, K) and (K,): ours, or the student's own."""
    if own is None:
        layer = inner_linear(W, b)
        weights, bias = (Slot((name,), layer, name) for name in ("weights", "bias"))
        return LinearHandle(layer, weights, bias)
    rows = np.random.default_rng(0).standard_normal((3, len(W)))
    parameters = {"weights": W, "bias": b}
    handle: LinearHandle = own.start(Given("", {}, {"x": rows}, np.zeros((3, len(b))), parameters))
    handle.place(W, b)
    return handle


def own_linear(own: dict[str, type]) -> LinearStudent | None:
    """Return what makes the student's own layers, None where ours are to be used."""
    return LinearStudent(LinearKind(), Subject(own["linear"])) if "linear" in own else None
