"""What a network is given: the names and kinds of its inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

from handgrad.arguments import in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError, ShapeError
from handgrad.shapes import Shape, shape_text

__all__ = ["Given", "named_inputs"]


class Given(NamedTuple):
    """An input's name, its sizes, and the kind of its numbers.

    That is f for the network's precision, i for integers and b for booleans.
    """

    name: str
    shape: Shape
    kind: str


def named_inputs(model: Component, input_shape: Shape) -> tuple[Given, ...]:
    """Return the inputs of a component for the shapes of what it is given.

    Their number, and whether the second or the last has one axis, tell what they are, as they do
    in `Component.apply`: lengths and initial states, or a mask, or query, key and value.

    Raises
    ------
    ArgumentError
        It is no component.
    ShapeError
        A shape leaves open how many axes there are, or is none.
    """
    if not isinstance(model, Component):
        raise ArgumentError(
            f"{type(model).__name__} as the model", "a Model, or a component", "give it first"
        )
    if not isinstance(input_shape, tuple | list):
        raise ShapeError(
            f"{input_shape!r} as the shape of the input of {in_short(model)}",
            "a tuple with a size for each axis, or None where any will do",
            "write how many axes there are, such as (None, 64) for rows of 64 features",
        )
    several = bool(input_shape) and isinstance(input_shape[0], tuple)
    shapes: Any = input_shape if several else (input_shape,)
    for shape in shapes:
        if not shape or not all(size is None or _is_size(size) for size in shape):
            raise ShapeError(
                f"an input of shape {shape_text(input_shape)} for {in_short(model)}",
                "a size for each axis, or None where any will do",
                "write how many axes there are, such as (None, 64) for rows of 64 features",
            )
    kinds = ["i" if model.takes_integers else "f"] + ["f"] * (len(shapes) - 1)
    names = ["x"]
    if len(shapes) > 1 and len(shapes[1]) == 1:
        kinds[1], names = "i", ["x", "lengths", "state", "cell"]
    elif len(shapes) > 1:
        names = ["x", "mask"] if len(shapes) == 2 else ["query", "key", "value", "mask"]
        if len(shapes) in (2, 4):
            kinds[-1] = "i" if len(shapes[-1]) == 1 else "b"
    return tuple(map(Given, names, shapes, kinds))


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size > 0
