"""The checks that optimizers and schedules share: of options, of vectors, and of a state."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np

from handgrad.arguments import Array, is_real
from handgrad.errors import ArgumentError, DtypeError, ShapeError

__all__ = [
    "Form",
    "check_vectors",
    "count",
    "describe",
    "load_counts",
    "load_numbers",
    "load_vectors",
    "number",
]

Form = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of a vector."""


def number(
    value: object, name: str, owner: str, *, below: float = math.inf, positive: bool = False
) -> float:
    """Return an option as a float, or raise `ArgumentError` where it is not 0 <= value < `below`.

    With `positive` it must be above 0. `name` and `owner` (the "momentum" of "SGD") are for the
    message.
    """
    if is_real(value):
        result = float(value)  # type: ignore[arg-type]
        if 0 <= result < below and not (positive and result == 0):
            return result
    relation = f"0 {'<' if positive else '<='} {name}"
    expected = f"{relation}, finite" if below == math.inf else f"{relation} < {below:g}"
    raise ArgumentError(f"{name}={value!r} for {owner}", expected, "give a number in that range")


def count(value: object, name: str, owner: str) -> int:
    """Return an option as an int of at least 0, or raise `ArgumentError`."""
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0:
        return int(value)
    raise ArgumentError(
        f"{name}={value!r} for {owner}", f"0 <= {name}, an integer", "give an int of at least 0"
    )


def describe(thing: object) -> str:
    """Return the call that makes such an object, from the attributes named as its arguments."""
    names = signature(type(thing)).parameters
    arguments = ", ".join(f"{name}={getattr(thing, name)!r}" for name in names)
    return f"{type(thing).__name__}({arguments})"


def load_numbers(
    state: Mapping[str, Any],
    owner: object,
    kinds: Mapping[str, type],
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """Return the named numbers of a state, or raise `ArgumentError` where one is not as it should.

    For each name, `kinds` says int, which means a count of at least 0, or float, any finite number.
    A name that is `optional` may be missing.
    """
    if not isinstance(state, Mapping):
        raise ArgumentError(
            f"a {type(state).__name__} as a state for {owner!r}",
            "a dict",
            "load what state_dict returned",
        )
    numbers = {}
    for name, kind in kinds.items():
        if name not in state and name in optional:
            continue
        value: Any = state.get(name)
        if not is_real(value) or (kind is int and (value < 0 or value != int(value))):
            what = f"{name}={value!r} in a state" if name in state else f"a state without {name}"
            raise ArgumentError(
                f"{what} for {owner!r}",
                f"{name}, {'an integer of at least 0' if kind is int else 'a finite number'}",
                "load what state_dict returned",
            )
        numbers[name] = kind(value)
    return numbers


def load_vectors(
    state: Mapping[str, Any], owner: object, names: Collection[str]
) -> dict[str, Array]:
    """Return copies of the named vectors of a state, all floats of one length and one type."""
    mend = "load what state_dict returned"
    vectors: dict[str, Array] = {}
    for name in names:
        vector = state[name]
        _check_vector(vector, f"{name} in a state", owner, mend)
        for other, first in vectors.items():
            _check_equal(name, vector, other, first, mend)
        vectors[name] = vector.copy()
    return vectors


def load_counts(state: Mapping[str, Any], owner: object, name: str, most: int) -> Array:
    """Return a copy of the named counts of a state, none above `most`; none at all are empty.

    Examples
    --------
    >>> load_counts({"missed": np.array([0, 2])}, "SGD()", "missed", 3)
    array([0, 2])
    """
    counts = state.get(name, np.zeros(0, np.int64))
    right = isinstance(counts, np.ndarray) and counts.ndim == 1 and counts.dtype.kind in "iu"
    if not right or (counts.size and not 0 <= counts.min() <= counts.max() <= most):
        raise ArgumentError(
            f"{name}={counts!r} in a state for {owner!r}",
            f"a vector of integers from 0 to {most}",
            "load what state_dict returned",
        )
    return np.array(counts, np.int64)


def check_vectors(parameters: Array, gradients: Array, owner: object, form: Form | None) -> None:
    """Raise an error that says what is wrong with the vectors given to a step, if anything is."""
    mend = "call optimizer.update(model.parameters, gradients.flat)"
    _check_vector(parameters, "the parameters", owner, mend)
    _check_vector(gradients, "the gradients", owner, mend)
    _check_equal("gradients", gradients, "parameters", parameters, mend)
    if not parameters.flags.writeable:
        raise ArgumentError(
            f"parameters that are read-only for {owner!r}",
            "a vector that can be updated in place",
            "pass model.parameters, or a copy",
        )
    if form is not None and (parameters.shape, parameters.dtype) != form:
        shape, dtype = form
        wrong = DtypeError if parameters.shape == shape else ShapeError
        raise wrong(
            f"{parameters.size} parameters of {parameters.dtype} for {owner!r}",
            f"{shape[0]} of {dtype}, to which its state belongs",
            "make a new optimizer for another model",
        )


def _check_vector(array: object, role: str, owner: object, mend: str) -> None:
    """Raise an error unless an object is a vector of floats."""
    dtype = getattr(array, "dtype", None)
    if getattr(dtype, "kind", None) != "f":
        what = f"a {type(array).__name__}" if dtype is None else f"an array of {dtype}"
        raise DtypeError(f"{what} as {role} for {owner!r}", "a vector of floats", mend)
    shape = getattr(array, "shape", ())
    if len(shape) != 1:
        raise ShapeError(f"shape {shape} of {role} for {owner!r}", "one vector, (P,)", mend)


def _check_equal(name: str, array: Array, other: str, first: Array, mend: str) -> None:
    """Raise an error unless two vectors have one length and one type."""
    if array.shape != first.shape or array.dtype != first.dtype:
        wrong = DtypeError if array.shape == first.shape else ShapeError
        raise wrong(
            f"{array.size} {name} of {array.dtype} beside {first.size} {other} of {first.dtype}",
            "two vectors of one length and one type",
            mend,
        )
