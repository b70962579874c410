"""The gradients of a model, and where each parameter of it lies in one vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import is_
from sys import getrefcount
from typing import Any

import numpy as np

from handgrad.arguments import as_numbers
from handgrad.component import Array, Component
from handgrad.errors import GradientsError, ShapeError

__all__ = ["Gradients", "Homes", "Layout", "Reusable", "parameters_of", "store"]

Homes = list[tuple[dict[str, Array], str, Array]]
"""Who holds which view under which name."""


class Gradients(list[Any]):
    """The gradients of a model: for each component a dict by parameter name.

    The arrays are views into one vector, so that what concerns them all is one call. A nested
    model's entry is a `Gradients` of its own; a component that stands in the model twice has one
    entry, in both places, which holds the sum.

    Parameters
    ----------
    layout
        Where each gradient lies; the model whose layout it is owns the gradients.
    flat : Array, (P,)
        The vector. An array or entry that is assigned in the place of another is copied into it.

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
        self._homes: Homes = []
        super().__init__(layout.views(flat, self._homes))
        self.layout = layout
        self._flat = flat

    @property
    def flat(self) -> Array:
        """The vector, (P,), with what has been put in a view's place copied into it."""
        self.settle()
        return self._flat

    def settle(self) -> None:
        """Copy what has been put in a view's place into the view, and put the view back."""
        for entry, name, view in self._homes:
            if entry.get(name) is not view:
                store(entry, {**entry, name: view}, add=False)
                entry[name] = view

    def __setitem__(self, i: Any, entry: Any) -> None:
        if entry is not self[i]:
            store(entry, self[i], add=False)

    def _pieces(self) -> list[Any]:
        """Return every object through which somebody could see these gradients."""
        pieces = [self, self._flat]
        for entry in self:
            pieces += entry._pieces() if isinstance(entry, Gradients) else [entry]
        return pieces + [view for _, _, view in self._homes]


class Reusable:
    """Gradients that `Model.backward` returns again when nobody holds any part of them any more.

    New memory for each step costs more than the arithmetic of a small network. An array that
    views the vector holds a reference to it, so counting the references to every piece tells
    whether writing over them could surprise anybody.
    """

    def __init__(self, layout: Layout, parameters: Array) -> None:
        self.gradients = Gradients(layout, np.empty_like(parameters))
        self.entries = list(self.gradients)
        self.pieces = self.gradients._pieces()
        self.unseen = list(map(getrefcount, self.pieces))

    def free(self) -> bool:
        return (
            list(map(getrefcount, self.pieces)) == self.unseen
            and len(self.gradients) == len(self.entries)  # or somebody has turned the list around
            and all(map(is_, self.gradients, self.entries))
        )


class Layout:
    """Where the parameters of each component lie in a model's vector.

    Parameters
    ----------
    components
        The model's components.

    Attributes
    ----------
    slots : list of int
        For each component, which slot its parameters have; components that share them share it.
    repeated : list of bool
        For each component, whether one that stands later in the model has the same slot.
    arrays : list of (int, str, slice, tuple of int)
        Slot, name, place and shape of each parameter.
    nested : list of (int, Layout, slice)
        Slot, layout and place of each model in the model.
    size : int
        Length of the vector, P.
    """

    def __init__(self, components: Iterable[Component]) -> None:
        self.slots: list[int] = []
        self.arrays: list[tuple[int, str, slice, tuple[int, ...]]] = []
        self.nested: list[tuple[int, Layout, slice]] = []
        self.size = 0
        known: dict[int, int] = {}
        for component in components:
            layout = getattr(component, "layout", None)  # which a model has
            shared: Any = component if layout else parameters_of(component)
            if id(shared) not in known:
                slot = known[id(shared)] = len(known)
                if layout:
                    self.nested.append((slot, layout, self._take(layout.size)))
                else:
                    for name, array in shared.items():
                        self.arrays.append((slot, name, self._take(array.size), array.shape))
            self.slots.append(known[id(shared)])
        self.repeated = [slot in self.slots[i + 1 :] for i, slot in enumerate(self.slots)]

    def _take(self, size: int) -> slice:
        self.size += size
        return slice(self.size - size, self.size)

    def views(self, flat: Array, homes: Homes) -> list[Any]:
        """Return the parts of the vector, one for each component, and add each view to `homes`."""
        views: list[Any] = [{} for _ in self.slots]
        for slot, name, place, shape in self.arrays:
            view = views[slot][name] = flat[place].reshape(shape)
            homes.append((views[slot], name, view))
        for slot, layout, place in self.nested:
            views[slot] = Gradients(layout, flat[place])
            homes += views[slot]._homes
        return [views[slot] for slot in self.slots]


def parameters_of(component: Component) -> dict[str, Array]:
    """Return the parameters of a component that is not a model."""
    return getattr(component, "parameters", None) or _NONE


_NONE: dict[str, Array] = {}  # one dict, so that components without parameters share a slot


def store(given: Any, mine: Any, add: bool) -> None:
    """Put gradients that a component did not write where it was told to into their place."""
    if isinstance(mine, Gradients) and isinstance(given, Gradients):
        given, mine = {"flat": given.flat}, {"flat": mine.flat}
    if not isinstance(given, Mapping) or not isinstance(mine, Mapping):
        raise GradientsError(
            f"{type(given).__name__} as the gradients of a component",
            "a dict of arrays by the parameters' names, or a model's gradients",
            "give each component's gradients in the form that backward returned",
        )
    if given.keys() != mine.keys():
        raise GradientsError(
            f"gradients of {sorted(given)}", f"gradients of {sorted(mine)}", "return one for each"
        )
    for name, array in given.items():
        place = mine[name]
        if array is place:
            continue
        if np.shape(array) != place.shape:
            raise ShapeError(
                f"a gradient of the {name} of shape {np.shape(array)}",
                f"the shape of the {name}, {place.shape}",
                "the gradient of a parameter has the parameter's shape",
            )
        array = as_numbers(array, f"gradient of the {name}", "a component")
        if add:
            place += array
        else:
            place[...] = array
