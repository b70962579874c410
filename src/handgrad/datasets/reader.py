"""Read a user's own data, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from handgrad.datasets.arrays import read_npy, read_npz
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.idx import read_idx
from handgrad.datasets.text import read_csv
from handgrad.errors import DataError

__all__ = ["read"]

_STARTS = {b"\x93NUMPY": ".npy", b"PK": ".npz", b"\x1f\x8b": ".gz", b"\0\0": ".idx"}
_READERS = {".npy": read_npy, ".npz": read_npz, ".gz": read_idx, ".idx": read_idx}


def read(
    path: str | os.PathLike[str],
    target: str | int | None = -1,
    *,
    features: Sequence[str] | None = None,
    classes: bool | Sequence[str] | None = None,
) -> Dataset:
    r"""Read a file of data: CSV, NPZ, NPY, or MNIST's IDX, plain or gzipped.

    Parameters
    ----------
    path : str or path
        The file. Its first bytes say which format it has; what has no known start is text.
    target : str, int or None, default -1
        What is to be predicted, None where there is nothing:

        - CSV: a column's name or its index, counted from 0, or from the end where it is negative.
          The default is the last column.
        - NPY, and an NPZ with one array: a column's index.
        - NPZ with several arrays: the name of one; by default ``y``, ``labels`` or ``target``.
          The features are the array ``x``, ``data`` or ``images``, or the only other one.
        - IDX: the file of the labels; by default the one beside the images which has ``labels``
          in its name where they have ``images``.
    features : sequence of str, optional
        The features that a trained model expects, by name. A CSV with a header gives the columns
        of these names in this order; everything else must have as many. With it, the target may
        be missing.
    classes : bool or sequence of str, optional
        Whether the target is a class or a number; or the names of the classes, in the order of
        their indices, of which each target must be one. By default, text is a class, and so are
        whole numbers of which there are at most 50 different ones, each twice on average.

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
    first line is a header where none of its features is a number, or where three or more are
    called 0, 1, 2 and so on. Features are numbers; an empty field, ``nan`` or ``inf`` is an error,
    not a number. Rows without any value are left out, and so is an empty last column without a
    name.

    **Safety.** Nothing is ever unpickled. The sizes that a header states are checked against the
    size of the file before memory is taken.

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
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        kind = next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), ".csv")
        _check_kind(path, start, kind)
        return _READERS.get(kind, read_csv)(path, target, features, classes)
    except OSError as error:
        raise DataError(
            f"{error.filename or path}, which cannot be read: {error.strerror or error}",
            "a file of data",
            "check the path and its permissions",
        ) from error
    except MemoryError as error:
        raise DataError(
            f"{path}, which is larger than the memory that is free",
            "data that fits",
            "write it as .npy, which is read from the disk as it is needed",
        ) from error


def _check_kind(path: Path, start: bytes, kind: str) -> None:
    """Raise where the first bytes contradict the name of the file, or are not text."""
    if not start.strip():
        raise DataError(f"{path}, which is empty", "at least one row", "check how it was written")
    suffix = path.suffix.lower()
    if suffix in {".npy", ".npz", ".gz"} and suffix != kind:
        raise DataError(
            f"{path}, which does not begin as a {suffix} file does",
            f"the first bytes of a {suffix} file",
            "the file is damaged, or has another format: write or download it again",
        )
    if kind == ".csv" and b"\0" in start:
        raise DataError(
            f"{path}, which is neither UTF-8 text nor in a binary format that is known",
            "CSV in UTF-8, NPZ, NPY, or IDX",
            "convert it; a spreadsheet can be saved as CSV UTF-8",
        )
