"""Somebody else's loss, and losses and metrics that may know nothing of weights."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from handgrad.arguments import Array, as_floats
from handgrad.errors import ArgumentError, ShapeError
from handgrad.loss import Loss

__all__ = ["ForeignLoss", "weighted"]


def weighted(
    function: Callable[..., Any], owner: Any, predictions: Array, targets: Array, weights: Any
) -> Any:
    """Call a loss or a metric, with the weights where there are some.

    Parameters
    ----------
    function
        What is called.
    owner
        Whose it is, for the message.
    predictions, targets, weights
        What it is given; without weights, only the first two.

    Raises
    ------
    ArgumentError
        There are weights, and it takes none.

    Examples
    --------
    >>> import numpy as np
    >>> weighted(lambda predictions, targets: 0.5, "half", np.ones(2), np.ones(2), None)
    0.5
    """
    if weights is None:
        return function(predictions, targets)
    try:
        return function(predictions, targets, weights)
    except TypeError as error:
        try:
            signature(function).bind(predictions, targets, weights)
        except TypeError:
            raise ArgumentError(
                f"weights for {owner!r}",
                "a loss, and metrics, that take predictions, targets and sample_weight",
                "leave the weights out, or give it a third argument, sample_weight=None",
            ) from error
        raise


class ForeignLoss(Loss):
    """A loss of somebody else's that keeps only the exercise's calls.

    Parameters
    ----------
    loss
        ``loss(predictions, targets)`` gives the value, and ``loss.grad()`` then the gradient. Where
        its ``average`` is False, values add up over batches; else they are means.

    Examples
    --------
    >>> import numpy as np
    >>> class Difference:
    ...     def __call__(self, predictions, targets):
    ...         self.n = predictions.size
    ...         return np.mean(predictions - targets)
    ...     def grad(self):
    ...         return np.full((self.n, 1), 1 / self.n)
    >>> value, saved = ForeignLoss(Difference()).apply(np.ones((2, 1)), np.zeros((2, 1)))
    >>> float(value), saved
    (1.0, (2, 1))
    """

    def __init__(self, loss: Any) -> None:
        self.loss, self.average = loss, bool(getattr(loss, "average", True))

    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Call the object; what is saved is only the predictions' shape."""
        value = weighted(self.loss, self.loss, predictions, targets, sample_weight)
        return value, predictions.shape

    def pullback(self, saved: Any) -> Array:
        """Call the object's `grad`."""
        gradient = as_floats(self.loss.grad(), "gradient", self)
        if gradient.shape != saved:
            raise ShapeError(
                f"a gradient of shape {gradient.shape} from {self!r}",
                f"the shape of the predictions, {saved}",
                "return the gradient of the loss with respect to each prediction",
            )
        return gradient

    def __repr__(self) -> str:
        return repr(self.loss)
