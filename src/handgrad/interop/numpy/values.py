"""Writing what a component holds as an expression: its arrays by name, its settings as they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from textwrap import indent
from typing import Any

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.interop.numpy.library import Library
from handgrad.walk import join, own_arrays, walk

__all__ = ["Values"]

_TAKES = ("takes_integers", "takes_tuple", "takes_lengths")


class Values:
    """Expressions for a tree of components.

    Attributes
    ----------
    arrays : dict of str to Array
        What the expressions read from the file of arrays.
    lines : list of str
        Assignments of what stands at several places, before all else.
    """

    def __init__(self, library: Library, root: Component) -> None:
        self.library, self.root = library, root
        self.arrays: dict[str, Array] = {}
        self.lines: list[str] = []
        self._places = {id(component): place or "network" for place, component in walk(root)}
        held = (child for _, component in walk(root) for child in component.children().values())
        self._uses = Counter(map(id, held))
        self._shared: dict[int, str] = {}

    def network(self) -> str:
        """Return the expression of the whole tree."""
        return self._component(self.root, self._places[id(self.root)])

    def holder(self, thing: Any, place: str, arrays: Mapping[str, Any]) -> str:
        """Return the expression of what is no component, and has these arrays as attributes."""
        names = [self._kept(join(place, name), array) for name, array in arrays.items()]
        return self._made(thing, place, list(arrays), names)

    def _component(self, component: Component, place: str) -> str:
        own = {**own_arrays(component), **own_arrays(component, "buffers")}
        names = [self._kept(join(place, name), array) for name, array in own.items()]
        return self._made(component, place, list(own), names)

    def _made(self, thing: Any, place: str, own: list[str], names: list[str]) -> str:
        cls = type(thing)
        read = self.library.read[cls] - {"parameters", "buffers", *own}
        read -= {name for name in _TAKES if not getattr(thing, name, False)}
        read |= {n for n in _TAKES if n in self.library.attributes and getattr(thing, n, False)}
        given = [f"arrays({place!r}, {', '.join(map(repr, own))})"] if own else []
        there = [name for name in sorted(read) if hasattr(thing, name)]
        settings = {n: self._written(getattr(thing, n), join(place, n)) for n in there}
        given += [f"{name}={written}" for name, written in settings.items()]
        return _listed(f"{self.library.component(cls)}(", given, ")")

    def _written(self, value: Any, place: str) -> str:
        """Return a value as an expression."""
        if isinstance(value, Component):
            return self._child(value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            return f"ARRAYS[{self._kept(place, value)!r}]"
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return f"float('{value}')"
        if value is None or isinstance(value, bool | int | float | str):
            return repr(value)
        if isinstance(value, tuple | list):
            parts = [self._written(each, f"{place}.{i}") for i, each in enumerate(value)]
            if hasattr(value, "_fields"):
                return f"{self.library.name_of(type(value))}({', '.join(parts)})"
            if isinstance(value, list):
                return _listed("[", parts, "]")
            return f"({parts[0]},)" if len(parts) == 1 else _listed("(", parts, ")")
        raise ArgumentError(
            f"{in_short(value)} at {place}, which a formula reads",
            "numbers, texts, arrays, tuples of them, and components",
            "keep what apply reads in such attributes, for an export that needs no handgrad",
        )

    def _child(self, component: Component) -> str:
        key = id(component)
        if self._uses[key] < 2:
            return self._component(component, self._places[key])
        if key not in self._shared:
            made = self._component(component, self._places[key])
            self._shared[key] = f"SHARED_{len(self._shared) + 1}"
            self.lines.append(f"{self._shared[key]} = {made}")
        return self._shared[key]

    def _kept(self, name: str, array: Array) -> str:
        self.arrays[name] = array
        return name


def _listed(before: str, parts: list[str], after: str) -> str:
    """Return an expression in one line, or in a line for each part where it is long."""
    line = f"{before}{', '.join(parts)}{after}"
    if len(line) <= 60 and "\n" not in line:
        return line
    return f"{before}\n" + "".join(f"{indent(part, '    ')},\n" for part in parts) + after
