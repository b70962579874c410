"""Somebody else's loss, and losses and metrics that may know nothing of weights."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from handgrad.arguments import Array, as_floats
from handgrad.errors import ArgumentError, ShapeError
from handgrad.loss import Loss

__all__ = ["as_loss", "weighted"]


def weighted(
    function: Callable[..., Any], owner: Any, predictions: Array, targets: Array, weights: Any
) -> Any:
    """Call a loss or a metric, which is `owner`'s, with the weights where there are some.

    Where it takes none, that is an `ArgumentError`, and not the TypeError that Python raises.
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


class _ForeignLoss(Loss):
    """A loss of somebody else's that keeps only the exercise's calls.

    ``loss(predictions, targets)`` gives the value, and ``loss.grad()`` then the gradient. Where
    its ``average`` is False, values add up over batches; else they are means.
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


def as_loss(loss: Any) -> Loss:
    """Return the loss itself where it is one of ours, else one that makes its calls."""
    return loss if isinstance(loss, Loss) else _ForeignLoss(loss)
