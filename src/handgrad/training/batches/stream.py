"""Minibatches that somebody else makes, and the checks that all data go through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from handgrad.arguments import as_numbers
from handgrad.component import Array
from handgrad.errors import ArgumentError, ShapeError
from handgrad.training.batches.arrays import Batch

__all__ = ["StreamBatches", "checked"]


class StreamBatches:
    """Minibatches as somebody's iterable yields them; whoever yields them shuffles.

    Parameters
    ----------
    batches : iterable
        Yields ``(x, y)`` or ``(x, y, weights)``; where only predictions are wanted ``x`` will do.
    dtype : data type
        The type of the batches' inputs.
    labelled : bool
        Whether targets are wanted.

    Attributes
    ----------
    rows : int or None
        Rows of the set, which nobody knows.
    steps : int or None
        Number of batches, where the iterable has a length.

    Examples
    --------
    >>> import numpy as np
    >>> batches = StreamBatches([(np.ones((2, 3)), [0, 1])], np.float32)
    >>> [(x.dtype, y) for x, y, weights in batches.run(None)]
    [(dtype('float32'), array([0, 1]))]
    """

    rows = None

    def __init__(self, batches: Iterable[Any], dtype: Any, labelled: bool = True) -> None:
        self.batches, self.dtype, self.labelled = batches, np.dtype(dtype), labelled
        self.steps = len(batches) if isinstance(batches, Sized) else None

    def check_passes(self, passes: int) -> None:
        """Raise `ArgumentError` where the batches are wanted more often than they can be read."""
        if passes > 1 and iter(self.batches) is self.batches:
            raise ArgumentError(
                f"{type(self.batches).__name__}, which can be read only once, for {passes} epochs",
                "batches that can be read once an epoch: a list, or an object whose __iter__ "
                "starts anew each time",
                "write a class with __iter__ around what makes the batches",
            )

    def order(self, rng: np.random.Generator) -> Array | None:
        """Return None: the order is the iterable's own."""
        return None

    def run(self, order: Array | None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from number `start` on."""
        for number, batch in enumerate(self.batches):
            if number >= start:
                yield self._arrays(batch, number)

    def _arrays(self, batch: Any, number: int) -> Batch:
        if not self.labelled and not isinstance(batch, tuple | list):
            batch = (batch,)
        few = 2 if self.labelled else 1
        if not isinstance(batch, tuple | list) or not few <= len(batch) <= 3:
            raise ArgumentError(
                f"{type(batch).__name__} as batch {number + 1} of {type(self.batches).__name__}",
                "(x, y) or (x, y, weights), arrays with as many rows as each other",
                "yield a tuple for each batch",
            )
        owner = f"batch {number + 1}"
        x, y, weights = checked([*batch, None, None][:3], owner)
        return x.astype(self.dtype, copy=False), y, weights


def checked(given: Sequence[Any], owner: str) -> Batch:
    """Return inputs, targets and weights as arrays, with as many rows as each other.

    Parameters
    ----------
    given
        The three; what is None stays None.
    owner
        Whose they are, for the message.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        They do not belong together, or something is no array of numbers.

    Examples
    --------
    >>> checked(([[1.0]], [2], None), "the data")
    (array([[1.]]), array([2]), None)
    """
    x, y, weights = given
    x = as_numbers(x, "input", owner)
    if y is not None:
        y = as_numbers(y, "targets", owner)
    if weights is not None:
        weights = as_numbers(weights, "sample weights", owner)
        if weights.shape != x.shape[:1] or not np.all((weights >= 0) & (weights < np.inf)):
            raise ArgumentError(
                f"sample weights of shape {weights.shape} for {len(x)} rows",
                f"one finite number >= 0 for each row, ({len(x)},)",
                "give each row a weight; 1 leaves it as it is",
            )
    if x.ndim == 0 or (y is not None and y.shape[:1] != x.shape[:1]):
        raise ShapeError(
            f"inputs of shape {x.shape} and targets of shape {np.shape(y)}",
            "as many targets as inputs",
            "put the samples on the first axis of both",
        )
    return x, y, weights
