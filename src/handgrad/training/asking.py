"""What a trainer says of data: how good its model is, and what the model predicts."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from handgrad.arguments import Array, positive_size
from handgrad.model import Model
from handgrad.training.batches import Batches, Inputs, make_batches
from handgrad.training.epoch import predictions, score

__all__ = ["Asking"]


class Asking:
    """The part of a `Trainer` that trains nothing."""

    model: Model

    def evaluate(
        self,
        x: Any,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int = 512,
    ) -> dict[str, Any]:
        """Return the loss and the metrics on some data, in evaluation mode.

        Parameters
        ----------
        x, y, sample_weight
            The data, in any of the forms that `fit` takes.
        batch_size : int, default 512
            How many rows go through the model at a time.

        Returns
        -------
        dict of str to float or Array
            By name.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            The data do not fit.
        """
        rows = positive_size(batch_size, "batch_size", "evaluate")
        found = score(self, self._batches(x, y, sample_weight, rows))
        assert found is not None  # nobody interrupts it
        return found

    def predict(self, x: Any, *, batch_size: int = 512) -> Array:
        """Return what the model says, in evaluation mode.

        Parameters
        ----------
        x : Array, (N, ...), tuple of them, or iterable
            Inputs, or anything that yields batches of them, such as a list of arrays; targets
            beside them are left aside. A tuple of arrays is one input of several arrays.
        batch_size : int, default 512
            How many rows go through the model at a time.

        Returns
        -------
        Array, (N, ...)
            The outputs.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            The data do not fit.
        """
        rows = positive_size(batch_size, "batch_size", "predict")
        batches = make_batches(x, None, None, rows, Inputs.of(self.model), labelled=False)
        return predictions(self, batches)

    def _batches(
        self, x: Any, y: Any = None, weights: Any = None, size: int = 512, *, passes: int = 1
    ) -> Batches:
        return make_batches(x, y, weights, size, Inputs.of(self.model), passes=passes)
