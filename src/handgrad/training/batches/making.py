"""Which kind of batches the data make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from handgrad.errors import ArgumentError
from handgrad.training.batches.arrays import ArrayBatches
from handgrad.training.batches.stream import StreamBatches, checked

__all__ = ["Batches", "make_batches"]

Batches = ArrayBatches | StreamBatches


def make_batches(
    x: Any,
    y: Any,
    weights: npt.ArrayLike | None,
    batch_size: int,
    dtype: Any,
    labelled: bool = True,
) -> Batches:
    """Return the batches of arrays, or of an iterable of batches that is given as `x`.

    Parameters
    ----------
    x, y, weights
        Arrays, or an iterable and None and None.
    batch_size
        Rows of a batch of arrays.
    dtype
        The type of the batches' inputs.
    labelled
        Whether targets are wanted.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        The arrays do not belong together, or there is something that is no array.

    Examples
    --------
    >>> import numpy as np
    >>> make_batches(np.ones((5, 2)), np.zeros(5), None, 2, np.float64).steps
    3
    """
    if labelled and y is None:
        if hasattr(x, "__array__") or not isinstance(x, Iterable):
            raise ArgumentError(
                f"inputs of type {type(x).__name__} without targets",
                "inputs and targets, or an iterable of batches (x, y)",
                "give y beside x",
            )
        if weights is not None:
            raise ArgumentError(
                "sample_weight beside an iterable of batches",
                "the weights within the batches",
                "yield (x, y, weights) for each batch",
            )
        return StreamBatches(x, dtype)
    if not labelled and isinstance(x, Iterable) and not _is_array(x):
        return StreamBatches(x, dtype, labelled=False)
    return ArrayBatches(*checked((x, y, weights), "the data"), batch_size, dtype)


def _is_array(x: Any) -> bool:
    """Return whether rows of numbers are meant, and not an iterable of batches."""
    if hasattr(x, "__array__"):
        return True
    return isinstance(x, Sequence) and not any(
        hasattr(item, "__array__") or isinstance(item, tuple) for item in x
    )
