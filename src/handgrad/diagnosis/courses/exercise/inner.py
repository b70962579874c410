"""The layers that a student's model or dropout is given: ours, or the student's own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.exercise.linear import LinearHandle, LinearStudent
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.inner import InnerLinear, inner_linear
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.diagnosis.student.arrays import Slot
from handgrad.diagnosis.student.subject import Subject

__all__ = ["linear_handle", "own_linear", "stand_in"]


def stand_in(ours: type, theirs: Sequence[type] = ()) -> Any:
    """Return our class, as one that is also the student's own classes where that can be.

    What stands in for a layer is then an instance of those, has the name of the first, and answers
    what only that one answers; its passes and its parameters are ours.
    """
    constructor = next(vars(c)["__init__"] for c in ours.__mro__ if "__init__" in vars(c))
    named = {"__init__": constructor}
    for cls in theirs:
        if hasattr(cls, "get_type"):
            named.setdefault("get_type", cls.get_type)
    for bases in (theirs, *((cls,) for cls in theirs)):
        with suppress(TypeError):  # two layouts, or two metaclasses, that do not fit
            if bases:
                return type(bases[0].__name__, (ours, *bases), named)
    return ours


def linear_handle(
    W: Array, b: Array, own: LinearStudent | None, like: Sequence[type] = ()
) -> LinearHandle:
    """Return an affine layer with these parameters, (D, K) and (K,).

    It is the student's own; or else ours, which stands in for what it is `like`.
    """
    if own is None:
        layer = inner_linear(W, b, stand_in(InnerLinear, like))
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
