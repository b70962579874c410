"""The sizes of an array's axes, as far as they are known before there is an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import in_short
from handgrad.errors import ArgumentError, ShapeError

__all__ = ["Shape", "check_axis", "check_shape", "leading_axes", "merged", "shape_text"]

Shape = tuple[Any, ...]
"""The axes' sizes: a number, None for any; a leading ``...`` stands for any axes at all."""


def check_shape(shape: object, owner: str) -> Shape:
    """Return a shape that somebody has written, or raise `ArgumentError` where it is none.

    Examples
    --------
    >>> check_shape([None, 7, 3], "summary")
    (None, 7, 3)
    """
    given = tuple(shape) if isinstance(shape, tuple | list) else (0,)
    sizes = given[1:] if given[:1] == (...,) else given
    if not all(size is None or (isinstance(size, int | np.integer) and size > 0) for size in sizes):
        raise ArgumentError(
            f"{shape!r} as the shape of an input for {owner}",
            "a tuple with a size for each axis, None where it may be any",
            "write (None, 16) for rows of 16 features",
        )
    return given


def check_axis(axis: int, shape: Shape, owner: object) -> None:
    """Raise `ShapeError` where an array of that shape has no such axis.

    Examples
    --------
    >>> check_axis(-2, (7, 3), "Softmax(axis=-2)")
    """
    if shape[:1] != (...,) and not -len(shape) <= axis < len(shape):
        raise ShapeError(
            f"an input of shape {shape_text(shape)} for {in_short(owner)}",
            f"an input that has an axis {axis}",
            f"give an axis from {-len(shape)} to {len(shape) - 1}, or an input with more of them",
        )


def leading_axes(input_shape: Shape, features: int, owner: object) -> Shape:
    """Return the axes before the last one, which must be able to have `features` entries.

    Of (None, 7, 3) these are (None, 7); a shape of any axes, (...,), stays as it is.
    """
    if input_shape and input_shape[-1] is ...:
        return input_shape
    if not input_shape or input_shape[-1] not in (None, features):
        raise ShapeError(
            f"an input of shape {shape_text(input_shape)} for {in_short(owner)}",
            f"{features} features on the last axis, (..., {features})",
            "make it with as many features as its input has",
        )
    return input_shape[:-1]


def merged(one: Shape, other: Shape) -> Shape | None:
    """Return the shape that both may be, as far as either is known; None where they differ.

    Examples
    --------
    >>> merged((..., None, 3), (5, 2, None)), merged((...,), (..., 4)), merged((2, 3), (3,))
    ((5, 2, 3), (Ellipsis, 4), None)
    """
    anything, everything = one[:1] == (...,), other[:1] == (...,)
    short, long = one[anything:], other[everything:]
    if len(short) > len(long):
        short, long, anything, everything = long, short, everything, anything
    before = len(long) - len(short)
    pairs = list(zip(short, long[before:], strict=True))
    if (before and not anything) or any(a != b and None not in (a, b) for a, b in pairs):
        return None
    known = (*long[:before], *(b if a is None else a for a, b in pairs))
    return (..., *known) if anything and everything else known


def shape_text(shape: Shape) -> str:
    """Return a shape as it is written in a message, with ``?`` for any size.

    Examples
    --------
    >>> shape_text((..., None, 3)), shape_text((4,)), shape_text(((4, 2), (4,)))
    ('(..., ?, 3)', '(4,)', '((4, 2), (4,))')
    """
    axes = [
        "..." if axis is ... else "?" if axis is None else
        shape_text(axis) if isinstance(axis, tuple) else str(axis)
        for axis in shape
    ]  # fmt: skip
    return f"({', '.join(axes)}{',' * (len(axes) == 1 and shape[0] is not ...)})"
