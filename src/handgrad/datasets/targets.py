"""Make class indices or numbers of whatever a file has as its target."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import DataError

__all__ = ["Classes", "Features", "Target", "check_finite", "class_name", "column", "encode"]

Target = str | int | None
Features = Sequence[str] | None
Classes = bool | Sequence[str] | None
"""What the arguments of `read` may be, which all readers are handed."""

_MOST_CLASSES = 50  # whole numbers with more different values than this are numbers, not classes
_ENTRIES = 1 << 20  # at a time


def column(target: object, columns: int) -> int | None:
    """Return the index, from 0, of the column that an index means; None where it means none.

    It may count from the end, or be written as text.
    """
    try:
        t = int(target) if isinstance(target, str) else index(target)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return t % columns if -columns <= t < columns else None


def encode(values: Array, classes: Classes, place: str) -> tuple[Array, tuple[str, ...]]:
    """Return class indices and the classes' names, or numbers and no names.

    `values` are finite numbers, (N,); `classes` is as in `read`; `place` is for messages.
    """
    if classes is None:
        classes = _look_like_classes(values)
    if classes is False:
        return values.astype(np.float64), ()
    unique, y = np.unique(values, return_inverse=True)
    names = [class_name(value) for value in unique]
    if classes is True:
        return y.astype(np.int64), tuple(names)
    known = {name: k for k, name in enumerate(classes)}
    for name in names:
        if name not in known:
            raise DataError(
                f"the class {name} as {place}",
                f"one of the classes {', '.join(classes)}",
                "leave the rows of other classes out, or train with them",
            )
    return np.array([known[name] for name in names], dtype=np.int64)[y], tuple(classes)


def class_name(value: float) -> str:
    """Return the name of a class that is a number: 3 and 3.0 are "3", 0.5 is "0.5"."""
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def _look_like_classes(values: Array) -> bool:
    unique = np.unique(values)
    whole = bool((unique == np.rint(unique)).all())
    return whole and len(unique) <= min(_MOST_CLASSES, len(values) / 2)


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
