"""Rows of a file, read where a memory map would take the whole file into the process."""

from __future__ import annotations

import io
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.errors import DataError

__all__ = ["FileRows", "rows_on_disk"]


class FileRows:
    """The rows of an array that lies in a file, one after the other.

    A row that is looked at through a map stays in the process, with up to 2 MB around it, as long
    as the system pleases; and each look costs more than a read does.

    Parameters
    ----------
    path
        The file.
    start : int
        Where in it the first row begins.
    array : Array, (N, ...)
        The array, of which only type and shape are used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     np.arange(6.0).tofile(file.name)
    ...     rows = FileRows(Path(file.name), 0, np.empty((3, 2)))
    ...     rows.open()
    ...     out = rows.read(np.array([2, 0]), np.empty((2, 2)))
    ...     rows.close()
    >>> out
    array([[4., 5.],
           [0., 1.]])
    """

    def __init__(self, path: Path, start: int, array: Array) -> None:
        self.path, self.start = path, start
        self._row = array.nbytes // len(array)
        self._file: io.FileIO | None = None

    def open(self) -> None:
        """Open the file."""
        self._file = io.FileIO(self.path)

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()

    def read(self, rows: Any, out: Array) -> Array:
        """Read rows into an array.

        Parameters
        ----------
        rows : slice or Array
            Which: a slice that ends within the array, or their numbers.
        out : Array, (n, ...)
            Where they go; returned.

        Raises
        ------
        DataError
            The file has become shorter.
        """
        memory = out.reshape(-1).view(np.uint8).data
        if isinstance(rows, slice):
            self._fill(rows.start, memory)
        else:
            row = self._row
            for i, number in enumerate(rows.tolist()):
                self._fill(number, memory[i * row : (i + 1) * row])
        return out

    def _fill(self, number: int, memory: memoryview) -> None:
        assert self._file is not None  # whoever reads has opened it
        self._file.seek(self.start + number * self._row)
        while memory:
            count = self._file.readinto(memory)
            if not count:
                raise DataError(
                    f"{self.path} that ends within row {number}",
                    "the file as it was when the training began",
                    "leave the file alone while it is in use",
                )
            memory = memory[count:]


def rows_on_disk(array: Array) -> FileRows | None:
    """Return where the rows of a `numpy.memmap`, or of a slice of one, lie on the disk.

    Parameters
    ----------
    array
        Any array.

    Returns
    -------
    FileRows or None
        None where the array lies in memory, where its rows do not lie one after the other, or
        where what it holds is not what the file holds, as with ``mode="c"``.

    Examples
    --------
    >>> rows_on_disk(np.zeros((3, 2))) is None
    True
    """
    base: Any = array
    mapped: Any = None
    while base is not None and not isinstance(base, mmap.mmap):
        mapped = base if isinstance(base, np.memmap) else mapped
        base = getattr(base, "base", None)
    if base is None or mapped is None or mapped.mode == "c" or not array.flags.c_contiguous:
        return None
    if mapped.filename is None:  # it was made of an open file without a name
        return None
    mapped.flush()
    # A map begins at a multiple of the granularity, at or before the array's offset in the file.
    begin = mapped.offset - mapped.offset % mmap.ALLOCATIONGRANULARITY
    where = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    found = FileRows(Path(mapped.filename), begin + where, array)
    return found if _agrees(found, array) else None


def _agrees(found: FileRows, array: Array) -> bool:
    """Return whether some rows are those of the array: another file may have taken the name."""
    rows = np.array([0, len(array) // 2, len(array) - 1])
    try:
        found.open()
        read = found.read(rows, np.empty((3, *array.shape[1:]), array.dtype))
        agrees: bool = read.tobytes() == array[rows].tobytes()
        return agrees
    except (OSError, DataError):
        return False
    finally:
        found.close()
