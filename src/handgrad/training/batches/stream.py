"""Minibatches that somebody else makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextvars import copy_context
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.training.batches.inputs import Batch, Inputs, checked
from handgrad.training.processes import ALONE, Processes

__all__ = ["StreamBatches"]


class StreamBatches:
    """Minibatches as somebody's iterable yields them; whoever yields them shuffles.

    It yields ``(x, y)`` or ``(x, y, weights)``; where only predictions are wanted ``x`` will do.
    Nobody knows how many `rows` there are, and `steps` only where the iterable has a length.

    Attributes
    ----------
    processes
        Whose batches they are: each is given all of them, and takes its share of every one.
    """

    processes: Processes = ALONE

    rows = None

    def __init__(self, batches: Iterable[Any], inputs: Inputs, labelled: bool = True) -> None:
        self.batches, self.inputs, self.labelled = batches, inputs, labelled
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

    def some(self) -> list[Array]:
        """Return nothing: a look at the rows would take them away from whoever runs through."""
        return []

    def run(self, order: Array | None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from number `start` on."""
        # In a context of its own, or an `evaluating` in somebody's generator would reach the model.
        # What it draws, such as an order, all processes draw the same.
        context, commonly = copy_context(), self.processes.commonly
        batches = commonly(lambda: enumerate(self.batches))
        while (found := commonly(lambda: context.run(next, batches, None))) is not None:
            if found[0] >= start:
                yield self._arrays(found[1], found[0])

    def _arrays(self, batch: Any, number: int) -> Batch:
        several = self.inputs.takes_tuple
        if not self.labelled:
            alone = not isinstance(batch, tuple | list) or not batch
            if alone or (several and not isinstance(batch[0], tuple)):
                batch = (batch,)
        few = 2 if self.labelled else 1
        if not isinstance(batch, tuple | list) or not few <= len(batch) <= 3:
            raise ArgumentError(
                f"{type(batch).__name__} as batch {number + 1} of {type(self.batches).__name__}",
                "(x, y) or (x, y, weights), arrays with as many rows as each other",
                "yield a tuple for each batch",
            )
        x, y, weights = checked([*batch, None, None][:3], f"batch {number + 1}", self.inputs)
        mine = self.processes.share(len(x[0]))
        x = tuple([column[mine] for column in x])
        y, weights = (None if array is None else array[mine] for array in (y, weights))
        types = map(self.inputs.dtype_of, x, range(len(x)))
        arrays = tuple([a.astype(dtype, copy=False) for a, dtype in zip(x, types, strict=True)])
        alone = len(arrays) == 1 and not self.inputs.always_tuple
        return arrays[0] if alone else arrays, y, weights
