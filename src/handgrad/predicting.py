"""What a component says of many rows: a batch at a time, in evaluation mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, positive_size
from handgrad.component import Component
from handgrad.errors import ShapeError
from handgrad.modes import evaluating

__all__ = ["predict_rows"]


def predict_rows(component: Component, x: Any, dtype: Any, batch_size: int) -> Array:
    """Return a component's output for all rows of its input, which floats enter in `dtype`.

    Parameters
    ----------
    component
        What predicts; nothing is written to it, its mode included.
    x
        Its input, (N, ...), or a tuple of arrays with N rows each.
    dtype
        The floating type of its parameters.
    batch_size
        How many rows go through it at a time.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        The input does not fit.

    Examples
    --------
    >>> from handgrad import Dropout, ReLU
    >>> predict_rows(Dropout(ReLU(), 0.5), [[-1.0], [2.0], [3.0]], np.float64, 2)
    array([[0.],
           [2.],
           [3.]])
    """
    size = positive_size(batch_size, "batch_size", "predict")
    given = component._checked(x)
    columns = given if isinstance(given, tuple) else (given,)
    lengths = {len(column) if column.ndim else 0 for column in columns if column is not None}
    if len(lengths) != 1 or 0 in lengths:
        raise ShapeError(
            f"inputs of {', '.join(map(str, sorted(lengths)))} rows for predict",
            "as many rows in each",
            "put the datapoints on the first axis of all of them",
        )
    outputs = []
    with evaluating():
        for start in range(0, lengths.pop(), size):
            parts = tuple(
                column if column is None else _part(column[start : start + size], dtype)
                for column in columns
            )
            y, _ = component.apply(parts if isinstance(given, tuple) else parts[0])
            outputs.append(y.copy())  # the input itself perhaps, or a part of all layers' outputs
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


def _part(rows: Array, dtype: Any) -> Array:
    return rows.astype(dtype, copy=False) if rows.dtype.kind == "f" else rows
