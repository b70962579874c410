"""Read a user's own data, whatever its format."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from handgrad.datasets.arrays import read_npy, read_npz
from handgrad.datasets.columns import Column
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.frames import read_excel, read_parquet
from handgrad.datasets.idx import read_idx
from handgrad.datasets.source import Source, open_source, reading
from handgrad.datasets.targets import Wanted
from handgrad.datasets.text import read_csv
from handgrad.errors import ArgumentError, DataError

__all__ = ["read"]

_STARTS = {
    b"\x93NUMPY": ".npy",
    b"PK": ".npz",
    b"\x1f\x8b": ".idx",  # the others are unpacked by now
    b"\0\0": ".idx",
    b"PAR1": ".parquet",
    b"\xd0\xcf\x11\xe0": ".xls",
}
_READERS = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".idx": read_idx,
    ".parquet": read_parquet,
    ".xlsx": read_excel,
    ".xls": read_excel,
}
_JSON = re.compile(rb"""\s*[\[{]\s*["\[{]""")
_NAMED = {".npy", ".npz", ".parquet", ".xlsx", ".gz"}


def read(
    path: str | os.PathLike[str] | Source,
    target: str | int | None = -1,
    *,
    features: Sequence[str | Column] | None = None,
    classes: bool | Sequence[str] | None = None,
    drop: Sequence[str] = (),
    decimal: str = ".",
    delimiter: str | None = None,
) -> Dataset:
    r"""Read a file of data: CSV, NPZ, NPY, MNIST's IDX, Parquet or Excel; plain or gzipped.

    Parameters
    ----------
    path : str or path
        The file, or a pipe, or ``-`` for the standard input. The first bytes say which format it
        has; what has no known start is text.
    target : str, int or None, default -1
        What is to be predicted, None where there is nothing:

        - CSV: a column's name or its index, counted from 0, or from the end where it is negative.
          The default is the last column.
        - NPY, and an NPZ with one array: a column's index.
        - NPZ with several arrays: the name of one; by default ``y``, ``labels`` or ``target``.
          The features are the array ``x``, ``data`` or ``images``, or the only other one.
        - IDX: the file of the labels; by default the one beside the images which has ``labels``
          in its name where they have ``images``.
    features : sequence of str or Column, optional
        The features that are wanted, by name, such as a trained model expects. A table with a
        header gives the columns of these names in this order; everything else must have as many,
        or name them by their indices. With it, the target may be missing. A `Column`, such as
        ``Dataset.columns`` holds, says what becomes of texts and missing cells.
    classes : bool or sequence of str, optional
        Whether the target is a class or a number; or the names of the classes, in the order of
        their indices, of which each target must be one. By default, text is a class, and so are
        whole numbers of which there are at most 50 different ones, each twice on average;
        ``Dataset.notes`` says so.
    drop : sequence of str
        Columns that are left out, by name or index.
    decimal : {".", ","}
        What stands before a number's decimals in a CSV; the other one is no part of a number.
    delimiter : str, optional
        What separates the fields of a CSV, one character; seen from its first line where it is
        None.

    Returns
    -------
    Dataset
        Features, targets and names.

    Raises
    ------
    DataError
        The file is missing, damaged, cut short or ragged, or holds something else than finite
        numbers; with file, line and column where it has them.

    Notes
    -----
    **CSV.** UTF-8; separated by commas, semicolons or tabs; fields may be quoted as usual. The
    first line is a header where it holds texts alone and the next one numbers, or where three or
    more features are called 0, 1, 2 and so on. Rows without any value are left out, but where
    each has its prediction (no target, and features that are `Column`); and so is an
    empty last column without a name. A large file is read by pyarrow where that is installed, with
    the same result.

    **Tables.** Of a CSV, Parquet or Excel file the features are numbers (``true`` and ``false`` are
    1 and 0), or texts of few different values: such a column becomes one of 0 and 1 for each value.
    Where cells are missing (empty, ``NA``, ``?``), a number is NaN, which
    ``Standardizer(missing=True)`` makes the mean of, and one column more is 1. Dates, texts of many
    values and bad cells are errors, all of a column at once.

    **Other programs.** Parquet needs pandas and pyarrow, Excel pandas and openpyxl.

    **Safety.** Nothing is ever unpickled. The sizes that a header states are checked against the
    size of the file before memory is taken. What comes through a pipe, or is compressed, is copied
    to a temporary file first, whose size is bounded by that of what is compressed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "flowers.csv")
    ...     _ = path.write_text("length,width,kind\n5.1,3.5,iris\n4.9,3.0,rose\n")
    ...     data = read(path)
    >>> data
    Dataset(2 rows, 2 features, kind: 2 classes)
    >>> data.x, data.y, data.class_names
    (array([[5.1, 3.5],
           [4.9, 3. ]]), array([0, 1]), ('iris', 'rose'))
    """
    wanted = Wanted(target, features, classes, tuple(drop), decimal, delimiter)
    _check(wanted)
    opened = nullcontext(path) if isinstance(path, Source) else open_source(path)
    with reading(str(path)), opened as source:
        return _READERS.get(_kind(source), read_csv)(source, wanted)


def _check(wanted: Wanted) -> None:
    """Raise where a mark is none."""
    mark = wanted.delimiter
    for name, value, right in (
        ("decimal", wanted.decimal, wanted.decimal in {".", ","}),
        ("delimiter", mark, mark is None or (len(mark) == 1 and mark not in '"\r\n')),
    ):
        if not right:
            raise ArgumentError(
                f"{name}={value!r} for a table", "one character", "write --decimal , for instance"
            )


def _kind(source: Source) -> str:
    """Return the format that the first bytes say; raise where the name says another."""
    start = source.start
    if not start.strip() and len(start) < 4096:
        raise DataError(f"{source}, which is empty", "at least one row", "check how it was written")
    path = Path(source.name.lower())
    zipped = path.suffix == ".gz"
    suffix = Path(path.stem).suffix if zipped and source.packed else path.suffix
    kind = next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), ".csv")
    if kind == ".npz" and (suffix == ".xlsx" or b"[Content_Types].xml" in start):
        kind = ".xlsx"
    if suffix in _NAMED and suffix != kind:
        raise DataError(
            f"{source}, which does not begin as a {suffix} file does",
            f"the first bytes of a {suffix} file",
            "the file is damaged, or has another format: write or download it again",
        )
    if kind == ".csv" and _JSON.match(start):
        raise DataError(
            f"{source}, which is JSON",
            "a table: CSV, Parquet or Excel; or arrays: NPZ, NPY or IDX",
            "convert it, for instance: pandas.read_json(...).to_csv(..., index=False)",
        )
    if kind == ".csv" and b"\0" in start:
        raise DataError(
            f"{source}, which is neither UTF-8 text nor in a binary format that is known",
            "CSV in UTF-8, NPZ, NPY, IDX, Parquet or Excel",
            "convert it; a spreadsheet can be saved as CSV UTF-8",
        )
    return kind
