"""Minibatches of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.training.batches.file import rows_on_disk

__all__ = ["ArrayBatches", "Batch", "Column"]

Batch = tuple[Array, Any, Any]
"""Inputs, targets (None where only predictions are wanted), and the rows' weights or None."""

SMALL = 16 << 20
"""Up to so many bytes of a file may stay in the process, which is faster."""


class Column:
    """An array of rows, the buffer that they are gathered into, and the file behind it.

    Parameters
    ----------
    array : Array, (N, ...), optional
        The rows; None where there are none, which gives None for every batch.
    batch_size : int
        How many rows are taken at once, at most.

    Examples
    --------
    >>> column = Column(np.arange(5) * 10, 2)
    >>> column.take(np.array([3, 1]))
    array([30, 10])
    """

    def __init__(self, array: Array | None, batch_size: int) -> None:
        self.array = array
        self.file = None if array is None or array.nbytes <= SMALL else rows_on_disk(array)
        self._size = batch_size
        self._buffer: Array | None = None

    def take(self, rows: Any) -> Array | None:
        """Return some rows: of an array in memory a slice as it lies, others in the buffer.

        Parameters
        ----------
        rows : slice or Array
            Which: a slice that ends within the array, or the rows' numbers.
        """
        array = self.array
        if array is None:
            return None
        if self.file is None and isinstance(rows, slice):
            return array[rows]
        if self._buffer is None:
            self._buffer = np.empty((min(self._size, len(array)), *array.shape[1:]), array.dtype)
        out = self._buffer[: rows.stop - rows.start if isinstance(rows, slice) else len(rows)]
        if self.file is not None:
            return self.file.read(rows, out)
        # mode="clip": with "raise" NumPy would gather into a buffer of its own first.
        return array.take(rows, axis=0, out=out, mode="clip")


class ArrayBatches:
    """Minibatches of arrays, in memory or mapped from a file.

    A batch may lie in buffers that the next batch overwrites, so whoever wants to keep one copies
    it. An input comes in the floating type of the model. Of a large `numpy.memmap` the rows are
    read from the file, so that the process does not grow to its size.

    Parameters
    ----------
    x : Array, (N, ...)
        Inputs.
    y : Array, (N, ...), optional
        Targets.
    weights : Array, (N,), optional
        A weight for each row.
    batch_size : int
        Rows of a batch; the last one has what is left.
    dtype : data type
        The type of the batches' inputs.

    Attributes
    ----------
    rows : int
        Rows of the set, N.
    steps : int
        Number of batches.

    Examples
    --------
    >>> import numpy as np
    >>> batches = ArrayBatches(np.arange(5.0)[:, None], np.arange(5), None, 2, np.float64)
    >>> [y.tolist() for x, y, weights in batches.run(None)]
    [[0, 1], [2, 3], [4]]
    >>> [y.tolist() for x, y, weights in batches.run(np.array([3, 1, 4, 0, 2]))]
    [[3, 1], [4, 0], [2]]
    """

    def __init__(
        self, x: Array, y: Array | None, weights: Array | None, batch_size: int, dtype: Any
    ) -> None:
        self.rows, self.batch_size, self.dtype = len(x), batch_size, np.dtype(dtype)
        self.steps = -(-self.rows // batch_size)
        self._columns = [Column(array, batch_size) for array in (x, y, weights)]
        self._converted: Array | None = None  # a buffer for inputs of another type

    def check_passes(self, passes: int) -> None:
        """Do nothing: arrays can be read as often as one likes."""

    def order(self, rng: np.random.Generator) -> Array | None:
        """Return the rows' numbers, shuffled."""
        return rng.permutation(self.rows)

    def run(self, order: Array | None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from number `start` on, in the rows' order where `order` is None."""
        with ExitStack() as files:
            for column in self._columns:
                if column.file is not None:
                    files.enter_context(column.file)
            for begin in range(start * self.batch_size, self.rows, self.batch_size):
                where = slice(begin, min(begin + self.batch_size, self.rows))
                chosen = where if order is None else order[where]
                x, y, weights = (column.take(chosen) for column in self._columns)
                yield self._convert(x), y, weights

    def _convert(self, x: Any) -> Array:
        if x.dtype == self.dtype:
            return x  # type: ignore[no-any-return]
        if self._converted is None:
            self._converted = np.empty((min(self.batch_size, self.rows), *x.shape[1:]), self.dtype)
        converted = self._converted[: len(x)]
        np.copyto(converted, x, casting="unsafe")
        return converted
