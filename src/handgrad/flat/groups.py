"""Which parts of a model's vector an update concerns: what is not frozen, and what is weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from handgrad.arguments import Array
from handgrad.modes import Frozen
from handgrad.walk import own_arrays, parameters, walk

__all__ = ["Group", "Groups", "groups_of", "merged"]

_NO_WEIGHTS = ("bias", "gamma", "beta")  # of however many rows: a norm may be of several axes

_known: WeakValueDictionary[int, Groups] = WeakValueDictionary()  # by the vector's id


class Group(NamedTuple):
    """What is to be done with one parameter.

    Attributes
    ----------
    place : slice
        Where it lies in the vector.
    updated : bool
        Whether it is: no component whose it is, is frozen.
    weights : bool
        Whether it is called weights, or has more than one row and is no bias, gamma or beta.
    """

    place: slice
    updated: bool
    weights: bool


class Groups:
    """A group for each parameter of a tree, worked out anew only after something was frozen.

    Parameters
    ----------
    root : Component
        The tree.
    places : iterable of slice
        Where each of its parameters lies in the vector.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> model = Model([Linear(3, 2), Linear(2, 1)])
    >>> groups = model.layout.groups
    >>> groups.updated
    [slice(0, 11, None)]
    >>> _ = model.components[0].freeze()
    >>> groups.updated, groups.frozen, [group.weights for group in groups]
    ([slice(8, 11, None)], '8 frozen', [True, False, True, False])
    """

    def __init__(self, root: Any, places: Iterable[slice]) -> None:
        owners: dict[int, list[Any]] = {}  # of each dict of parameters, which several may share
        for _, component in walk(root):
            owners.setdefault(id(own_arrays(component)), []).append(component)
        self._parts = [
            (
                place,
                owners[id(holder)],
                key.endswith("weights")
                or (math.prod(holder[key].shape[:-1]) > 1 and not key.endswith(_NO_WEIGHTS)),
            )
            for (_, holder, key), place in zip(parameters(root), places, strict=True)
        ]
        self._vector: Array | None = None
        self._changes = -1
        self._look()

    def of(self, vector: Array | None) -> Array | None:
        """Return the vector, after having noted that these are its groups, for `groups_of`."""
        self._vector = vector  # which keeps its id from becoming another's
        _known[id(vector)] = self
        return vector

    def _look(self) -> None:
        if self._changes != Frozen.changes:
            self._changes = Frozen.changes
            self._groups = tuple(
                Group(place, not any(owner.frozen for owner in owners), weights)
                for place, owners, weights in self._parts
            )
            self._updated = merged(group.place for group in self._groups if group.updated)

    def __iter__(self) -> Iterator[Group]:
        self._look()
        return iter(self._groups)

    @property
    def updated(self) -> list[slice]:
        """The parts of the vector that are updated, neighbours in one."""
        self._look()
        return self._updated

    @property
    def frozen(self) -> str:
        """How many entries of the vector are frozen, in words; empty where none is."""
        count = sum(g.place.stop - g.place.start for g in self if not g.updated)
        return f"{count:,} frozen" if count else ""


def groups_of(vector: Array) -> tuple[Group, ...]:
    """Return the groups of a model's vector of parameters, none for any other vector.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> model = Model([Linear(3, 2)])
    >>> len(groups_of(model.parameters)), groups_of(model.parameters.copy())
    (2, ())
    """
    groups = _known.get(id(vector))
    return tuple(groups) if groups is not None and groups._vector is vector else ()


def merged(places: Iterable[slice]) -> list[slice]:
    """Return the same places with neighbours in one.

    Examples
    --------
    >>> merged([slice(0, 2), slice(2, 5), slice(7, 8)])
    [slice(0, 5, None), slice(7, 8, None)]
    """
    made: list[slice] = []
    for place in places:
        if made and made[-1].stop == place.start:
            place = slice(made.pop().start, place.stop)
        made.append(place)
    return made
