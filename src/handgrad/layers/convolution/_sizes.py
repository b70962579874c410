"""What the family's constructors take, what is written of them, and which inputs fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from handgrad.arguments import in_short
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers.convolution._windows import Axis
from handgrad.shapes import Shape, shape_text

__all__ = ["fitting", "numbers", "positions", "text"]


def numbers(value: Any, name: str, owner: str, rank: int, least: int = 1) -> tuple[int, ...]:
    """Return an integer for each of `rank` axes, given one for all of them or a sequence."""
    try:
        given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
        made = tuple(least - 1 if isinstance(n, bool) else index(n) for n in given)
    except TypeError:
        made = ()
    if len(made) != rank or min(made) < least:
        kind = f"an integer >= {least}"
        raise ArgumentError(
            f"{name}={value!r} for {owner}",
            kind if rank == 1 else f"{kind}, or {rank} of them, one for each axis",
            f"write {name}=2" + f" or {name}={(2, 3, 4)[:rank]}" * (rank > 1),
        )
    return made


def text(owner: object, sizes: Sequence[Any], options: Mapping[str, tuple[Any, Any]]) -> str:
    """Return a component as it is written: its sizes, and what is not an option's default."""

    def short(value: Any) -> str:
        same = isinstance(value, tuple) and len(set(value)) == 1
        return repr(value[0] if same else value)

    words = [short(size) for size in sizes]
    words += [f"{name}={short(v)}" for name, (v, default) in options.items() if v != default]
    return f"{type(owner).__name__}({', '.join(words)})"


def fitting(
    input_shape: Shape, letters: str, channels: int | None, axes: Sequence[Axis], owner: object
) -> Shape:
    """Return the positions of the windows, (N, H', W'), and C; refuse an input that does not fit.

    Parameters
    ----------
    input_shape
        In the notation of `Component.output_shape`; of an axis that is not known comes None.
    letters
        A letter for each axis between the first and the last, as the component's page has them.
    channels
        How many entries the last axis must have; None where any number is right.
    axes
        The windows along the axes that have letters.
    owner
        The component, for the message.
    """
    rank, shape = len(letters) + 2, input_shape
    if shape[:1] == (...,):
        shape = (None,) * (rank + 1 - len(shape)) + shape[1:]
    got = f"an input of shape {shape_text(input_shape)} for {in_short(owner)}"
    expected = f"(N, {', '.join(letters)}, {channels or 'C'})"
    if len(shape) != rank:
        raise ShapeError(
            got,
            f"{rank} axes, {expected}: a minibatch, the channels last",
            "put an axis in front of a single input, x[None], or one behind an input that has no "
            "channels, x[..., None]",
        )
    N, *sizes, C = shape
    if channels is not None and C not in (None, channels):
        raise ShapeError(
            got,
            f"{channels} channels on the last axis, {expected}",
            "make it with as many in_channels, or where the channels stand second, as in PyTorch, "
            "put them last: np.moveaxis(x, 1, -1)",
        )
    pairs = list(zip(axes, sizes, strict=True))
    counts = [None if size is None else axis.count(size) for axis, size in pairs]
    if any(count is not None and count < 1 for count in counts):
        least = [axis.reach - axis.around(0) for axis in axes]
        raise ShapeError(
            got,
            f"{expected} with {' and '.join(map('{} >= {}'.format, letters, least))}, so that a "
            "window fits",
            "take a smaller kernel or dilation, or a larger padding",
        )
    return (N, *counts, C)


def positions(input_shape: Shape, owner: object) -> Shape:
    """Return N and C of an input that has axes between them; refuse one that has none."""
    if input_shape[:1] == (...,):
        return (None, *((None, *input_shape[1:])[-1:]))
    if len(input_shape) < 3:
        raise ShapeError(
            f"an input of shape {shape_text(input_shape)} for {in_short(owner)}",
            "at least 3 axes, (N, ..., C): a minibatch, positions, channels",
            "put an axis in front of a single input, x[None], or one behind an input that has no "
            "channels, x[..., None]",
        )
    return (input_shape[0], input_shape[-1])
