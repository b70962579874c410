"""Where each parameter of a tree of components lies in one vector."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import ArgumentError, DtypeError
from handgrad.flat.groups import Groups
from handgrad.walk import join, own_arrays, parameters, walk

__all__ = ["Layout", "Node", "Span", "together"]


class Span(NamedTuple):
    """Where a parameter lies in the vector, and the shape that it has there."""

    place: slice
    shape: tuple[int, ...]


class Node(NamedTuple):
    """Where the parameters of one component lie, and those of what it holds.

    What stands at several places of a tree is one node; components that share a dict of parameters
    share `own`.
    """

    own: dict[str, Span]
    children: dict[str, Node]


class Layout:
    """Where the parameters of a tree lie in one vector, in the order of `walk.parameters`.

    Parameters
    ----------
    root : Component
        The tree.

    Attributes
    ----------
    spans : list of Span
        For each parameter.
    owners : list of str
        For each parameter the place in the tree of the component whose it is.
    root : Node
        The same as a tree.
    shared : bool
        Whether something stands at several places.
    size : int
        Length of the vector, P.
    groups : Groups
        For each parameter whether it is updated, and whether it is weights.

    Raises
    ------
    ArgumentError
        One array is the parameter of two components, or a parameter is called as a child is.
    DtypeError
        The parameters differ in type.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> layout = Layout(Model([Linear(3, 2), Linear(2, 1)]))
    >>> layout.size, layout.root.children["1"].own["weights"]
    (11, Span(place=slice(8, 10, None), shape=(2, 1)))
    """

    def __init__(self, root: Component) -> None:
        places = list(parameters(root))
        if _overlap([place.array for place in places]):
            raise ArgumentError(
                "one array, or a part of it, as a parameter of two components",
                "arrays of their own: of a component those that its children do not have",
                "leave the children's arrays to them; to share, put one component in both places",
            )
        types = sorted({str(place.array.dtype) for place in places})
        if len(types) > 1:
            raise DtypeError(
                f"components with parameters of the types {' and '.join(types)}",
                "one type, since the parameters share one vector",
                "make every layer with the same dtype=",
            )
        self.owners = [place.name.rpartition(".")[0] for place in places]
        self.spans: list[Span] = []
        self.size = 0
        owned: dict[int, dict[str, Span]] = {}
        for _, holder, key in places:
            array = holder[key]
            span = Span(slice(self.size, self.size + array.size), array.shape)
            self.spans.append(span)
            owned.setdefault(id(holder), {})[key] = span
            self.size = span.place.stop
        self.shared = False
        nodes: dict[int, Node] = {}
        tree = list(walk(root))
        for _, component in tree:
            nodes[id(component)] = Node(owned.get(id(own_arrays(component)), {}), {})
        met = {id(root)}
        for place, component in tree:
            node = nodes[id(component)]
            for name, child in component.children().items():
                if name in node.own:
                    raise ArgumentError(
                        f"a child and a parameter that are both called {join(place, name)!r}",
                        "names of their own",
                        "rename the attribute that holds the child",
                    )
                node.children[name] = nodes[id(child)]
                self.shared |= id(child) in met
                met.add(id(child))
        holders = [id(own) for _, c in tree if (own := own_arrays(c))]
        self.shared |= len(set(holders)) < len(holders)
        self.root = nodes[id(root)]
        self.groups = Groups(root, (span.place for span in self.spans))


def together(places: list[slice], flat: Array) -> Array | None:
    """Return the part of the vector that these places fill, None where others lie between them.

    Parameters
    ----------
    places
        One after the other.
    flat
        The vector.

    Examples
    --------
    >>> import numpy as np
    >>> together([slice(1, 3), slice(3, 4)], np.arange(5)), together([slice(1), slice(3)], [])
    (array([1, 2, 3]), None)
    """
    if any(before.stop != after.start for before, after in pairwise(places)):
        return None
    return flat[places[0].start : places[-1].stop] if places else flat[:0]


def _overlap(arrays: list[Array]) -> bool:
    """Return whether two arrays lie in one memory, as a matrix and its transpose do."""
    if len({id(array) for array in arrays}) < len(arrays):
        return True
    bounds = sorted((*byte_bounds(a), i) for i, a in enumerate(arrays) if isinstance(a, np.ndarray))
    return any(
        start < end and np.shares_memory(arrays[i], arrays[j])
        for (_, end, i), (start, _, j) in pairwise(bounds)
    )
