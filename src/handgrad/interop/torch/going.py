"""From a tree of ours to what PyTorch's is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.interop.torch.kinds import OURS, Kind, Node, arrays_of, refused
from handgrad.interop.torch.kinds.containers import followed, in_one
from handgrad.interop.torch.layouts import Form, Layout, given
from handgrad.layers import Flatten
from handgrad.shapes import Shape
from handgrad.walk import join, walk

__all__ = ["Held", "Lowered", "held", "lowered"]


class Lowered(NamedTuple):
    """A tree of PyTorch's modules, as it would be made.

    Attributes
    ----------
    start, end : Layout
        How its input and its output lie.
    root : Node
        What is made.
    """

    start: Layout
    root: Node
    end: Layout


def lowered(component: Any, input_shape: Shape | None = None) -> Lowered:
    """Return the modules that a component becomes.

    Parameters
    ----------
    component : Component
        A model, or any component.
    input_shape
        Of its input, features last, where its layers do not tell whether that is images.

    Raises
    ------
    ArgumentError
        A component in it has no counterpart.

    Examples
    --------
    >>> from handgrad import Conv1d
    >>> lowered(Conv1d(2, 3, 5)).start
    Layout(form='first', axes=3, channels=None)
    """
    if not isinstance(component, Component):
        raise ArgumentError(
            f"{type(component).__name__} as the model", "a Model, or a component", "give it first"
        )
    start = _start(component, input_shape)
    going = _Going()
    nodes, end = going.nodes("", component, start)
    if start.form == "last" and end.form == "first":  # as it came in
        moved, end = going.converted(end, "last")
        nodes = followed(nodes, moved)
    return Lowered(start, in_one(nodes, component), end)


def _moved(name: str) -> Node:
    return Node(lambda nn, modules: getattr(nn, name)())


def _start(root: Any, input_shape: Shape | None) -> Layout:
    """Return how the input lies: as the first module wants it that does not take any."""
    form, axes = None, None
    for _, component in walk(root):
        kind = OURS.get(type(component))
        if kind is not None and (kind.takes or isinstance(component, Flatten)):
            form, axes = kind.takes, kind.axes
            break
    return given(input_shape, form or "last", axes)


class _Going:
    """One walk, which notes what it has met."""

    def __init__(self) -> None:
        self.place = ""
        self.met: dict[int, tuple[Any, Any]] = {}

    def nodes(self, name: str, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        before, self.place = self.place, join(self.place, name)
        try:
            kind = OURS.get(type(component))
            if kind is None:
                return [self._unknown(component)], layout
            if arrays_of(component):
                self._meet(component, layout.order)
            if layout.form == "flat" and not kind.takes_flat:
                raise refused(
                    f"{in_short(component)} behind a Flatten of images, whose features PyTorch has "
                    "in another order",
                    "put a Linear between them",
                )
            moved, layout = self.converted(layout, kind.wants(layout))
            nodes, layout = kind.going(self, component, layout)
            return [*moved, *nodes], layout
        except ArgumentError as error:
            _placed(error, self.place, "of the model")
            raise
        finally:
            self.place = before

    def _unknown(self, component: Any) -> Node:
        """Return what cannot be made; without parameters it is in nobody's way until then."""
        error = refused(in_short(component), "put what both have into its place")
        if arrays_of(component):
            raise error
        _placed(error, self.place, "of the model")

        def make(nn: Any, modules: list[Any]) -> Any:
            raise error

        return Node(make)

    def converted(self, layout: Layout, form: Form | None) -> tuple[list[Node], Layout]:
        if form in (None, layout.form) or "flat" in (form, layout.form):
            return [], layout
        name = "ChannelsFirst" if form == "first" else "FeaturesLast"
        return [_moved(name)], replace(layout, form=form)

    def joined(self, component: Any) -> None:
        self._meet(component, "joined")

    def _meet(self, component: Any, how: Any) -> None:
        _, known = self.met.setdefault(id(component), (component, how))
        if known != how:
            raise refused(
                f"{in_short(component)}, which stands at two places that PyTorch has differently",
                "give each place a layer of its own",
            )


def _placed(error: ArgumentError, place: str, where: str) -> None:
    """Say in an error where it was, once."""
    if not getattr(error, "__notes__", None):
        error.add_note(f"at {place!r} {where}" if place else f"at the root {where}")


class Held(NamedTuple):
    """A module that holds tensors, or several of them for a component that is at several places.

    Attributes
    ----------
    names : list of str
        Where it stands in PyTorch's tree.
    place : str
        Where the component stands in ours.
    component
        The component.
    kind : Kind
        What its tensors are.
    layout : Layout
        How its input lies.
    """

    names: list[str]
    place: str
    component: Any
    kind: Kind
    layout: Layout

    def tensors(self) -> dict[str, Array]:
        """Return its tensors by their names in the module."""
        return self.kind.tensors(self.component, arrays_of(self.component), self.layout)


def held(component: Any, input_shape: Shape | None = None) -> list[Held]:
    """Return the modules with tensors that a component becomes, each once.

    Parameters
    ----------
    component, input_shape
        As `lowered` takes them.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> [one.names for one in held(Model([Linear(2, 3), ReLU(), Linear(3, 1)]))]
    [['0'], ['2']]
    """
    places = {id(c): place for place, c in walk(component)}
    found: dict[int, Held] = {}
    for name, node in _named(lowered(component, input_shape).root, ""):
        if node.kind is not None:
            one = Held([], places[id(node.component)], node.component, node.kind, node.layout)
            if one.tensors():
                found.setdefault(id(node.component), one).names.append(name)
    return list(found.values())


def _named(node: Node, place: str) -> Iterator[tuple[str, Node]]:
    yield place, node
    for name, child in node.children.items():
        yield from _named(child, join(place, name))
