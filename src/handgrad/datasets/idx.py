"""Read the IDX files of MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.binary import Readable, check_size, fill, flatten, native
from handgrad.datasets.dataset import Dataset
from handgrad.datasets.source import Source
from handgrad.datasets.targets import Wanted, check_finite, encode
from handgrad.errors import DataError

__all__ = ["read_idx"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LABELS = "labels"
_DEFAULTS: tuple[object, ...] = (-1, "-1", _LABELS)


def read_idx(source: Source, wanted: Wanted) -> Dataset:
    """Read a file of images and the file of their labels."""
    images = _load(source.path, source)
    if images.ndim < 2:
        raise DataError(
            f"{source}, which holds one number for each datapoint",
            "the images, (N, rows, columns)",
            "give the file of the images; the labels beside it are found, or given as the target",
        )
    x, names, image = flatten(images, wanted, source)
    check_finite(x, str(source))
    target = wanted.target
    labels_path = _labels(Path(source.name), target, optional=wanted.features is not None)
    if labels_path is None:
        return Dataset(x, np.empty(0), names, (), "", str(source), image)
    labels = _load(labels_path, labels_path)
    if labels.shape != (len(x),):
        raise DataError(
            f"{labels_path} with labels of shape {labels.shape} for {len(x)} images",
            f"one label for each image, {(len(x),)}",
            "the two files do not belong together: give the labels' file as the target",
        )
    check_finite(labels, str(labels_path))
    y, class_names, why = encode(labels, wanted.classes, str(labels_path))
    name = _LABELS if target in _DEFAULTS else str(target)
    notes = (f"{labels_path} {why}",) if why else ()
    where = f"{source} and {labels_path}"
    return Dataset(x, y, names, class_names, name, where, image, notes=notes)


def _labels(path: Path, target: str | int | None, optional: bool) -> Path | None:
    """Return the file of the labels that belong to `path`; None where there is none."""
    if target is None:
        return None
    given = Path(str(target))
    if not given.is_file():
        given = path.parent / given
    if given.is_file() or target not in _DEFAULTS:
        return given
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    plain = name.removesuffix(".gz")
    if name != path.name:
        for candidate in (name, plain, f"{plain}.gz"):
            if path.with_name(candidate).is_file():
                return path.with_name(candidate)
    if optional:
        return None
    raise DataError(
        f"{path}, beside which there is no file of labels",
        "a file with 'labels' in its name where the images' has 'images'",
        "give the file of the labels as the target",
    )


def _load(path: Path, source: object) -> Array:
    """Return the array in an IDX file; of a plain one it stays on the disk."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        size = path.stat().st_size
        if not zipped:
            offset, dtype, shape = _header(raw, source)
            check_size(shape, dtype, size - offset, source)
            return native(np.memmap(path, dtype, "r", offset, shape))
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                _, dtype, shape = _header(file, source)
                check_size(shape, dtype, size, source, packed=True)
                array = np.empty(shape, dtype)
                fill(array, file, source)
                return native(array)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{source}, whose compressed data is damaged or cut short ({error})",
                "a whole gzip file",
                "download or copy it again",
            ) from error


def _header(file: Readable, source: object) -> tuple[int, np.dtype[Any], tuple[int, ...]]:
    """Read magic number and sizes; return where the data begins, its type and its shape."""
    magic = file.read(4)
    dimensions = magic[3] if len(magic) == 4 else 0
    if magic[:2] != b"\0\0" or dimensions == 0 or magic[2] not in _TYPES:
        raise DataError(
            f"{source}, which begins with the bytes {magic.hex(' ')}",
            "an IDX file: two zeros, the code of a type (08 for bytes), the number of dimensions",
            "download it again (MNIST's images begin with 00 00 08 03, the labels with "
            "00 00 08 01)",
        )
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(
            f"{source}, which is cut short in its header", "a whole file", "get it again"
        )
    return 4 + 4 * dimensions, np.dtype(_TYPES[magic[2]]), struct.unpack(f">{dimensions}I", sizes)
