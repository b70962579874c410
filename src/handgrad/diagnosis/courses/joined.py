"""Arrays of a course that are made of parts of ours: a gate's weights, of state and input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.recurrent.gates import beside, part
from handgrad.diagnosis.student.layout import Layout
from handgrad.errors import ArgumentError

__all__ = ["Joined", "Part", "put_together"]

Layouts = Callable[[str], Layout]
"""From the name of an array of ours to how the course has it."""


@dataclass(frozen=True)
class Part:
    """A parameter, or the columns of one gate of it."""

    name: str
    gate: str = ""

    def of(self, array: Array, order: str) -> Array:
        """Return a view of the part in an array of ours."""
        return part(array, order, self.gate) if self.gate else array


@dataclass(frozen=True)
class Joined:
    """An array of a course: some parts of ours, in its own layout, side by side.

    They are joined along the axis in which their letters differ, the first one where none does.

    Examples
    --------
    >>> both = Joined.read("Wf", "recurrent_weights.f, input_weights.f", "a course")
    >>> print(both.gradient, both.parts[1])
    dWf Part(name='input_weights', gate='f')
    """

    name: str
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, name: str, text: str, where: str) -> Joined:
        """Read what stands in a course; `where` says in messages where."""
        pieces = [tuple(piece.strip().split(".")) for piece in text.split(",")]
        if not all(len(piece) <= 2 and all(p.isidentifier() for p in piece) for piece in pieces):
            raise ArgumentError(
                f"{name} = {text!r} among what is joined in {where}",
                "parameters with a comma between them, each with a gate behind a dot or without",
                'write it as in Wf = "recurrent_weights.f, input_weights.f"',
            )
        return cls(name, tuple(Part(*piece) for piece in pieces))

    @property
    def gradient(self) -> str:
        """The name of its gradient."""
        return f"d{self.name}"

    def axis(self, layout: Layouts) -> int:
        """Return the axis along which the parts are joined; a ValueError says that there is none.

        Examples
        --------
        >>> axes = {"U": "K H", "W": "K D", "b": "K"}
        >>> Joined("V", (Part("U"), Part("W"))).axis(lambda name: Layout(axes[name], axes[name]))
        1
        """
        every = [layout(piece.name).theirs.split() for piece in self.parts]
        if len({len(axes) for axes in every}) > 1:
            raise ValueError(f"the parts of {self.name} have not the same number of axes")
        differ = [i for i, letters in enumerate(zip(*every, strict=True)) if len({*letters}) > 1]
        if len(differ) > 1:
            raise ValueError(f"the parts of {self.name} differ in more than one axis")
        return differ[0] if differ else 0

    def made(self, arrays: Mapping[str, Array], layout: Layouts, order: str) -> Array:
        """Return it, made of our arrays."""
        pieces = [
            layout(piece.name).theirs_of(piece.of(arrays[piece.name], order))
            for piece in self.parts
        ]
        return np.concatenate(pieces, axis=self.axis(layout))

    def parted(
        self, array: Array, arrays: Mapping[str, Array], layout: Layouts, order: str
    ) -> dict[Part, Array]:
        """Return the parts of an array of this form, or of its gradient, in our layout."""
        right = self.made(arrays, layout, order).shape
        if array.shape != right:
            raise ValueError(f"it has shape {array.shape}, and {self.name} has {right}")
        axis, start, found = self.axis(layout), 0, {}
        for piece in self.parts:
            theirs = layout(piece.name)
            size = theirs.theirs_of(piece.of(arrays[piece.name], order)).shape[axis]
            taken = array.take(range(start, start + size), axis=axis)
            found[piece] = theirs.ours_of(taken)
            start += size
        return found


def put_together(parts: Mapping[Part, Any], order: str) -> dict[str, Array]:
    """Return the arrays of ours of which all parts are there.

    Examples
    --------
    >>> parts = {Part("bias", "f"): np.ones(1), Part("bias", "i"): np.zeros(1)}
    >>> put_together(parts, "if")
    {'bias': array([0., 1.])}
    """
    gates: dict[str, dict[str, Array]] = {}
    for piece, array in parts.items():
        gates.setdefault(piece.name, {})[piece.gate] = array
    return {
        name: found[""] if "" in found else beside(order, found)
        for name, found in gates.items()
        if "" in found or set(order) <= set(found)
    }
