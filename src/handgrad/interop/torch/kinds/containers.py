"""Containers, and modules that leave the numbers as they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from handgrad.activations import LeakyReLU
from handgrad.containers import Parallel, Residual
from handgrad.interop.torch.kinds.kind import Coming, Going, Kind, Node, refused
from handgrad.interop.torch.layouts import Layout
from handgrad.layers import Dropout
from handgrad.model import Model

__all__ = ["KINDS", "PASSING", "around", "followed", "identity", "in_one"]


_HANDED_ON = {"Identity", "Dropout", "Flatten", "ChannelsFirst", "FeaturesLast"}


def identity() -> LeakyReLU:
    """Return what gives its input back: one slope on both sides.

    >>> identity()([[-1.0, 2.0]])
    array([[-1.,  2.]])
    """
    return LeakyReLU(negative_slope=1.0)


def in_one(nodes: list[Node], component: Any) -> Node:
    """Return modules that follow each other as one, for a component that they stand for."""
    if len(nodes) == 1:
        return nodes[0]

    return Node(partial(_row, component), None, component, children=_numbered(nodes))


def followed(nodes: list[Node], more: list[Node]) -> list[Node]:
    """Return modules with others behind them; in the row that they are, where they are one.

    >>> followed([], [])
    []
    """
    if len(nodes) != 1 or not isinstance(nodes[0].component, Model) or not more:
        return [*nodes, *more]
    row = nodes[0]
    return [replace(row, children=_numbered([*row.children.values(), *more]))]


def _numbered(nodes: list[Node]) -> dict[str, Node]:
    return {str(i): node for i, node in enumerate(nodes)}


def _row(component: Any, nn: Any, modules: list[Any]) -> Any:
    """Make a row of modules; PyTorch's own, which knows no lengths, unless some are wanted."""
    return (nn.Sequential if component.takes_lengths else nn.torch.Sequential)(*modules)


class _Container(Kind):
    """Holds components, each of which sees to its own layout."""

    takes_flat = True


class _Model(_Container):
    """A row of modules; what a component becomes stands in it as it is, be it one module or two."""

    ours, theirs = Model, ("Sequential",)
    takes_pooled = True

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        nodes: list[Node] = []
        for name, child in component.children().items():
            found, layout = walk.nodes(name, child, layout)
            nodes += found
        return [Node(partial(_row, component), self, component, layout, _numbered(nodes))], layout

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        parts: list[Any] = []
        for name, child in module._modules.items():  # where one stands twice, it is there twice
            component, layout = walk.component(name, child, layout)
            if parts and type(child).__name__ == "Dropout":  # what is dropped is the output before
                component = around(parts.pop(), component)
            parts += [component] * (component is not None)
        return Model(parts) if parts else None, layout


def around(layer: Any, dropout: Dropout) -> Dropout:
    """Return what drops the output of a layer as another dropout does.

    Examples
    --------
    >>> around(LeakyReLU(), Dropout(identity(), 0.5))
    Dropout(LeakyReLU(negative_slope=0.01), p=0.5)
    """
    made = Dropout(layer, dropout.p)
    made.training = dropout.training
    return made


class _Dropout(_Container):
    """The layer, and the dropping of its output as a module of its own behind it."""

    ours, theirs = Dropout, ("Dropout",)
    takes_pooled = True

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        nodes, layout = walk.nodes("layer", component.layer, layout)
        p = component.p

        def make(nn: Any, modules: list[Any]) -> Any:
            return nn.Dropout(p)

        return [*nodes, Node(make, self, component, layout)], layout

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        return Dropout(identity(), module.p), layout


class _Residual(_Container):
    ours, theirs = Residual, ("Residual",)

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        inner, after = walk.nodes("inner", component.inner, layout)
        around: list[Node] = []
        wanted = layout
        if component.shortcut is not None:
            around, wanted = walk.nodes("shortcut", component.shortcut, layout)
        back, after = walk.converted(after, wanted.form)
        children = {"inner": in_one(followed(inner, back), component.inner)}
        if component.shortcut is not None:
            children["shortcut"] = in_one(around, component.shortcut)
        _check_alike([after, wanted])

        def make(nn: Any, modules: list[Any]) -> Any:
            return nn.Residual(*modules)

        return [Node(make, self, component, layout, children)], after

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        _check_inputs(module)
        inner, after = walk.component("inner", module.inner, layout)
        shortcut, around = None, layout
        if module.shortcut is not None:
            shortcut, around = walk.component("shortcut", module.shortcut, layout)
        _check_alike([after, around])
        return Residual(identity() if inner is None else inner, shortcut), after


