"""Which of the arrays that a layer gives is the gradient of what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Results
from handgrad.diagnosis.student.arrays import meaning, walk
from handgrad.diagnosis.student.subject import numbers

__all__ = ["sort_gradients"]

_RECORDS = re.compile("norm|mean|avg|average|max|min|std|var|abs")
"""Names of numbers that are told of a gradient, and are none."""


def sort_gradients(
    thing: Any, returned: Any, x_shape: tuple[int, ...], W_shape: tuple[int, ...]
) -> tuple[Results, bool]:
    """Return the gradients by name, and whether they were returned in another order than (dW, dx).

    What was not returned is looked for in the object: ``gradients["bias"]``, ``db``, ``grad_b``...
    """
    arrays: dict[str, Array] = {}
    swapped = False
    if isinstance(returned, Mapping):
        for key, value in returned.items():
            what, _ = meaning((str(key),))
            if what:
                arrays[{"W": "dW", "b": "db", "x": "dx"}[what]] = numbers(
                    value, f"gradient {key!r}"
                )
    elif isinstance(returned, list | tuple) and not _is_row(returned):
        given = [numbers(value, "a returned gradient") for value in returned if value is not None]
        if len(given) == 3:
            place = next((i for i, a in enumerate(given) if a.ndim < 2 or 1 in a.shape), 1)
            arrays["db"] = given.pop(place)
        if len(given) == 2:
            first, second = given
            swapped = (first.shape == x_shape and second.shape != x_shape) or (
                second.shape == W_shape and first.shape != W_shape and x_shape != W_shape
            )
            arrays["dW"], arrays["dx"] = (second, first) if swapped else (first, second)
        elif given:
            arrays[_only(given[0], x_shape, W_shape)] = given[0]
    else:
        array = numbers(returned, "the returned gradient")
        arrays[_only(array, x_shape, W_shape)] = array
    # Arrays first: a number beside them may be a gradient's norm, kept for the record.
    for slot in sorted(walk(thing), key=lambda slot: slot.array.ndim == 0):
        what, gradient = meaning(slot.path)
        if slot.array.ndim == 0 and _RECORDS.search(slot.name.lower()):
            continue
        name = {"W": "dW", "b": "db"}.get(what)
        if gradient and name and name not in arrays:
            arrays[name] = np.array(slot.array)
    return arrays, swapped


def _only(array: Array, x_shape: tuple[int, ...], W_shape: tuple[int, ...]) -> str:
    """Return what the only gradient that was returned is that of: the input, if it can be."""
    return "dW" if array.shape == W_shape != x_shape else "dx"


def _is_row(value: Any) -> bool:
    """Return whether a list is a matrix written as lists, and not several gradients."""
    return isinstance(value, list) and all(
        isinstance(row, list) and all(isinstance(entry, int | float) for entry in row)
        for row in value
    )
