"""What every metric is: numbers gathered batch by batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, shorten

__all__ = ["Metric", "Sums", "check_metrics", "measured"]


class Metric(ABC):
    """What is gathered over batches of predictions and targets.

    What a metric gathers lies in attributes whose names begin with an underscore, numbers or
    arrays, so that `state_dict` finds it.

    Attributes
    ----------
    name : str
        Under which the history has it.

    Examples
    --------
    A new metric is what it starts from, what a batch adds, and what comes out. One that knows
    sample weights takes them as a third argument, ``sample_weight=None``:

    >>> import numpy as np
    >>> class LargestError(Metric):
    ...     name = "largest_error"
    ...     def reset(self):
    ...         self._largest = 0.0
    ...     def update(self, predictions, targets):
    ...         self._largest = max(self._largest, float(abs(predictions - targets).max()))
    ...     def result(self):
    ...         return self._largest
    >>> metric = LargestError()
    >>> metric.reset()
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
    >>> metric.result()
    0.5
    """

    name: str

    @abstractmethod
    def reset(self) -> None:
        """Start anew."""

    @abstractmethod
    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        predictions
            What the model says, (N, ...). Not written to, and not kept.
        targets
            What would have been right. Not written to, and not kept.
        sample_weight
            How much each datapoint counts, (N,) or more of the leading axes; all the same where
            it is None. A mask of 0 and 1 leaves out what it masks.
        """

    @abstractmethod
    def result(self) -> Any:
        """Return the number, or array, over all batches since `reset`."""

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of what has been gathered."""
        return {
            key[1:]: deepcopy(value) for key, value in vars(self).items() if key.startswith("_")
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, after a `reset`.

        Raises
        ------
        ArgumentError
            Something is of another kind than `reset` makes it, or is no attribute of a metric's.
        """
        for key, value in state.items():
            usual = vars(self).get(f"_{key}", value)
            good: bool = isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
            if not isinstance(usual, np.ndarray):  # a number may become an array, as in += array
                good |= isinstance(value, float | int) or not isinstance(usual, float | int)
            method = callable(getattr(type(self), f"_{key}", None))
            if not good or method or key.startswith("_"):
                raise ArgumentError(
                    f"{shorten(repr(value), 60)} as the {shorten(key, 60)} of {self!r}",
                    "what its state_dict has returned",
                    "go on from an older checkpoint; this one is damaged",
                )
            setattr(self, f"_{key}", value)

    def merge(self, state: dict[str, Any]) -> None:
        """Add what the same metric has gathered in another process.

        Parameters
        ----------
        state
            What its `state_dict` returned.

        Raises
        ------
        ArgumentError
            The metric does not say how.
        """
        raise ArgumentError(
            f"{self!r} in a training of several processes",
            "a metric that knows how to add what another process has gathered",
            "write def merge(self, state), where state is what state_dict() returned there",
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Sums(Metric):
    """A metric that gathers nothing but sums over the datapoints.

    Examples
    --------
    >>> class Rows(Sums):
    ...     name = "rows"
    ...     def reset(self):
    ...         self._rows = 0
    ...     def update(self, predictions, targets, sample_weight=None):
    ...         self._rows += len(predictions)
    ...     def result(self):
    ...         return self._rows
    >>> metric = Rows()
    >>> metric.reset()
    >>> metric.merge({"rows": 3})
    >>> metric.merge({"rows": 4})
    >>> metric.result()
    7
    """

    def merge(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            mine = vars(self)[f"_{key}"]
            # An array is empty as long as nobody knows how large it is to be.
            if not np.size(mine):
                mine = value
            elif np.size(value):
                mine = mine + value
            setattr(self, f"_{key}", mine)


def measured(metric: Metric) -> Any:
    """Return the result of a metric; raise `ArgumentError` where that is no number, nor several."""
    value = metric.result()
    if not isinstance(value, float) and np.asarray(value).dtype.kind not in "biuf":
        raise ArgumentError(
            f"{shorten(repr(value), 80)} from the metric {metric.name}",
            "a number, or an array of numbers",
            "return one from it",
        )
    return value


def check_metrics(metrics: Any) -> tuple[Metric, ...]:
    """Return the metrics as a tuple, or say which of them is none, or has another's name."""
    if not isinstance(metrics, Iterable):
        raise ArgumentError(
            f"metrics={metrics!r}", "a list of metrics", "write metrics=[Accuracy()]"
        )
    made = tuple(metrics)
    for metric in made:
        if not isinstance(metric, Metric):
            raise ArgumentError(
                f"{metric!r} as a metric",
                "an object of a class that is derived from handgrad.training.Metric",
                "write Accuracy() with the brackets, or derive a class of your own",
            )
    names = [metric.name for metric in made]
    if len(set(names)) < len(names):
        raise ArgumentError(
            f"metrics named {', '.join(names)}", "a name for each", "leave out what is there twice"
        )
    return made
