"""Read NumPy's own files, NPY and NPZ."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from tokenize import TokenError
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.binary import Readable, check_size, fill, flatten, native
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.source import Source
from handgrad.datasets.targets import Wanted, check_finite, column, encode
from handgrad.errors import DataError

__all__ = ["read_npy", "read_npz"]

_FEATURES = ("x", "data", "images", "x_train")
_TARGETS = ("y", "labels", "target", "y_train")


def read_npy(source: Source, wanted: Wanted) -> Dataset:
    """Read one array whose columns are the features and the target, left on the disk."""
    with source.path.open("rb") as file:
        shape, fortran, dtype = _header(file, source)
        offset = file.tell()
    check_size(shape, dtype, source.size - offset, source)
    array = np.memmap(source.path, dtype, "r", offset, shape, "F" if fortran else "C")
    return _split(native(array), source, wanted)


def read_npz(source: Source, wanted: Wanted) -> Dataset:
    """Read an archive of arrays."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if names and names == archive.namelist():
                raise DataError(
                    f"{source}, an archive without any NumPy array: {', '.join(names[:3])}",
                    "an archive as numpy.savez writes it",
                    "save a spreadsheet as CSV UTF-8; unpack any other archive",
                )
            if len(names) == 1:
                array = _member(archive, names[0], source)
                return _split(array, source, wanted)
            name_x, name_y = _choose(names, wanted, source)
            data = _member(archive, name_x, source)
            x, feature_names, image = flatten(data, wanted, source)
            check_finite(x, f"{name_x} in {source}")
            if name_y is None:
                return Dataset(x, np.empty(0), feature_names, (), "", str(source), image)
            values = _member(archive, name_y, source)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(
            f"{source}, which is damaged or cut short ({error})",
            "an archive as numpy.savez writes it",
            "write or download it again",
        ) from error
    if values.shape not in {(len(x),), (len(x), 1)}:
        raise DataError(
            f"{source} with {name_y} of shape {values.shape} for {len(x)} rows of {name_x}",
            f"one target for each row, {(len(x),)}",
            "where the rows are one-hot, store y.argmax(axis=1)",
        )
    check_finite(values, f"{name_y} in {source}")
    y, class_names, why = encode(values.reshape(-1), wanted.classes, f"{name_y} in {source}")
    notes = (f"{name_y} {why}",) if why else ()
    return Dataset(x, y, feature_names, class_names, name_y, str(source), image, notes=notes)


def _choose(names: list[str], wanted: Wanted, source: Source) -> tuple[str, str | None]:
    """Return the names of the features' and of the target's array, None where there is none."""
    target, optional = wanted.target, wanted.features is not None
    known = {name.lower(): name for name in names}
    y: str | None = None
    if target is not None:
        usual = _TARGETS if target in {-1, "-1"} else (str(target).lower(),)
        y = next((known[name] for name in usual if name in known), None)
    others = [name for name in names if name != y]
    x = next((known[name] for name in _FEATURES if known.get(name) in others), None)
    if x is None and len(others) == 1:
        x = others[0]
    if x is None or (y is None and target is not None and not optional):
        raise DataError(
            f"{source} with the arrays {', '.join(names) or '(none)'}",
            "the features as x and the targets as y",
            "give the name of the targets' array as the target, and call the features' x",
        )
    return x, y


def _member(archive: zipfile.ZipFile, name: str, source: Source) -> Array:
    """Return one array of an archive, its size checked before memory is taken."""
    known = archive.namelist()
    info = archive.getinfo(name if name in known else f"{name}.npy")
    if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DataError(
            f"{source}, whose {info.filename} is encrypted or compressed in an unknown way",
            "an archive as numpy.savez or numpy.savez_compressed writes it",
            "write it again with one of these",
        )
    with archive.open(info) as file:
        shape, fortran, dtype = _header(file, source)
        check_size(shape, dtype, info.file_size - file.tell(), source)
        check_size(shape, dtype, source.size, source, packed=True)
        array = np.empty(shape[::-1] if fortran else shape, dtype)
        fill(array, file, source)
    return native(array.T if fortran else array)


def _header(file: Readable, source: Source) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: shape, whether in Fortran's order, type."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of types that are refused below anyway
            version = np.lib.format.read_magic(file)
            shape, fortran, dtype = readers[version](file)
    except (ValueError, KeyError, TokenError, RecursionError, MemoryError) as error:
        raise DataError(
            f"{source} with an array whose header is damaged",
            "an array as numpy.save writes it",
            "write or download it again",
        ) from error
    if dtype.kind not in "fiub":
        raise DataError(
            f"{source} with an array of {dtype}",
            "an array of numbers; nothing is ever unpickled",
            "save numbers: x.astype(np.float64); of names of classes "
            "np.unique(y, return_inverse=True)[1]",
        )
    return tuple(map(int, shape)), fortran, dtype


def _split(table: Array, source: Source, wanted: Wanted) -> Dataset:
    """Split an array into features and the column that is the target."""
    columns, target, names = table.shape[1] if table.ndim == 2 else 0, wanted.target, wanted.names
    alone = target is None or (names is not None and len(names) in {columns, table[0].size})
    if alone and table.ndim >= 2:
        x, names, image = flatten(table, wanted, source)
        check_finite(x, str(source))
        return Dataset(x, np.empty(0), names, (), "", str(source), image)
    t = column(target, columns)
    if t is None or columns < 2:
        raise DataError(
            f"{source} of shape {table.shape} with the target {target!r}",
            "rows of at least one feature and the target, whose column is given by its index",
            "store the table as (N, columns); or store x and y in one .npz",
        )
    check_finite(table, str(source))
    # Where the target stands at an end, the features are a view, and stay on the disk.
    x, names, _ = flatten(table, wanted, source, left_out=t)
    y, class_names, why = encode(table[:, t], wanted.classes, f"column {t} of {source}")
    notes = (f"column {t} {why}",) if why else ()
    return Dataset(x, y, names, class_names, str(t), str(source), notes=notes)
