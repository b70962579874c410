"""A value of a graph, as it is seen from here, and a node that is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import CheckpointError
from handgrad.interop.onnx.reading import refused
from handgrad.interop.onnx.steps import Step
from handgrad.shapes import Shape

__all__ = ["Node", "View"]


@dataclass(frozen=True)
class View:
    """What a step computes, and how ONNX has it.

    Attributes
    ----------
    step : Step
        What computes it here.
    shape : tuple
        Its shape here, features last.
    order : tuple of int
        Which of ONNX's axes is each of ours.
    kind : str
        f, or i for indices.
    flattened : tuple of int
        The sizes behind the batch before ONNX made one axis of them, in its own order; empty
        where that is our order, too.
    directions : bool
        Whether ONNX has an axis of directions, (T, directions, N, H), or (directions, N, H).
    pooled : bool
        Whether ONNX has an axis of one entry for each that a pool has gone over.
    batch : int or None
        How many samples ONNX has, where the file takes one number of them alone.
    """

    step: Step
    shape: Shape
    order: tuple[int, ...]
    kind: str = "f"
    flattened: tuple[int, ...] = ()
    directions: bool = False
    pooled: bool = False
    batch: int | None = None

    @property
    def plain(self) -> bool:
        """Whether ONNX has the axes as they are here."""
        return self.order == tuple(range(len(self.shape))) and not (self.directions or self.pooled)

    def settled(self, node: Any) -> View:
        """Return itself, where it is what comes out here, or say that it is not."""
        if self.flattened or self.directions:
            raise node.refused("the axes of its output, which are put together in another order")
        if self.pooled:
            raise node.refused("a pool over all positions without a flattening behind it")
        rank = len(self.order)
        known = (tuple(range(rank)), (0, *range(2, rank), 1), (1, 0, 2))
        if self.order not in known[: None if rank > 2 else 1]:
            raise node.refused("the axes of its output, which are in an order of their own")
        return self


class Node:
    """A node, its options, and what is known of its inputs."""

    def __init__(
        self, proto: Any, constants: Mapping[str, Array], views: Mapping[str, Any], nodes: Any
    ) -> None:
        from onnx import helper

        standard = proto.domain in ("", "ai.onnx")
        self.operator = proto.op_type if standard else f"{proto.domain}.{proto.op_type}"
        self.name = proto.name or proto.op_type
        self.inputs, self.outputs = list(proto.input), list(proto.output)
        self._options = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
        self._constants, self._views, self._nodes = constants, views, nodes

    def option(self, name: str, default: Any = None) -> Any:
        """Return an attribute; a text as one."""
        value = self._options.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def has_data(self) -> bool:
        """Return whether any input is computed of the network's input."""
        return any(name in self._views for name in self.inputs)

    def view(self, i: int = 0) -> View:
        """Return an input that is data."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        found = self._views.get(name)
        if isinstance(found, View):
            return found
        if name in self._nodes:
            raise self._nodes[name].unknown()
        raise self.refused(f"its input {name!r}, which no node makes before it")

    def data(self) -> list[int]:
        """Return which inputs are data."""
        return [i for i, name in enumerate(self.inputs) if name in self._views]

    def constant(self, i: int) -> Array | None:
        """Return an input that is a tensor of the file, None where there is none."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        if not name:
            return None
        if name not in self._constants:
            raise self.refused(f"its input {name!r}, which is no tensor of the file")
        return self._constants[name]

    def weights(self, i: int, rank: int) -> Array:
        """Return a tensor of floats with so many axes and no axis of nothing."""
        array = self.constant(i)
        if array is None or array.dtype.kind != "f" or array.ndim != rank or not array.size:
            what = "none" if array is None else f"{array.dtype} of shape {array.shape}"
            raise self.refused(f"{what} as its tensor {i}, where {rank} axes of floats belong")
        return array

    def maker(self, i: int) -> Node | None:
        """Return the node that makes an input."""
        found = self._nodes.get(self.inputs[i] if i < len(self.inputs) else "")
        return found if isinstance(found, Node) else None

    def is_zero(self, i: int, depth: int = 20) -> bool:
        """Return whether an input is made of nothing but zeros, or is left out."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        if not name or name in self._constants:
            return not name or not self._constants[name].any()
        made = self.maker(i)
        if made is None or not depth:
            return False
        if made.operator == "ConstantOfShape":
            value = made.option("value")
            return value is None or not any((*value.float_data, *value.raw_data))
        shaping = ("Expand", "Slice", "Reshape", "Unsqueeze", "Transpose", "Identity", "Cast")
        return made.operator in shaping and made.is_zero(0, depth - 1)

    def then(self, component: Component, view: View | None = None, **changed: Any) -> View:
        """Return what a component makes of an input, whose axes stay as they are."""
        view = self.view() if view is None else view
        shape = component.output_shape(view.shape)
        step = Step(self.name, component, [view.step])
        return replace(view, **{"step": step, "shape": shape, "kind": "f", **changed})

    def refused(self, what: str) -> CheckpointError:
        """Return the error that names the node."""
        return refused(
            f"the node {self.name!r}, {self.operator}: {what}",
            "what a component of handgrad computes",
            "export the network up to there, or build it by hand and copy its parameters",
        )

    def unknown(self) -> CheckpointError:
        """Return the error for the first node on the way here that has no component."""
        node: Node = self
        met: set[int] = set()
        while not node.has_data() and id(node) not in met:
            met.add(id(node))
            made = [maker for i in range(len(node.inputs)) if (maker := node.maker(i))]
            node = made[0] if made else node
        return node.refused("there is no component for it here")
