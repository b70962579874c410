"""What is gathered during an epoch, and is enough to go on with it after a break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.model import Model
from handgrad.optimizers.checks import count as check_count
from handgrad.training.batches import Batches
from handgrad.walk import parameters

__all__ = ["Average", "EpochState", "gradient_norms"]


class Average:
    """The loss over many batches: what it would be for all of their rows at once.

    Parameters
    ----------
    loss
        The loss; where its ``average`` is False its values add up, else they are means.

    Examples
    --------
    >>> from handgrad import MSELoss
    >>> average = Average(MSELoss())
    >>> average.add(1.0, 3)
    >>> average.add(5.0, 1)
    >>> average.value
    2.0
    """

    def __init__(self, loss: Any) -> None:
        self.means = bool(getattr(loss, "average", True))
        self.total = self.count = 0.0

    def add(self, value: float, count: float) -> None:
        """Count the value of a batch in."""
        self.total += value * count if self.means else value
        self.count += count

    @property
    def value(self) -> float:
        """The loss so far; 0 where all weights are."""
        return self.total / (self.count or 1.0) if self.means else self.total


class EpochState:
    """An epoch that is under way: all that is needed to go on with it after a break.

    Parameters
    ----------
    order : Array, (N,), optional
        The shuffled rows' numbers, where the batches are cut from arrays.
    batch_size : int
        Rows of a batch.
    steps : int
        How many steps are done.
    total, count : float
        What `Average` has gathered in them.
    metrics : list of dict
        What the metrics have gathered in them.
    step : dict
        What the trainer's step has gathered in them.
    norms : dict of str to float
        The norms of the last gradient.

    Examples
    --------
    >>> EpochState(None, 128).steps
    0
    """

    def __init__(
        self,
        order: Array | None,
        batch_size: int,
        steps: int = 0,
        total: float = 0.0,
        count: float = 0.0,
        metrics: Sequence[dict[str, Any]] = (),
        step: Mapping[str, Any] | None = None,
        norms: dict[str, float] | None = None,
    ) -> None:
        self.order, self.batch_size, self.steps = order, batch_size, steps
        self.total, self.count = total, count
        self.metrics, self.step, self.norms = list(metrics), dict(step or {}), norms or {}

    def fits(self, batches: Batches, batch_size: int) -> bool:
        """Return whether the epoch can go on with these batches."""
        rows = None if self.order is None else len(self.order)
        return rows == batches.rows and batch_size == self.batch_size

    def state_dict(self) -> dict[str, Any]:
        """Return the arguments that make such another."""
        return dict(vars(self))

    @classmethod
    def restored(cls, state: Mapping[str, Any], metrics: int) -> Self:
        """Return an epoch with the state of another.

        Raises
        ------
        ValueError, ArgumentError
            No epoch can have had that state.
        """
        found, owner = cls(**state), "an epoch under way"
        positive_size(found.batch_size, "batch_size", owner)
        check_count(found.steps, "steps", owner)
        order = found.order
        if order is not None and not (
            order.dtype.kind in "iu" and np.array_equal(np.sort(order), np.arange(order.size))
        ):
            raise ValueError("the order is not one of all the rows")
        numbers = (found.total, found.count, *found.norms.values())
        if not all(isinstance(number, float | int) for number in numbers) or found.count < 0:
            raise ValueError("something is not a number that it can be")
        if len(found.metrics) != metrics or not all(isinstance(m, dict) for m in found.metrics):
            raise ValueError(f"not a state for each of {metrics} metrics")
        return found


def gradient_norms(model: Model, flat: Array) -> dict[str, float]:
    """Return the Euclidean norm of the whole gradient, and of each component's own.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Linear, ReLU
    >>> model = Model([ReLU(), Linear(1, 1)])
    >>> _ = model.forward(np.array([[3.0]]))
    >>> norms = gradient_norms(model, model.backward(np.array([[1.0]])).flat)
    >>> {name: round(norm, 4) for name, norm in norms.items()}
    {'gradient_norm': 3.1623, 'gradient_norm.1': 3.1623}
    """
    squares = {"gradient_norm": float(np.sum(np.square(flat, dtype=np.float64)))}
    for (name, _, _), span in zip(parameters(model), model.layout.spans, strict=True):
        owner = f"gradient_norm.{name.rpartition('.')[0]}"
        square = float(np.sum(np.square(flat[span.place], dtype=np.float64)))
        squares[owner] = squares.get(owner, 0.0) + square
    return {name: math.sqrt(square) for name, square in squares.items()}
