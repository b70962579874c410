"""The one walk over a tree of components, and all that is found on the way.

A component's place is written as the names of the children on the way to it, ``3.inner.0``; a
parameter's name as its component's place and its own, ``3.inner.0.weights``. What stands at
several places is met once, at the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError, DtypeError

__all__ = [
    "Place",
    "buffers",
    "check_arrays",
    "check_passed_on",
    "join",
    "named_gradients",
    "own_arrays",
    "parameters",
    "restore",
    "snapshot",
    "walk",
]


class Place(NamedTuple):
    """Where an array of a component lies: its dotted name in the tree, its holder, its key there.

    The holder is the component's own dict, in which another array may be put into its place.
    """

    name: str
    holder: dict[str, Array]
    key: str

    @property
    def array(self) -> Array:
        """The array."""
        return self.holder[self.key]


def walk(root: Any) -> Iterator[tuple[str, Component]]:
    """Yield each component in a tree with its place, those that hold others before the others.

    The root's place is the empty string. What is no component, such as a loss, holds none.
    """
    met: set[int] = set()
    ahead: list[tuple[str, Any]] = [("", root)]
    while ahead:
        place, component = ahead.pop()
        if id(component) not in met and isinstance(component, Component):
            met.add(id(component))
            yield place, component
            children = component.children()
            ahead += [(join(place, name), children[name]) for name in reversed(children)]


def join(place: str, name: str) -> str:
    """Return the place of what is called `name` in what stands at `place`."""
    return f"{place}.{name}" if place else name


def own_arrays(component: Any, kind: str = "parameters") -> dict[str, Array]:
    """Return a component's own parameters, or its own buffers; not those of its children."""
    arrays: dict[str, Array] = getattr(component, "__dict__", {}).get(kind) or {}
    if not isinstance(arrays, Mapping):
        raise ArgumentError(
            f"{type(arrays).__name__} as the {kind} of {component!r}",
            "a dict of arrays by their names",
            f'write self.{kind} = {{"weights": array}}',
        )
    return arrays


def parameters(root: Any) -> Iterator[Place]:
    """Yield every parameter in a tree, each once."""
    return _arrays(root, "parameters")


def buffers(root: Any) -> Iterator[Place]:
    """Yield every buffer in a tree, each once."""
    return _arrays(root, "buffers")


def _arrays(root: Any, kind: str) -> Iterator[Place]:
    met: set[int] = set()  # two components may share one dict
    for place, component in walk(root):
        arrays = own_arrays(component, kind)
        if arrays and id(arrays) not in met:
            met.add(id(arrays))
            yield from (Place(join(place, key), arrays, key) for key in list(arrays))


def check_arrays(root: Any) -> None:
    """Raise where a parameter or buffer is no array, or is called as another one is.

    A scalar of NumPy's is an array of no axes afterwards. Objects are symbols, in a proof.
    """
    met: set[str] = set()
    for role, letters, places in (("parameter", "fcO", parameters), ("buffer", "fiubcO", buffers)):
        for name, holder, key in places(root):
            if isinstance(holder[key], np.generic):
                holder[key] = np.array(holder[key])
            dtype = getattr(holder[key], "dtype", None)
            if getattr(dtype, "kind", " ") not in letters:
                raise DtypeError(
                    f"{in_short(dtype or type(holder[key]).__name__)} as the {role} {name!r}",
                    f"an array of {'floats' if role == 'parameter' else 'numbers'}",
                    f'write self.{role}s = {{"{key}": np.array(..., dtype=float)}}',
                )
            if name in met:
                raise ArgumentError(
                    f"two arrays of one model that are both called {name!r}",
                    "a name for each parameter and buffer, since they are saved by it",
                    "rename one of the two",
                )
            met.add(name)


def check_passed_on(root: Any) -> None:
    """Raise where a component holds one with buffers that would never be updated."""
    for _, component in walk(root):
        if type(component).update_buffers is Component.update_buffers:
            for name, child in component.children().items():
                if any(buffers(child)):
                    raise ArgumentError(
                        f"{in_short(component)}, whose {name} keeps buffers that are never updated",
                        "update_buffers, which passes on to each child what it has saved",
                        f"write def update_buffers(self, saved): self.{name}.update_buffers(saved)",
                    )


def named_gradients(root: Any, gradients: Mapping[str, Any]) -> dict[str, Array]:
    """Return the gradients that a pullback of `root` returned by the names of its parameters.

    What a component that stands at several places has at each of them is added up.
    """
    names = {(id(holder), key): name for name, holder, key in parameters(root)}
    found: dict[str, Array] = {}
    ahead: list[tuple[str, Any, Mapping[str, Any]]] = [("", root, gradients)]
    while ahead:
        place, component, given = ahead.pop(0)
        own, children = own_arrays(component), component.children()
        for key, gradient in given.items():
            if key in children:
                ahead.append((join(place, key), children[key], gradient))
            else:
                name = names.get((id(own), key), join(place, key))
                found[name] = found[name] + gradient if name in found else gradient
    return {name: found[name] for name in dict.fromkeys([*names.values(), *found]) if name in found}


def snapshot(root: Any) -> dict[str, Array]:
    """Return copies of all parameters and buffers, by name."""
    return {place.name: place.array.copy() for place in (*parameters(root), *buffers(root))}


def restore(root: Any, arrays: Mapping[str, Array]) -> None:
    """Copy what `snapshot` returned back into place, there or in a tree that is made alike."""
    for name, holder, key in (*parameters(root), *buffers(root)):
        if isinstance(holder[key], np.generic):  # arithmetic makes one of an array of no axes
            holder[key] = np.array(holder[key])
        holder[key][...] = arrays[name]
