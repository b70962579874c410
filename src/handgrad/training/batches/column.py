"""Rows of one array, gathered without a copy of the whole, from memory or from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.training.batches.file import rows_on_disk

__all__ = ["Column"]

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

    def open(self) -> None:
        """Open the file, if there is one."""
        if self.file is not None:
            self.file.open()

    def close(self) -> None:
        """Close it."""
        if self.file is not None:
            self.file.close()

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
