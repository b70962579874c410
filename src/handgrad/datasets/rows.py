"""Make a data set of rows that are in memory, as a table's columns have been encoded before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.datasets.cells import Cells
from handgrad.datasets.columns import Column
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.tables import assemble, choose_columns
from handgrad.datasets.targets import Wanted
from handgrad.errors import ShapeError

__all__ = ["cells_of_series", "from_rows"]

_SOURCE = "the rows"


def from_rows(rows: Any, columns: Sequence[Column]) -> Dataset:
    """Return what a network is given of rows, without a target.

    Parameters
    ----------
    rows : DataFrame, or array, (N, ...)
        A DataFrame, of pandas' or with a method ``to_pandas``, has the columns of these names, in
        any order; an array, or a list of lists, in
        this order.
    columns : sequence of Column
        What becomes of each column.

    Raises
    ------
    ShapeError
        The rows are not rows of so many columns.
    DataError
        A column is missing, or holds something else.

    Examples
    --------
    >>> columns = [Column("age", missing=True), Column("colour", ("blue", "red"))]
    >>> from_rows([[31, "red"], [None, "blue"]], columns).x
    array([[31.,  0.,  0.,  1.],
           [nan,  1.,  1.,  0.]])
    """
    wanted = Wanted(None, columns)
    if hasattr(rows, "to_pandas"):  # another library's table, whose columns have names too
        rows = rows.to_pandas()
    if isinstance(rows, np.ma.MaskedArray):
        rows = np.ma.filled(rows.astype(object), np.nan)
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        layout = choose_columns(_SOURCE, [str(name) for name in rows.columns], True, wanted)
        cells = {place: cells_of_series(rows.iloc[:, place]) for place in layout.places}
        return assemble(_SOURCE, layout, cells, range(len(rows)), wanted)
    array = np.asarray(rows) if isinstance(rows, np.ndarray) else np.array(rows, dtype=object)
    if array.ndim < 2 or array.size != len(array) * len(columns):
        raise ShapeError(
            f"rows of shape {array.shape} for a network of {len(columns)} columns",
            f"rows of {len(columns)} columns, (N, {len(columns)})",
            "give each datapoint a row; one alone is [[...]]",
        )
    table = array.reshape(len(array), len(columns))
    layout = choose_columns(_SOURCE, [c.name for c in columns], True, wanted)
    cells = {place: _cells(table[:, place]) for place in layout.places}
    return assemble(_SOURCE, layout, cells, range(len(table)), wanted)


def _cells(column: Any) -> Cells:
    """Return the cells of a column of an array."""
    if column.dtype.kind in "iufb":
        numbers = column.astype(np.float64)
        if not np.isinf(numbers).any():
            return Cells(numbers)
    return Cells.of_texts("" if cell is None else str(cell) for cell in column.tolist())


def cells_of_series(series: Any, keep_codes: bool = False) -> Cells:
    """Return the cells of a Series of pandas': numbers as they are, and anything else as text."""
    if series.dtype.kind in "iuf":
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isinf(numbers).any():
            return Cells(numbers)
    try:
        codes, values = series.factorize(use_na_sentinel=True)
    except TypeError:  # lists and the like
        codes, values = series.astype(str).factorize()
    # What is missing, -1, is the last of the texts.
    return Cells.of_codes([*map(str, values), ""], codes, keep_codes=keep_codes)
