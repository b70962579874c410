"""What is gathered during an epoch, and is enough to go on with it after a break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from handgrad.arguments import positive_size
from handgrad.component import Array
from handgrad.flat import Gradients
from handgrad.optimizers.checks import count
from handgrad.training.batches import Batches

__all__ = ["Average", "Flight", "gradient_norms"]


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
        self.total, self.rows = 0.0, 0

    def add(self, value: float, rows: int) -> None:
        """Count the value of a batch in.

        Parameters
        ----------
        value, rows
            The loss of the batch, and how many rows it has.
        """
        self.total += value * rows if self.means else value
        self.rows += rows

    @property
    def value(self) -> float:
        """The loss so far."""
        return self.total / self.rows if self.means else self.total


class Flight:
    """An epoch that is under way: all that is needed to go on with it after a break.

    Parameters
    ----------
    order : Array, (N,), optional
        The shuffled rows' numbers, where the batches are cut from arrays.
    batch_size : int
        Rows of a batch.
    steps : int
        How many steps are done.
    total, rows
        What `Average` has gathered in them.
    metrics : list of dict
        What the metrics have gathered in them.
    norms : dict of str to float
        The norms of the last gradient.

    Examples
    --------
    >>> Flight(None, 128).steps
    0
    """

    def __init__(
        self,
        order: Array | None,
        batch_size: int,
        steps: int = 0,
        total: float = 0.0,
        rows: int = 0,
        metrics: Sequence[dict[str, Any]] = (),
        norms: dict[str, float] | None = None,
    ) -> None:
        self.order, self.batch_size, self.steps = order, batch_size, steps
        self.total, self.rows = total, rows
        self.metrics, self.norms = list(metrics), norms or {}

    def fits(self, batches: Batches, batch_size: int) -> bool:
        """Return whether the epoch can go on with these batches.

        Parameters
        ----------
        batches, batch_size
            The batches.
        """
        rows = None if self.order is None else len(self.order)
        return rows == batches.rows and batch_size == self.batch_size

    def state_dict(self) -> dict[str, Any]:
        """Return the arguments that make such another."""
        return dict(vars(self))

    @classmethod
    def restored(cls, state: Mapping[str, Any], metrics: int) -> Self:
        """Return an epoch with the state of another.

        Parameters
        ----------
        state
            What `state_dict` returned.
        metrics
            How many metrics there are.

        Raises
        ------
        ValueError, ArgumentError
            No epoch can have had that state.
        """
        flight, owner = cls(**state), "an epoch under way"
        positive_size(flight.batch_size, "batch_size", owner)
        count(flight.steps, "steps", owner)
        count(flight.rows, "rows", owner)
        order = flight.order
        if order is not None and not (
            order.dtype.kind in "iu" and np.array_equal(np.sort(order), np.arange(order.size))
        ):
            raise ValueError("the order is not one of all the rows")
        if not all(isinstance(x, float | int) for x in (flight.total, *flight.norms.values())):
            raise ValueError("something is not a number")
        if len(flight.metrics) != metrics or not all(isinstance(m, dict) for m in flight.metrics):
            raise ValueError(f"not a state for each of {metrics} metrics")
        return flight


def gradient_norms(gradients: Gradients, prefix: str = "gradient_norm") -> dict[str, float]:
    """Return the Euclidean norm of the whole gradient, and of each component's.

    Parameters
    ----------
    gradients
        The gradients of a model.
    prefix
        What the names begin with.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Linear, Model, ReLU
    >>> model = Model([ReLU(), Linear(1, 1)])
    >>> _ = model.forward(np.array([[3.0]]))
    >>> norms = gradient_norms(model.backward(np.array([[1.0]])))
    >>> {name: round(norm, 4) for name, norm in norms.items()}
    {'gradient_norm': 3.1623, 'gradient_norm.1': 3.1623}
    """
    norms = {prefix: _norm([gradients.flat])}
    seen: set[int] = set()  # a component that stands in the model twice has one entry
    for i, entry in enumerate(gradients):
        if entry and id(entry) not in seen:
            seen.add(id(entry))
            name = f"{prefix}.{i}"
            if isinstance(entry, Gradients):
                norms |= gradient_norms(entry, name)
            else:
                norms[name] = _norm(entry.values())
    return norms


def _norm(arrays: Any) -> float:
    return math.sqrt(sum(float(np.sum(np.square(array, dtype=np.float64))) for array in arrays))
