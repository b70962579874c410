"""Rows of a file, read where a memory map would take the whole file into the process.

A row that is looked at through a map stays in the process with up to 2 MB around it, so that a
single shuffled batch takes hundreds of them; to drop them after each batch (``madvise``) costs
more than to read the rows.
"""

from __future__ import annotations

import io
import mmap
from typing import Any, Self

import numpy as np
from numpy.lib.array_utils import byte_bounds

from handgrad.arguments import Array
from handgrad.errors import DataError

__all__ = ["FileRows", "rows_on_disk"]


class FileRows:
    """The rows of an array that lies in a file, one after the other; a context while it is read.

    The first row begins at byte `start`. Of the array only type and shape are used.
    """

    def __init__(self, path: str, start: int, array: Array) -> None:
        self.path, self.start, self._row = path, start, array.nbytes // len(array)

    def __enter__(self) -> Self:
        self._file = io.FileIO(self.path)
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def read(self, rows: Any, out: Array) -> Array:
        """Read rows into the array `out`, (n, ...), and return it.

        `rows` are a slice that ends within the array, or numbers. `DataError` says that the file
        has become shorter.
        """
        memory = out.reshape(-1).view(np.uint8).data
        begins = [rows.start] if isinstance(rows, slice) else rows.tolist()
        size = len(memory) // max(len(begins), 1)
        for i, number in enumerate(begins):
            self._file.seek(self.start + number * self._row)
            part = memory[i * size : (i + 1) * size]
            while part:  # one call reads at most 2 GB
                count = self._file.readinto(part)
                if not count:
                    raise DataError(
                        f"{self.path} that ends within row {number}",
                        "the file as it was when the training began",
                        "leave the file alone while it is in use",
                    )
                part = part[count:]
        return out


def rows_on_disk(array: Array) -> FileRows | None:
    """Return where the rows of a `numpy.memmap`, or of a slice of one, lie on the disk.

    None where the array lies in memory, where its rows do not lie one after the other, or where
    what it holds is not what the file holds, as with ``mode="c"``.
    """
    whole: Any = array  # the memmap that begins at its offset in the file, of which this is a part
    while isinstance(whole, np.ndarray) and not isinstance(whole.base, mmap.mmap):
        whole = whole.base
    if (
        not isinstance(whole, np.memmap)
        or whole.filename is None  # it was made of an open file without a name
        or whole.mode == "c"
        or not array.flags.c_contiguous
    ):
        return None
    whole.flush()
    within = byte_bounds(array)[0] - byte_bounds(whole)[0]
    found = FileRows(str(whole.filename), whole.offset + within, array)
    return found if _agrees(found, array) else None


def _agrees(found: FileRows, array: Array) -> bool:
    """Return whether some rows are those of the array: another file may have taken the name."""
    rows = np.array([0, len(array) // 2, len(array) - 1])
    try:
        with found:
            read = found.read(rows, np.empty((3, *array.shape[1:]), array.dtype))
    except (OSError, DataError):
        return False
    return bool(read.tobytes() == array[rows].tobytes())
