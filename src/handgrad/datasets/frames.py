"""Read Parquet and Excel files through pandas, where it is installed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.datasets.dataset import Dataset
from handgrad.datasets.rows import cells_of_series
from handgrad.datasets.source import Source, check_unpacked
from handgrad.datasets.tables import assemble, choose_columns
from handgrad.datasets.targets import Wanted
from handgrad.errors import DataError

__all__ = ["read_excel", "read_parquet"]

_CELL = 8  # bytes
_ROW = re.compile(rb"""\br=["'][A-Z]{0,3}([0-9]{1,7})["']""")  # that a row or a cell stands in
_COLUMN = re.compile(rb"""\br=["']([A-Z]{1,3})[0-9]""")


def read_parquet(source: Source, wanted: Wanted) -> Dataset:
    """Read a Parquet file, whose index is left out where it only numbers the rows."""
    frame = _frame(source, "read_parquet", "pyarrow", _check_parquet)
    return _dataset(source, frame, wanted, first=1)


def read_excel(source: Source, wanted: Wanted) -> Dataset:
    """Read the first sheet of an Excel file, whose first row names the columns."""
    frame = _frame(source, "read_excel", "openpyxl", _check_excel)
    return _dataset(source, frame, wanted, first=2)


def _check_parquet(source: Source) -> None:
    """Raise where the cells that the file says it has take far more memory than it has bytes."""
    from pyarrow.parquet import read_metadata

    found = read_metadata(source.path)
    groups = [found.row_group(i).total_byte_size for i in range(found.num_row_groups)]
    size = max(found.num_rows * found.num_columns * _CELL, sum(groups))
    check_unpacked(size, source.size, source, "write the table as CSV UTF-8")


def _check_excel(source: Source) -> None:
    """Raise where far more comes of the file than it has bytes.

    That is so of its parts, as their list says; and of a sheet with a cell in a far corner, since
    all the cells before it are made.
    """
    if not zipfile.is_zipfile(source.path):  # the format of before 2007, which is not packed
        return
    size, mend = source.size, "save the table as CSV UTF-8"
    with zipfile.ZipFile(source.path) as archive:
        check_unpacked(sum(part.file_size for part in archive.infolist()), size, source, mend)
        for part in archive.namelist():
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", part):
                sheet = archive.read(part)
                rows = max(map(int, {*_ROW.findall(sheet)}), default=0)
                columns = max(map(_number, {*_COLUMN.findall(sheet)}), default=0)
                check_unpacked(rows * columns * _CELL, size, source, mend)


def _number(letters: bytes) -> int:
    """Return the number of a column, counted from 1, that letters mean: AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _frame(source: Source, function: str, needed: str, check: Callable[[Source], None]) -> Any:
    """Return what a function of pandas' makes of the file, once its sizes have been looked at."""
    try:
        import pandas as pd

        check(source)
        with source.path.open("rb") as file:
            return getattr(pd, function)(file)
    except ImportError as error:
        raise DataError(
            f"{source} without {error.name or needed}",
            f"pandas and {needed}, which read such files",
            'install them: pip install "handgrad[tables]"; or save the table as CSV UTF-8',
        ) from error
    except (OSError, MemoryError, DataError):
        raise
    except Exception as error:  # a damaged file may raise anything at all
        raise DataError(
            f"{source}, which pandas cannot read: {type(error).__name__}: {error}",
            "a whole file",
            "write or download it again; or save the table as CSV UTF-8",
        ) from error


def _dataset(source: Source, frame: Any, wanted: Wanted, first: int) -> Dataset:
    """Return the data set that a DataFrame makes, whose first row stands on the line `first`."""
    if frame.index.name is not None:
        frame = frame.reset_index()
    filled = frame.notna().any(axis=1)
    rows = np.arange(len(frame)) if wanted.every_row else np.flatnonzero(filled)
    frame = frame.iloc[rows]
    if frame.empty:
        raise DataError(f"{source} without any rows", "at least one row", "add the data")
    layout = choose_columns(source, [str(name).strip() for name in frame.columns], True, wanted)
    cells = {
        place: cells_of_series(frame.iloc[:, place], keep_codes=place == layout.target)
        for place in layout.read
    }
    return assemble(source, layout, cells, (rows + first).tolist(), wanted)
