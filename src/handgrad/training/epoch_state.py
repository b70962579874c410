"""What is gathered during an epoch, and is enough to go on with it after a break."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.model import Model
from handgrad.optimizers.checks import count as check_count
from handgrad.training.batches import Batches

__all__ = ["Average", "EpochState", "gradient_norms"]


class Average:
    """The loss over many batches: what it would be for all of their rows at once.

    Where the loss' ``average`` is False its values add up, else they are means.
    """

    def __init__(self, loss: Any, total: float = 0.0, count: float = 0.0) -> None:
        self.means = bool(getattr(loss, "average", True))
        self.total, self.count = total, count

    def add(self, value: float, count: float) -> None:
        """Count the value of a batch in."""
        self.total += value * count if self.means else value
        self.count += count

    @property
    def value(self) -> float:
        """The loss so far; 0 where all weights are."""
        return self.total / (self.count or 1.0) if self.means else self.total


@dataclass(eq=False)
class EpochState:
    """An epoch that is under way: all that is needed to go on with it after a break."""

    order: Array | None  # the shuffled rows' numbers, where the batches are cut from arrays
    batch_size: int
    steps: int = 0  # that are done; what `Average`, metrics and step have gathered in them follows
    total: float = 0.0
    count: float = 0.0
    metrics: list[dict[str, Any]] = field(default_factory=list)
    step: dict[str, Any] = field(default_factory=dict)
    norms: dict[str, float] = field(default_factory=dict)  # of the last gradient

    def fits(self, batches: Batches, batch_size: int) -> bool:
        """Return whether the epoch can go on with these batches."""
        rows = None if self.order is None else len(self.order)
        return rows == batches.rows and batch_size == self.batch_size

    def state_dict(self) -> dict[str, Any]:
        """Return the arguments that make such another."""
        return dict(vars(self))

    @classmethod
    def restored(cls, state: Mapping[str, Any], metrics: int) -> Self:
        """Return an epoch with the state of another, or say with an error that none can have it."""
        found, owner = cls(**state), "an epoch under way"
        found.metrics, found.step = list(found.metrics), dict(found.step or {})
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
    """Return the Euclidean norm of all that is not frozen, and of each component's own gradient."""
    parts = [flat[part] for part in model.layout.groups.updated]
    squares = {"gradient_norm": sum(map(_square, parts))}
    for place, span in zip(model.layout.owners, model.layout.spans, strict=True):
        owner = f"gradient_norm.{place}"
        squares[owner] = squares.get(owner, 0.0) + _square(flat[span.place])
    return {name: math.sqrt(square) for name, square in squares.items()}


def _square(part: Array) -> float:
    """Return the sum of squares, in float64, in which a square of float32 never overflows."""
    if part.dtype == np.float64:
        return float(np.vdot(part, part))
    return float(np.sum(np.square(part, dtype=np.float64)))
