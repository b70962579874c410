"""A function as a metric."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.training.metrics.gathering import GatheringMetric

__all__ = ["FunctionMetric"]


class FunctionMetric(GatheringMetric):
    """A function of all targets and all that the model says of them, as scikit-learn's metrics are.

    Both are kept until the epoch ends, since nobody knows how to add up the function over batches.

    Parameters
    ----------
    function : function
        Called with targets and predictions, (N, ...), as the loss is given them, and with
        ``sample_weight`` where there are weights.
    name : str, optional
        Under which the history has it; None for the function's own.

    Raises
    ------
    ArgumentError
        There are weights, and the function takes none.

    Examples
    --------
    >>> import numpy as np
    >>> def largest_error(targets, predictions):
    ...     return float(abs(targets - predictions).max())
    >>> metric = FunctionMetric(largest_error)
    >>> metric.reset()
    >>> metric.update(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
    >>> metric.name, metric.result()
    ('largest_error', 0.5)
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__) if name is None else name

    def update(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> None:
        if sample_weight is not None and "sample_weight" not in signature(self.function).parameters:
            raise ArgumentError(
                f"weights for {self!r}",
                "a function with an argument sample_weight",
                "leave the weights out, or give the function that argument",
            )
        self.gather(targets, predictions, *(() if sample_weight is None else (sample_weight,)))

    def result(self) -> Any:
        targets, predictions, *weights = self.gathered()
        return self.function(
            targets, predictions, **({"sample_weight": weights[0]} if weights else {})
        )

    def __repr__(self) -> str:
        return f"FunctionMetric({self.name})"