class _Parallel(_Container):
    ours, theirs = Parallel, ("Parallel",)

    def going(self, walk: Going, component: Any, layout: Layout) -> tuple[list[Node], Layout]:
        children: dict[str, Node] = {}
        layouts: list[Layout] = []
        for name, child in component.children().items():
            nodes, after = walk.nodes(name, child, layout)
            if layouts:
                back, after = walk.converted(after, layouts[0].form)
                nodes = followed(nodes, back)
            layouts.append(after)
            children[name] = in_one(nodes, child)
        after, combine = _together(layouts, component.combine), component.combine
        dim = 1 if after.form == "first" else -1

        def make(nn: Any, modules: list[Any]) -> Any:
            return nn.Parallel(*modules, combine=combine, dim=dim)

        return [Node(make, self, component, layout, children)], after

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        _check_inputs(module)
        items = module._modules.items()
        found = [walk.component(name, child, layout) for name, child in items]
        after = _together([after for _, after in found], module.combine)
        if module.combine != "sum" and module.dim != (1 if after.form == "first" else -1):
            raise refused(
                f"dim={module.dim} of Parallel", "put features side by side: 1, or -1 where last"
            )
        components = [identity() if c is None else c for c, _ in found]
        return Parallel(components, module.combine), after


def _check_inputs(module: Any) -> None:
    """Raise where a branch writes into the input, which the others and the sum have as it was."""
    for child in module.children():
        if _writes(child):
            raise refused(
                "a branch that writes into its input, which another one reads",
                "make its first module with inplace=False",
            )


def _writes(module: Any) -> bool | None:
    """Return whether a module writes into its input; None where it hands that on, or a view."""
    name = type(module).__name__
    if name == "Sequential":
        return next((found for each in module if (found := _writes(each)) is not None), None)
    return True if getattr(module, "inplace", False) else None if name in _HANDED_ON else False


def _check_alike(layouts: list[Layout]) -> None:
    """Raise where tensors that meet have their features in different orders."""
    if len({(one.form, one.order) for one in layouts}) > 1:
        raise refused(
            f"tensors that meet with their features {' and '.join(x.form for x in layouts)}",
            "flatten behind the container, or bring both to one layout before it",
        )


def _together(layouts: list[Layout], combine: str) -> Layout:
    """Return how the outputs of several branches lie together."""
    _check_alike(layouts)
    if combine == "sum" or len(layouts) == 1:
        return layouts[0]
    if layouts[0].form == "flat":
        raise refused("flattened images that are put side by side", "flatten them together")
    channels = [layout.channels for layout in layouts]
    total = None if None in channels else sum(filter(None, channels))
    return Layout(layouts[0].form, layouts[0].axes, total)


class _Passing(Kind):
    """A module that leaves the numbers as they are, and may put the features elsewhere."""

    ours, takes_flat, takes_pooled = None, True, True

    def __init__(self, name: str, becomes: Any = None) -> None:
        self.theirs, self.takes = (name,), becomes

    def form(self, module: Any) -> tuple[Any, None]:
        return {"first": "last", "last": "first"}.get(self.takes or ""), None

    def wants(self, layout: Layout) -> None:
        return None

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[None, Layout]:
        if self.takes is None:
            return None, layout
        if layout.form == self.takes or layout.form in ("flat", "pooled"):
            raise refused(
                f"{self.theirs[0]} of features that are {layout.form} already", "leave it out"
            )
        return None, Layout(self.takes, layout.axes, layout.channels)


KINDS: tuple[Kind, ...] = (_Model(), _Dropout(), _Residual(), _Parallel())
PASSING: tuple[Kind, ...] = (
    _Passing("Identity"),
    _Passing("ChannelsFirst", "first"),
    _Passing("FeaturesLast", "last"),
)
