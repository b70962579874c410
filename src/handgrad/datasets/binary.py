"""What the readers of binary formats share: sizes checked, bytes counted, numbers made native."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.targets import Wanted
from handgrad.errors import DataError

__all__ = ["Readable", "check_size", "fill", "flatten", "native"]

_DEFLATE = 1032  # zlib's limit: no byte of compressed data stands for more bytes than this
_PART = 1 << 20  # bytes at a time


class Readable(Protocol):
    """A file that is open for reading bytes, compressed or not."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes."""


def check_size(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    available: int,
    source: object,
    packed: bool = False,
) -> None:
    """Raise `DataError` where a header states another size than the file can hold.

    `available` counts the bytes that are there: of numbers, or of compressed data where `packed`,
    so that only an upper limit is known.
    """
    size = math.prod(shape) * dtype.itemsize
    stated = f"{source}, whose header states {shape} numbers of {dtype.itemsize} bytes"
    if min(shape, default=0) < 1 or not 1 <= len(shape) <= 32:
        raise DataError(f"{stated}", "at least one row of numbers", "check how it was written")
    most = available * _DEFLATE if packed else available
    if size > most:
        raise DataError(
            f"{stated}, of which it can hold at most {most // dtype.itemsize:,}",
            f"{size:,} bytes of numbers",
            "the file is damaged or cut short: write or download it again",
        )
    if size < available and not packed:
        raise _trailing(source, size, f"{available - size:,}")


def fill(array: Array, file: Readable, source: object) -> None:
    """Read the numbers of a whole array, and raise `DataError` where there are fewer, or more."""
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    done = 0
    while done < len(view):
        part = file.read(min(len(view) - done, _PART))
        if not part:
            raise DataError(
                f"{source} with {done:,} bytes of numbers",
                f"{len(view):,} bytes, as its header states",
                "the file is cut short: write or download it again",
            )
        view[done : done + len(part)] = part
        done += len(part)
    if file.read(1):
        raise _trailing(source, len(view), "more")


def _trailing(source: object, size: int, more: str) -> DataError:
    return DataError(
        f"{source} with {more} bytes after its numbers",
        f"an end after {size:,} bytes of numbers, as its header states",
        "the file is damaged: write or download it again",
    )


def native(array: Array) -> Array:
    """Return the array in the byte order of this machine, itself where it has it already."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def flatten(
    array: Array, wanted: Wanted, source: object, left_out: int | None = None
) -> tuple[Array, tuple[str, ...], tuple[int, ...]]:
    """Return an array, (N, ...), as rows, (N, D), the features' names, and an image's shape.

    Its columns are called by their indices. `left_out` is one that is no feature.
    """
    x = array.reshape(len(array), -1)
    known = [str(d) for d in range(x.shape[1])]
    rest = [name for d, name in enumerate(known) if d != left_out]
    names, image = wanted.names, array.shape[1:] if array.ndim > 2 else ()
    chosen = rest
    if wanted.drop or (names is not None and len(names) != len(rest)):
        chosen = [name for name in names or rest if name not in wanted.drop]
        unknown = [name for name in (*chosen, *wanted.drop) if name not in rest]
        if unknown or not chosen:
            raise DataError(
                f"{source} with {len(rest)} features, and not {', '.join(unknown[:5]) or 'one'}",
                f"{len(chosen)}, as expected" if names else "indices of its columns, from 0 on",
                "give the same columns" if names else "choose other columns",
            )
        image = ()
    return _columns(x, [*map(int, chosen)]), tuple(names or chosen), image


def _columns(x: Array, places: list[int]) -> Array:
    """Return some columns: a view, which stays on the disk, wherever they stand side by side."""
    first, last = places[0], places[-1] + 1
    return x[:, first:last] if places == [*range(first, last)] else x[:, places]
