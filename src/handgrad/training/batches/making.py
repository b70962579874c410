"""Which kind of batches the data make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from handgrad.errors import ArgumentError
from handgrad.training.batches.arrays import ArrayBatches
from handgrad.training.batches.inputs import Inputs, checked
from handgrad.training.batches.stream import StreamBatches

__all__ = ["Batches", "given_data", "make_batches"]

Batches = ArrayBatches | StreamBatches


def make_batches(
    x: Any,
    y: Any,
    weights: npt.ArrayLike | None,
    batch_size: int,
    inputs: Inputs,
    labelled: bool = True,
    passes: int = 1,
) -> Batches:
    """Return the batches of arrays, or of an iterable of batches that is given as `x`.

    `passes` says how often they are going to be run through.
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
        stream = StreamBatches(x, inputs)
        stream.check_passes(passes)
        return stream
    if not labelled and isinstance(x, Iterable) and not _whole(x, inputs):
        return StreamBatches(x, inputs, labelled=False)
    return ArrayBatches(*checked((x, y, weights), "the data", inputs), batch_size, inputs)


def given_data(data: Any) -> tuple[Any, ...]:
    """Return inputs, targets and maybe weights, or an iterable of batches alone."""
    return data if isinstance(data, tuple) and len(data) in (2, 3) else (data,)


def _whole(x: Any, inputs: Inputs) -> bool:
    """Return whether `x` is all the inputs, and not an iterable of batches of them.

    A tuple of arrays is one input of several arrays, and a list of arrays is a list of batches,
    unless each is one row of floats.
    """
    if hasattr(x, "__array__") or not isinstance(x, Sequence):
        return hasattr(x, "__array__")
    if isinstance(x, tuple):
        return not any(isinstance(item, tuple) for item in x)
    most = 0 if inputs.takes_integers else 1  # axes of a row
    rows = not any(getattr(item, "ndim", 0) > most or isinstance(item, tuple) for item in x)
    return rows and not inputs.always_tuple
