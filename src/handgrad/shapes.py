"""The sizes of an array's axes, as far as they are known before there is an array."""

from __future__ import annotations

from typing import Any

from handgrad.arguments import in_short
from handgrad.errors import ShapeError

__all__ = ["Shape", "leading_axes", "shape_text"]

Shape = tuple[Any, ...]
"""The axes' sizes: a number, None for any; a leading ``...`` stands for any axes at all."""


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
