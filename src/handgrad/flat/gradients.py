"""The gradients of a model: a dict a component, whose arrays are views into one vector."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from sys import getrefcount
from typing import Any

import numpy as np

from handgrad.arguments import Array, as_numbers
from handgrad.errors import GradientsError, ShapeError
from handgrad.flat.layout import Layout, Node

__all__ = ["Gradients", "Reusable"]


class Gradients(list[Any]):
    """The gradients of a model: for each component a dict by the names of its parameters.

    The arrays are views into one vector, so that what concerns them all is one call. A component
    that holds others has a dict for each of them in its own, under the child's name. What stands
    in the model twice has one dict, in both places, which holds the sum.

    Parameters
    ----------
    layout
        Where each gradient lies; the model whose layout it is owns the gradients.
    flat : Array, (P,)
        The vector. An array or entry that is assigned in the place of another is copied into it.

    Attributes
    ----------
    offered : dict
        What the pullbacks may write into: the same arrays, each at the first of its places alone.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Linear, Model, ReLU
    >>> model = Model([Linear(3, 2), ReLU()])
    >>> y = model.forward(np.ones((4, 3)))
    >>> gradients = model.backward(np.ones_like(y))
    >>> gradients[0]["weights"].shape, gradients[1], gradients.flat.shape
    ((3, 2), {}, (8,))
    """

    def __init__(self, layout: Layout, flat: Array) -> None:
        self.layout, self._flat = layout, flat
        # Every dict that holds a view, or a child's dict, under which name, and what it holds.
        self._homes: list[tuple[dict[str, Any], str, Any]] = []
        self._entries: dict[int, dict[str, Any]] = {}
        self._root = self._entry(layout.root)
        self.offered = self._offer(layout.root, set()) if layout.shared else self._root
        super().__init__(self._root.values())

    def _entry(self, node: Node) -> dict[str, Any]:
        """Return the dict of a component, one for all its places."""
        if id(node) not in self._entries:
            entry = self._entries[id(node)] = self._own(node)
            for name, child in node.children.items():
                entry[name] = self._entry(child)
                if node is not self.layout.root:  # in whose place there is the list
                    self._homes.append((entry, name, entry[name]))
        return self._entries[id(node)]

    def _own(self, node: Node) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        for name, (place, shape) in node.own.items():
            entry[name] = view = self._flat[place].reshape(shape)
            self._homes.append((entry, name, view))
        return entry

    def _offer(self, node: Node, met: set[int]) -> dict[str, Any]:
        """Return a component's arrays and its children's, without those that were met before."""
        entry = {} if id(node.own) in met else self._own(node)
        met |= {id(node), id(node.own)} if node.own else {id(node)}
        for name, child in node.children.items():
            if id(child) not in met:
                entry[name] = self._offer(child, met)
        return entry

    @property
    def flat(self) -> Array:
        """The vector, (P,), with what has been put in a view's place copied into it."""
        self.settle()
        return self._flat

    @flat.setter
    def flat(self, values: Any) -> None:
        self._flat[...] = _checked(values, self._flat, "parameters")

    def settle(self) -> None:
        """Copy what has been put in the place of a view, or of a dict of them, and put it back."""
        for entry, name, held in self._homes:
            if entry.get(name) is not held:
                if name in entry:
                    self._put({name: entry[name]}, {name: held}, {name: held}, [])
                elif not _empty(held):
                    raise _missing({*entry}, {*entry, name})
                entry[name] = held

    def gather(self, given: Any) -> None:
        """Put into place what pullbacks did not write where it was offered, shares added up."""
        self.settle()
        shares: list[tuple[str, Any, Array]] = []
        self._put(given, self.offered, self._root, shares)
        for name, share, place in shares:
            place += _checked(share, place, name)

    def _put(
        self, given: Any, offered: Any, mine: dict[str, Any], shares: list[tuple[str, Any, Array]]
    ) -> None:
        """Copy what is not in the arrays offered; where nothing was offered it is a share."""
        if given is offered:
            return
        if not isinstance(given, Mapping):
            raise GradientsError(
                f"{type(given).__name__} as the gradients of a component",
                "a dict of arrays by the parameters' names, and of dicts by the children's",
                "give each component's gradients in the form that backward returned",
            )
        if given.keys() != mine.keys():
            needed = {name for name, entry in mine.items() if not _empty(entry)}
            if not needed <= given.keys() or not given.keys() <= mine.keys():
                raise _missing(given.keys(), mine.keys())
        for name, gradient in given.items():
            place, free = mine[name], None if offered is None else offered.get(name)
            if isinstance(place, dict):
                self._put(gradient, free, place, shares)
            elif free is None:
                shares.append((name, gradient, place))
            elif gradient is not free:
                place[...] = _checked(gradient, place, name)

    def __setitem__(self, i: Any, entry: Any) -> None:
        if entry is not self[i]:
            self._put(entry, self[i], self[i], [])

    def pieces(self) -> list[Any]:
        """Return every object through which somebody could see these gradients."""
        held = [thing for _, _, thing in self._homes]
        return [self, self._flat, *self._entries.values(), *held]


def _empty(entry: Any) -> bool:
    return isinstance(entry, dict) and all(map(_empty, entry.values()))


def _missing(given: Any, needed: Any) -> GradientsError:
    return GradientsError(
        f"gradients of {sorted(given)}", f"gradients of {sorted(needed)}", "return one for each"
    )


def _checked(gradient: Any, place: Array, name: str) -> Array:
    if np.shape(gradient) != place.shape:
        raise ShapeError(
            f"a gradient of the {name} of shape {np.shape(gradient)}",
            f"the shape of the {name}, {place.shape}",
            "the gradient of a parameter has the parameter's shape",
        )
    return as_numbers(gradient, f"gradient of the {name}", "a component")


class Reusable:
    """Gradients that `Model.backward` returns again when nobody holds any part of them any more.

    New memory for each step costs more than the arithmetic of a small network. An array that
    views the vector holds a reference to it, so counting the references to every piece tells
    whether writing over them could surprise anybody.
    """

    def __init__(self, layout: Layout, like: Array) -> None:
        self.gradients = Gradients(layout, np.empty_like(like, shape=layout.size))
        self.entries = list(self.gradients)
        self.pieces = self.gradients.pieces()
        self.unseen = list(map(getrefcount, self.pieces))

    def free(self) -> bool:
        return (
            list(map(getrefcount, self.pieces)) == self.unseen
            and len(self.gradients) == len(self.entries)  # or somebody has turned the list around
            and all(map(is_, self.gradients, self.entries))
        )
