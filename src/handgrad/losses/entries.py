"""What the losses that compare entry by entry have in common: who is compared, and the divisor."""

from __future__ import annotations

from typing import Any

from handgrad.arguments import Array, true_or_false
from handgrad.errors import ShapeError
from handgrad.loss import Loss, broadcast_weight

__all__ = ["LossOfEntries"]


class LossOfEntries(Loss):
    """The mean, or the sum, of one term for each entry of the predictions.

    Parameters
    ----------
    average : bool, default True
        Divide by the number of entries. Where False, the loss is their sum.

    Examples
    --------
    >>> from handgrad import L1Loss
    >>> issubclass(L1Loss, LossOfEntries)
    True
    """

    def __init__(self, average: bool = True) -> None:
        self.average = true_or_false(
            average,
            "average",
            type(self).__name__,
            "average=True for the mean over all entries, False for the sum",
        )

    def count(
        self, predictions: Array, targets: Array, sample_weight: Array | None = None
    ) -> float:
        """Return the number of entries, or the sum of their weights."""
        if sample_weight is None:
            return predictions.size
        return float(sample_weight.sum()) * (predictions.size / sample_weight.size)

    def _check(self, predictions: Array, targets: Array) -> None:
        """Raise `ShapeError` where the two have not one shape."""
        if predictions.shape != targets.shape:
            raise ShapeError(
                f"predictions of shape {predictions.shape} and targets of shape {targets.shape} "
                f"for {self!r}",
                "two arrays of one shape",
                "reshape the targets, for instance with targets.reshape(predictions.shape)",
            )

    def _scale(self, predictions: Array, targets: Array, sample_weight: Array | None) -> Any:
        """Return what each entry's term is multiplied with: its weight, by the weights' sum."""
        weight: Any = 1.0
        if sample_weight is not None:
            weight = broadcast_weight(sample_weight, predictions, self)
        return weight / self._divisor(predictions, targets, sample_weight)

    def _divisor(self, predictions: Array, targets: Array, sample_weight: Array | None) -> float:
        """Return what the sum is divided by; 1 for a sum, and where all weights are 0."""
        return (self.average and self.count(predictions, targets, sample_weight)) or 1.0

    def _options(self) -> list[str]:
        """Return what the `repr` says, besides the name."""
        return [] if self.average else ["average=False"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._options())})"
