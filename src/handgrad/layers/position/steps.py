"""What an input of steps may be."""

from __future__ import annotations

from handgrad.errors import ShapeError
from handgrad.shapes import Shape, leading_axes, shape_text

__all__ = ["check_steps"]


def check_steps(input_shape: Shape, max_length: int, features: int, owner: object) -> Shape:
    """Return the shape of sequences, (..., T, D), if it has as many steps and features as it may.

    Examples
    --------
    >>> check_steps((..., None, 8), 50, 8, "PositionalEncoding(50, 8)")
    (Ellipsis, None, 8)
    """
    leading = leading_axes(input_shape, features, owner)
    if not leading or (leading[-1] not in (..., None) and leading[-1] > max_length):
        raise ShapeError(
            f"an input of shape {shape_text(input_shape)} for {owner!r}",
            f"sequences of 1 to {max_length} steps, (..., T, {features})",
            "cut longer sequences, or make it with a larger max_length; give one step as x[None]",
        )
    return input_shape
