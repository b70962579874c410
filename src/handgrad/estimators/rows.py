"""The rows of a table as a network takes them: standardized, and dense a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from handgrad.arguments import Array

__all__ = ["SparseRows", "fit_scaler", "network_rows"]

_AT_ONCE = 512


def fit_scaler(x: Any, sample_weight: Array | None) -> StandardScaler:
    """Return the means and scales of features, or of targets, also of a sparse matrix."""
    # Where it is asked for no means it measures them all the same, and takes a sparse matrix.
    return StandardScaler(with_mean=False).fit(x, sample_weight=sample_weight)


def network_rows(x: Any, scaler: StandardScaler | None, dtype: str) -> Any:
    """Return all rows as an array; those of a sparse matrix as batches, for a prediction."""
    if sparse.issparse(x):
        return SparseRows(x, scaler, dtype)
    return _dense(x, scaler, dtype)


def _dense(x: Any, scaler: StandardScaler | None, dtype: str) -> Array:
    if scaler is not None:
        x = (x - scaler.mean_) / scaler.scale_
    return np.asarray(x, dtype)


class SparseRows:
    """Batches of a sparse matrix, of which no more than one is dense at a time.

    With targets they are shuffled anew each time, as `Trainer.fit` shuffles an array; without, they
    come in their order.
    """

    def __init__(
        self,
        x: Any,
        scaler: StandardScaler | None,
        dtype: str,
        y: Array | None = None,
        weights: Array | None = None,
        batch_size: int = _AT_ONCE,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.x, self.scaler, self.dtype = x, scaler, dtype
        self.y, self.weights, self.batch_size, self.rng = y, weights, batch_size, rng

    def __len__(self) -> int:
        return -(-int(self.x.shape[0]) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        N = self.x.shape[0]
        order = np.arange(N) if self.rng is None else self.rng.permutation(N)
        for start in range(0, N, self.batch_size):
            rows = order[start : start + self.batch_size]
            x = _dense(self.x[rows].toarray(), self.scaler, self.dtype)
            if self.y is None:
                yield x
            elif self.weights is None:
                yield x, self.y[rows]
            else:
                yield x, self.y[rows], self.weights[rows]
