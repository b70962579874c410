"""What the losses over classes have in common: a row of scores each, and which class is right."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import DtypeError, ShapeError
from handgrad.loss import Loss

__all__ = ["check_scores", "one_hot", "weighted_rows"]


def check_scores(scores: Array, owner: Loss, one: str) -> None:
    """Raise `ShapeError` where predictions are not rows of at least two scores.

    Parameters
    ----------
    scores
        The predictions.
    owner, one
        Whose, and what is said of a single score, for the message.
    """
    if scores.ndim < 2 or scores.shape[-1] < 2:
        raise ShapeError(
            f"logits of shape {scores.shape} for {owner!r}",
            "a row of K >= 2 logits for each of N datapoints, (N, K), or (..., K)",
            f"give the model an output for each class; {one}",
        )


def one_hot(
    targets: Array, scores: Array, owner: Loss, kept: Array | None = None, rows_too: bool = False
) -> Array:
    """Return where each row of scores has its right class, as booleans.

    Parameters
    ----------
    targets : Array, (...)
        Class indices.
    scores : Array, (..., K)
        The predictions.
    owner
        For the message.
    kept : Array, (...), optional
        Which rows count; the others have no class, whatever their index.
    rows_too
        For the message: whether the targets may be one-hot rows too.

    Raises
    ------
    ShapeError
        There is not one index for each row, or one is none of the classes.
    DtypeError
        The indices are not integers.

    Examples
    --------
    >>> from handgrad import CrossEntropy
    >>> one_hot(np.array([2, 0]), np.zeros((2, 3)), CrossEntropy())
    array([[False, False,  True],
           [ True, False, False]])
    """
    rows, K = scores.shape[:-1], scores.shape[-1]
    if targets.shape != rows:
        raise ShapeError(
            f"targets of shape {targets.shape} for logits of shape {scores.shape}",
            f"{f'one-hot rows {scores.shape} or ' if rows_too else ''}class indices {rows}",
            "give each datapoint one row, or one index; targets.ravel() makes a column flat",
        )
    if targets.dtype.kind not in "iu":
        raise DtypeError(
            f"class indices of type {targets.dtype} for {owner!r}",
            "integers",
            "convert them with targets.astype(np.int64)",
        )
    found: Array = targets[..., None] == np.arange(K, like=targets)
    if kept is not None:
        found &= kept[..., None]
        targets = targets[kept]
    if np.count_nonzero(found) < targets.size:  # an index that is no class has a row of zeros
        raise ShapeError(
            f"class indices from {targets.min()} to {targets.max()} for {owner!r}",
            f"indices from 0 to {K - 1}, one for each column of the logits",
            "count the classes from 0, and give the model as many outputs as there are classes",
        )
    return found


def weighted_rows(scores: Array, sample_weight: Array | None) -> float:
    """Return the number of rows of scores, or the sum of their weights.

    Examples
    --------
    >>> weighted_rows(np.zeros((2, 3, 5)), None), weighted_rows(np.zeros((2, 3, 5)), np.ones(2))
    (6, 6.0)
    """
    rows: int = scores.size // scores.shape[-1]
    if sample_weight is None:
        return rows
    return float(sample_weight.sum()) * (rows / sample_weight.size)
