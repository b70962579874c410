"""Minibatches of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.training.batches.file import rows_on_disk
from handgrad.training.batches.inputs import Batch, Inputs
from handgrad.training.processes import ALONE, Processes

__all__ = ["ArrayBatches", "Column"]

SMALL = 16 << 20
"""Up to so many bytes of a file may stay in the process, which is faster."""


class Column:
    """An array of rows, the buffers that they are gathered into, and the file behind it.

    At most `batch_size` rows are taken at once, in `dtype` where that is given.
    """

    def __init__(self, array: Array, batch_size: int, dtype: Any = None) -> None:
        self.array, self.dtype = array, np.dtype(dtype or array.dtype)
        self.file = None if array.nbytes <= SMALL else rows_on_disk(array)
        self._size = min(batch_size, len(array))
        self._buffer: Array | None = None
        self._converted: Array | None = None

    def take(self, rows: Any) -> Array:
        """Return some rows: of an array in memory a slice as it lies, others in a buffer."""
        array = self.array
        if self.file is None and isinstance(rows, slice):
            taken = array[rows]
        else:
            if self._buffer is None:
                self._buffer = np.empty((self._size, *array.shape[1:]), array.dtype)
            out = self._buffer[: rows.stop - rows.start if isinstance(rows, slice) else len(rows)]
            if self.file is not None:
                taken = self.file.read(rows, out)
            else:
                # mode="clip": with "raise" NumPy would gather into a buffer of its own first.
                taken = array.take(rows, axis=0, out=out, mode="clip")
        if taken.dtype == self.dtype:
            return taken
        if self._converted is None:
            self._converted = np.empty((self._size, *array.shape[1:]), self.dtype)
        converted = self._converted[: len(taken)]
        np.copyto(converted, taken, casting="unsafe")
        return converted


class ArrayBatches:
    """Minibatches of arrays, in memory or mapped from a file.

    A batch may lie in buffers that the next batch overwrites, so whoever wants to keep one copies
    it. An input comes in the type in which the model takes it. Of a large `numpy.memmap` the rows
    are read from the file, so that the process does not grow to its size.

    Attributes
    ----------
    processes
        Whose batches they are: each takes its share of every batch, and reads no more than that.
    """

    processes: Processes = ALONE

    def __init__(
        self,
        x: tuple[Array, ...],
        y: Array | None,
        weights: Array | None,
        batch_size: int,
        inputs: Inputs,
    ) -> None:
        self.rows, self.batch_size = len(x[0]), batch_size
        self._tuple = len(x) > 1 or inputs.always_tuple
        self.steps = -(-self.rows // batch_size)
        self._x = [Column(a, batch_size, inputs.dtype_of(a, i)) for i, a in enumerate(x)]
        self._others = [
            None if array is None else Column(array, batch_size) for array in (y, weights)
        ]

    def order(self, rng: np.random.Generator) -> Array | None:
        """Return the rows' numbers, shuffled."""
        return rng.permutation(self.rows)

    def some(self) -> list[Array]:
        """Return a few rows of each array, by which other data can be told from these."""
        columns = [column for column in (*self._x, *self._others) if column is not None]
        return [column.array[[0, self.rows // 2, -1]] for column in columns]

    def run(self, order: Array | None, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from number `start` on, in the rows' order where `order` is None."""
        (first, *more), (y, weights) = self._x, self._others
        with ExitStack() as files:
            for column in (first, *more, y, weights):
                if column is not None and column.file is not None:
                    files.enter_context(column.file)
            for begin in range(start * self.batch_size, self.rows, self.batch_size):
                rows = min(self.batch_size, self.rows - begin)
                mine = self.processes.share(rows)
                where = slice(begin + mine.start, begin + mine.stop)
                chosen = where if order is None else order[where]
                x: Any = first.take(chosen)
                if self._tuple:
                    x = (x, *[column.take(chosen) for column in more])
                yield x, y and y.take(chosen), weights and weights.take(chosen)
