"""Read Parquet and Excel files through pandas, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.datasets.dataset import Dataset
from handgrad.datasets.rows import cells_of_series
from handgrad.datasets.source import Source
from handgrad.datasets.tables import assemble, choose_columns
from handgrad.datasets.targets import Wanted
from handgrad.errors import DataError

__all__ = ["read_excel", "read_parquet"]


def read_parquet(source: Source, wanted: Wanted) -> Dataset:
    """Read a Parquet file, whose index is left out where it only numbers the rows."""
    return _dataset(source, _frame(source, "read_parquet", "pyarrow"), wanted, first=1)


def read_excel(source: Source, wanted: Wanted) -> Dataset:
    """Read the first sheet of an Excel file, whose first row names the columns."""
    return _dataset(source, _frame(source, "read_excel", "openpyxl"), wanted, first=2)


def _frame(source: Source, function: str, needed: str) -> Any:
    """Return what a function of pandas' makes of the file."""
    try:
        import pandas as pd

        with source.path.open("rb") as file:
            return getattr(pd, function)(file)
    except ImportError as error:
        raise DataError(
            f"{source} without {error.name or needed}",
            f"pandas and {needed}, which read such files",
            'install them: pip install "handgrad[tables]"; or save the table as CSV UTF-8',
        ) from error
    except (OSError, MemoryError):
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
    cells = {place: cells_of_series(frame.iloc[:, place]) for place in layout.read}
    return assemble(source, layout, cells, (rows + first).tolist(), wanted)
