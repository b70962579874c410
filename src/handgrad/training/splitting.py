"""Rows held out of the data that a training is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array, is_real
from handgrad.datasets import stratified_split
from handgrad.errors import ArgumentError
from handgrad.training.batches.inputs import Inputs, checked

__all__ = ["hold_out"]


def hold_out(
    x: Any, y: Any, weights: Any, share: float, inputs: Inputs
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return inputs, targets and weights to train on, and those of the rows that are held out.

    The rows depend on the targets alone, so that a training which goes on holds out the same ones.
    Of each class the same share is held out.

    Parameters
    ----------
    x, y, weights
        The data, as `Trainer.fit` takes them, in memory.
    share
        The share that is held out, 0 < share < 1.
    inputs
        The form in which the model takes its inputs.

    Raises
    ------
    ArgumentError
        The share is none, or the data are batches, of which nobody knows the rows.

    Examples
    --------
    >>> training, held_out = hold_out(
    ...     np.arange(6.0)[:, None], [0, 0, 0, 0, 1, 1], None, 0.5, Inputs(float)
    ... )
    >>> training[1], held_out[1]
    (array([0, 0, 1]), array([0, 0, 1]))
    """
    if not is_real(share) or not 0 < share < 1 or y is None:
        raise ArgumentError(
            f"validation_split={share!r}"
            + (" with data that come in batches" if y is None else ""),
            "a share of arrays x and y, 0 < validation_split < 1",
            "0.2 holds out a fifth; give validation_data= where the data are batches",
        )
    columns, y, weights = checked((x, y, weights), "the data", inputs)
    training, held_out = _rows(y, share)

    def part(rows: Array) -> tuple[Any, ...]:
        taken = tuple(column[rows] for column in columns)
        given = taken if isinstance(x, tuple) and inputs.takes_tuple else taken[0]
        return given, y[rows], None if weights is None else weights[rows]

    return part(training), part(held_out)


def _rows(y: Array, share: float) -> tuple[Array, Array]:
    rng, N = np.random.default_rng(len(y)), len(y)
    if y.ndim == 1 and y.dtype.kind in "iub" and np.unique(y, return_counts=True)[1].max() > 1:
        return stratified_split(y, share, rng)
    if N < 2:
        raise ArgumentError(
            "one row for validation_split", "two rows or more", "leave validation_split out"
        )
    count = min(max(round(share * N), 1), N - 1)
    order = rng.permutation(N)
    return np.sort(order[count:]), np.sort(order[:count])
