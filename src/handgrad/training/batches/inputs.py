"""What a model takes as inputs, and the checks that all data go through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, as_numbers
from handgrad.errors import ArgumentError, ShapeError

__all__ = ["Batch", "Inputs", "checked"]

Batch = tuple[Any, Any, Any]
"""Inputs (an array, or a tuple of them), targets or None, and weights or None."""


class Inputs(NamedTuple):
    """In which form a model takes its inputs."""

    dtype: Any  # of its parameters, to which floats are converted
    takes_integers: bool = False  # whether integers stay as they are, as indices
    takes_tuple: bool = False  # whether it takes several arrays; integers in them stay too
    takes_lengths: bool = False  # whether that is sequences, of floats, alone or with lengths

    @classmethod
    def of(cls, model: Any) -> Inputs:
        """Return the form in which a model takes its inputs."""
        takes = model.takes_integers, model.takes_tuple, model.takes_lengths
        return cls(model.parameters.dtype, *takes)

    @property
    def always_tuple(self) -> bool:
        """Whether one array alone is no input."""
        return self.takes_tuple and not self.takes_lengths

    def dtype_of(self, array: Array, place: int) -> np.dtype[Any]:
        """Return the type in which the model is given the array in that place."""
        beside = self.takes_tuple and (place > 0 or not self.takes_lengths)
        stays = array.dtype.kind != "f" and (self.takes_integers or beside)
        return array.dtype if stays else np.dtype(self.dtype)

    def arrays(self, x: Any, owner: str) -> tuple[Array, ...]:
        """Return the arrays that an input is made of, if it has the form that the model takes."""
        if self.takes_tuple and isinstance(x, tuple):
            return tuple(as_numbers(part, f"input {i}", owner) for i, part in enumerate(x))
        if self.always_tuple:
            mend = "write a tuple, x=(a, b)"
            raise ArgumentError(f"{type(x).__name__} as the inputs", "a tuple of arrays", mend)
        if isinstance(x, tuple) and any(getattr(part, "ndim", 0) > 1 for part in x):
            raise ArgumentError(
                f"a tuple of {len(x)} arrays as the inputs of a model that takes one array",
                "one array, with the datapoints on the first axis",
                "write np.stack(x), or np.concatenate(x); or set takes_tuple = True in the class "
                "of a component that takes several inputs, and put it first",
            )
        return (as_numbers(x, "input", owner),)


def checked(given: Sequence[Any], owner: str, inputs: Inputs) -> tuple[tuple[Array, ...], Any, Any]:
    """Return inputs, targets and weights as arrays, with as many rows as each other.

    What is None stays None. `owner` is for the messages.
    """
    x, y, weights = given
    columns = inputs.arrays(x, owner)
    rows = columns[0].shape[:1]
    if y is not None:
        y = as_numbers(y, "targets", owner)
    if weights is not None:
        weights = _checked_weights(weights, rows, owner)
    others = (*columns, *(() if y is None else (y,)))
    if not rows or any(array.shape[:1] != rows for array in others):
        shapes = " and ".join(str(array.shape) for array in columns)
        raise ShapeError(
            f"inputs of shape {shapes} and targets of shape {np.shape(y)}",
            "as many targets as inputs",
            "put the samples on the first axis of both",
        )
    return columns, y, weights


def _checked_weights(weights: npt.ArrayLike, rows: tuple[int, ...], owner: str) -> Array:
    array = as_numbers(weights, "sample weights", owner)
    if not rows or array.shape[:1] != rows or not np.all((array >= 0) & (array < np.inf)):
        raise ArgumentError(
            f"sample weights of shape {array.shape} for {rows[0] if rows else 0} rows",
            f"finite numbers >= 0, one for each row, {rows}, or one for each entry of more axes",
            "give each row a weight; 1 leaves it as it is",
        )
    return array
