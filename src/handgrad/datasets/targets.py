"""What is asked of a reader, and class indices or numbers of whatever a file has as its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import index

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets.cells import class_name
from handgrad.datasets.columns import Column
from handgrad.errors import DataError

__all__ = ["Wanted", "check_finite", "column", "encode", "look_like_classes"]

_MOST_CLASSES = 50  # whole numbers with more different values than this are numbers, not classes
_EXACT = 2**53  # the whole numbers beyond are not all floats
_ENTRIES = 1 << 20  # at a time


@dataclass(frozen=True)
class Wanted:
    """What is asked of a reader: the arguments of `read`, which documents them."""

    target: str | int | None = -1
    features: Sequence[str | Column] | None = None
    classes: bool | Sequence[str] | None = None
    drop: Sequence[str] = ()
    decimal: str = "."
    delimiter: str | None = None

    @property
    def every_row(self) -> bool:
        """Whether a row without any value is one: where each is to have its prediction."""
        return self.columns is not None and self.target is None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the features; None where it may be any."""
        if self.features is None:
            return None
        return tuple(f.name if isinstance(f, Column) else f for f in self.features)

    @property
    def columns(self) -> tuple[Column, ...] | None:
        """What becomes of the features; None where that is seen from them."""
        found = tuple(f for f in self.features or () if isinstance(f, Column))
        return found if found and len(found) == len(self.features or ()) else None


def column(target: object, columns: int) -> int | None:
    """Return the index, from 0, of the column that an index means; None where it means none.

    It may count from the end, or be written as text.
    """
    try:
        t = int(target) if isinstance(target, str) else index(target)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return t % columns if -columns <= t < columns else None


def encode(
    values: Array, classes: bool | Sequence[str] | None, place: str
) -> tuple[Array, tuple[str, ...], str]:
    """Return class indices and the classes' names, or numbers and no names; and why, if asked.

    `values` are finite numbers, (N,); `classes` is as in `read`; `place` is for messages. The
    sentence says what whole numbers were taken for, where it was for this function to decide.
    """
    why = ""
    if classes is None:
        classes, why = look_like_classes(values)
    if classes is False:
        return values.astype(np.float64), (), why
    unique, y = np.unique(values, return_inverse=True)
    if np.abs(unique).max() >= _EXACT:
        raise DataError(
            f"{place} with {class_name(np.abs(unique).max())}, a class so large that others may "
            "be the same as a float",
            "names of classes, or whole numbers below 2^53",
            "put a letter before each; or take them for numbers: --task numbers",
        )
    names = [class_name(value) for value in unique]
    if classes is True:
        return y.astype(np.int64), tuple(names), why
    known = {name: k for k, name in enumerate(classes)}
    for name in names:
        if name not in known:
            raise DataError(
                f"the class {name} as {place}",
                f"one of the classes {', '.join(classes)}",
                "leave the rows of other classes out, or train with them",
            )
    return np.array([known[name] for name in names], dtype=np.int64)[y], tuple(classes), why


def look_like_classes(values: Array) -> tuple[bool, str]:
    """Return whether numbers are classes, and a sentence that says why; empty where it is plain."""
    unique = np.unique(values)
    if (unique != np.rint(unique)).any():
        return False, ""
    K, N = len(unique), len(values)
    whole = f"holds {K} different whole numbers in {N:,} rows"
    if min(_MOST_CLASSES, N / 2) >= K:
        return True, f"{whole}, so each is taken for a class (--task numbers: for a number)"
    return False, f"{whole}, so they are taken for numbers (--task classes: each for a class)"


def check_finite(array: Array, place: str) -> None:
    """Raise `DataError` where an array, (N, ...), holds NaN or infinity, reading it in parts."""
    if array.dtype.kind != "f":
        return
    step = max(1, _ENTRIES * len(array) // array.size)
    for start in range(0, len(array), step):
        finite = np.isfinite(array[start : start + step])
        if not finite.all():
            row, *rest = map(int, np.argwhere(~finite)[0])
            where = ", ".join(map(str, [start + row, *rest]))
            raise DataError(
                f"{array[(start + row, *rest)]} at [{where}] of {place}",
                "finite numbers",
                "leave the row out, or fill in what is missing",
            )
