"""What is known of a component and of the module of PyTorch's that it corresponds to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.interop.torch.layouts import LAST, Form, Layout
from handgrad.walk import own_arrays

__all__ = [
    "BATCH_FIRST",
    "Arrays",
    "Coming",
    "Going",
    "Kind",
    "Node",
    "Pointwise",
    "arrays_of",
    "refused",
    "zeros",
]

Arrays = Mapping[str, Any]
"""Arrays by name; under the name of a child, that child's."""


BATCH_FIRST = (
    "set its batch_first to True, which changes no tensor, and give it sequences (N, T, D), as "
    "everything here takes them"
)
"""What to do about a module that wants its sequences along the second axis."""


def refused(what: str, mend: str) -> ArgumentError:
    """Return the error for what has no counterpart; whoever walks the tree adds where it stands."""
    return ArgumentError(what, "what both handgrad and PyTorch have", mend)


def arrays_of(component: Any) -> dict[str, Any]:
    """Return the parameters and buffers of a component, and under their names its children's."""
    own = {**own_arrays(component), **own_arrays(component, "buffers")}
    return own | {name: arrays_of(child) for name, child in component.children().items()}


@dataclass(frozen=True)
class Node:
    """A module of PyTorch's: what makes it of all modules by name and of those that it holds.

    Attributes
    ----------
    make : callable
        (nn, modules) -> module.
    kind : Kind, optional
        What its tensors are; None where it stands for no component of its own.
    component
        What it stands for.
    layout : Layout
        How its input lies.
    children : dict of str to Node
        What it holds, by the names that these have in it.
    """

    make: Callable[[Any, list[Any]], Any]
    kind: Kind | None = None
    component: Any = None
    layout: Layout = LAST
    children: Mapping[str, Node] = field(default_factory=dict)


class Going(Protocol):
    """Walks through a tree of ours."""

    def nodes(self, name: str, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        """Return the modules for a child, one after the other, and how what comes out lies."""

    def converted(self, layout: Layout, form: Form | None) -> tuple[list[Node], Layout]:
        """Return what brings features to where they are wanted, and how they lie then."""

    def joined(self, component: Any) -> None:
        """Note that a component becomes a part of a module, and cannot stand anywhere else."""


class Coming(Protocol):
    """Walks through a tree of PyTorch's."""

    def component(self, name: str, module: Any, layout: Layout) -> tuple[Any, Layout]:
        """Return the component for a child, None where it does nothing, and what comes out."""

    def filled(self, component: Any, arrays: Arrays) -> Any:
        """Return a component, with arrays copied into it."""

    def options(self, module: Any) -> dict[str, Any]:
        """Return what every component with arrays is made with, to be as the module is."""

    def tensors(self, module: Any) -> dict[str, Array]:
        """Return a module's tensors by their names in it."""


class Kind:
    """A component and the modules that are like it; a subclass for each, which is all there is.

    Attributes
    ----------
    ours : type
        The component.
    theirs : tuple of str
        Modules, by their names in ``torch.nn`` or in `handgrad.interop.torch.modules`, the one that
        `module` makes first.
    only : dict
        Of a module's options the values that the component has, where it knows no others.
    mends : dict
        What to do about another value, where there is more to say than to make it with that one.
    takes : "last", "first" or None
        Where the module wants the features; None where it does not matter.
    axes : int, optional
        How many axes it wants, where it wants some.
    takes_flat, takes_pooled : bool
        Whether the features may be those of an image that was flattened in PyTorch's order, or
        channels with one entry each.
    """

    ours: Any
    theirs: tuple[str, ...]
    only: Mapping[str, Any] = MappingProxyType({})
    mends: Mapping[str, str] = MappingProxyType({})
    takes: Form | None = None
    axes: int | None = None
    takes_flat: bool = False
    takes_pooled: bool = False

    def wants(self, layout: Layout) -> Form | None:
        """Return where PyTorch's module wants the features of what lies like this."""
        return self.takes

    def form(self, module: Any) -> tuple[Form | None, int | None]:
        """Return where a module wants the features, and how many axes."""
        return self.takes, self.axes

    def tensors(self, component: Any, arrays: Arrays, layout: Layout) -> dict[str, Array]:
        """Return a component's arrays, or their gradients, as the module has them."""
        return {}

    def arrays(self, component: Any, tensors: Mapping[str, Array], layout: Layout) -> Arrays:
        """Return a module's tensors as the component has them."""
        return {}

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        """Make the module; what its tensors hold does not matter. `nn` has all modules by name."""
        raise NotImplementedError

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        """Make the component; `options` is what every layer with arrays takes."""
        raise NotImplementedError

    def after(self, component: Any, layout: Layout) -> Layout:
        """Return how what comes out lies, for what went in."""
        return layout

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        """Return the modules that a component becomes, and how what comes out lies."""

        def make(nn: Any, modules: list[Any]) -> Any:
            return self.module(nn, component, layout)

        return [Node(make, self, component, layout)], self.after(component, layout)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        """Return the component that a module becomes, and how what comes out lies."""
        component = self.component(module, layout, walk.options(module))
        arrays = self.arrays(component, walk.tensors(module), layout)
        return walk.filled(component, arrays), self.after(component, layout)


class Pointwise(Kind):
    """An activation, and the numbers that it is made with, by their names in ours."""

    takes_flat = takes_pooled = True

    def __init__(
        self,
        ours: Callable[..., Any],
        *theirs: str,
        numbers: tuple[str, ...] = (),
        made_with: Mapping[str, Any] | None = None,
    ) -> None:
        self.ours, self.theirs = ours, theirs
        self.numbers, self.made_with = numbers, made_with or {}

    def module(self, nn: Any, component: Any, layout: Layout) -> Any:
        numbers = {name: getattr(component, name) for name in self.numbers}
        return getattr(nn, self.theirs[0])(**numbers, **self.made_with)

    def component(self, module: Any, layout: Layout, options: dict[str, Any]) -> Any:
        return self.ours(**{name: getattr(module, name) for name in self.numbers})


def zeros(size: int, like: Array) -> Array:
    """Return zeros of an array's type."""
    return np.zeros_like(like, shape=size)
