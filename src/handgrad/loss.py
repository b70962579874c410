"""What every loss is: a number that says how far predictions are from their targets."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy.typing as npt

from handgrad.arguments import Array, as_floats, as_numbers
from handgrad.errors import ArgumentError, CallOrderError, ShapeError

__all__ = ["Loss", "broadcast_weight"]


class Loss(ABC):
    """A number that says how far predictions are from their targets.

    Its mathematics is two methods without side effects, as a component's is:
    ``apply(predictions, targets, sample_weight=None) -> value, saved`` and ``pullback(saved) ->
    gradient``.

    Attributes
    ----------
    average : bool
        Whether the value is a mean, as it is unless a loss says otherwise; else it is a sum.

    Examples
    --------
    A new loss is its formula and its derivative, and nothing else:

    >>> import numpy as np
    >>> class SumOfSquares(Loss):
    ...     average = False
    ...     def apply(self, predictions, targets, sample_weight=None):
    ...         difference = predictions - targets.astype(predictions.dtype)
    ...         return np.vdot(difference, difference), difference
    ...     def pullback(self, saved):
    ...         return 2 * saved
    >>> loss = SumOfSquares()
    >>> float(loss([1.0, 3.0], [0.0, 5.0]))
    5.0
    >>> loss.grad()
    array([ 2., -4.])
    """

    average: bool = True
    _remembered: Any = None

    @abstractmethod
    def apply(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Compute the loss, and what `pullback` will need.

        Parameters
        ----------
        predictions
            What the model says, features last, over any leading axes. Not written to.
        targets
            What would have been right. Not written to.
        sample_weight
            How much each datapoint counts: a number >= 0 for each entry of one or more of the
            leading axes, (N,) or (N, T). A mean becomes the weighted mean, so that a mask of 0
            and 1 leaves out what it masks; where all weights are 0 the loss is 0.

        Returns
        -------
        value
            The loss, a scalar of the predictions' precision.
        saved
            For `pullback` alone.
        """

    @abstractmethod
    def pullback(self, saved: Any) -> Array:
        """Return the gradient of that value with respect to the predictions, of their shape."""

    def count(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> float:
        """Return how much the value counts in a mean over several minibatches.

        Parameters
        ----------
        predictions, targets, sample_weight
            As `apply` takes them.

        Returns
        -------
        float
            The number of datapoints that the mean is taken over, or the sum of their weights.
        """
        return len(predictions) if sample_weight is None else float(sample_weight.sum())

    def __call__(
        self,
        predictions: npt.ArrayLike,
        targets: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Any:
        """Compute the loss and remember what `grad` needs.

        Parameters
        ----------
        predictions
            What the model says. Integers become float64; the precision of floats is kept.
        targets
            What would have been right; the loss' own page says in which form.
        sample_weight
            How much each datapoint counts, (N,) or more of the leading axes; all the same where
            it is None.

        Returns
        -------
        scalar
            The loss.

        Raises
        ------
        ShapeError
            An array is empty, or they do not fit each other.
        DtypeError
            An array holds something else than numbers.
        ArgumentError
            A weight is negative or not finite.
        """
        predictions = as_floats(predictions, "predictions", self)
        targets = as_numbers(targets, "targets", self)
        # A loss that knows no weights keeps the contract too, as long as nobody gives any.
        more = () if sample_weight is None else (as_floats(sample_weight, "sample_weight", self),)
        value, self._remembered = self.apply(predictions, targets, *more)
        return value

    def grad(self) -> Array:
        """Return the gradient of the last call's value with respect to its predictions.

        Raises
        ------
        CallOrderError
            The loss has not been called yet.
        """
        if self._remembered is None:
            raise CallOrderError(
                f"a request for the gradient of {self!r} before any call",
                "a call first, since the gradient belongs to it",
                "call the loss on predictions and targets, then ask for the gradient",
            )
        return self.pullback(self._remembered)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def broadcast_weight(sample_weight: Array, axes: Array, owner: object) -> Array:
    """Return the weights in the form that multiplies `axes`, whose leading axes they are for.

    Weights (N,) for axes (N, T, K) become (N, 1, 1), of the axes' type. Each must be a finite
    number >= 0.
    """
    shape = sample_weight.shape
    if not shape or shape != axes.shape[: len(shape)]:
        raise ShapeError(
            f"weights of shape {shape} for {axes.shape} in {owner!r}",
            f"one weight for each row, shape {axes.shape[:1]}, or for each entry of more axes",
            "give each datapoint one number; sample_weight.ravel() makes a column flat",
        )
    # Of finite numbers >= 0 the sum is one too, and NaN is not; only a sum beyond every float errs.
    if not (sample_weight.min() >= 0 and sample_weight.max() < math.inf):
        raise ArgumentError(
            f"weights from {sample_weight.min()} to {sample_weight.max()} in {owner!r}",
            "finite numbers >= 0",
            "a weight of 0 leaves a datapoint out",
        )
    weight = sample_weight.astype(axes.dtype, copy=False)
    return weight.reshape(*shape, *[1] * (axes.ndim - len(shape)))
