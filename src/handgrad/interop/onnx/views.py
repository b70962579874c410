"""A value of a graph, as it is seen from here, and a node that is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import CheckpointError
from handgrad.interop.onnx.numbers import OPEN
from handgrad.interop.onnx.reading import refused
from handgrad.interop.onnx.steps import Step
from handgrad.shapes import Shape

__all__ = ["Given", "Known", "Node", "View", "apart"]


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
    turned : str
        Where the steps are in reverse, ``"around"``; ``"back"`` where they were, and what is made
        of them is in order again.
    by : int or None
        The input with the lengths by which they are.
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
    turned: str = ""
    by: int | None = None
    batch: int | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the sizes here, of what is open those that stand for it."""
        open_ = (self.batch or OPEN[0], *OPEN[1:])
        return tuple(n if n is not None else open_[i] for i, n in enumerate(self.shape))

    @property
    def whole(self) -> bool:
        """Whether ONNX has the axes that it has here, in whatever order."""
        return not (self.directions or self.pooled or self.turned)

    @property
    def plain(self) -> bool:
        """Whether ONNX has the axes as they are here."""
        return self.order == tuple(range(len(self.shape))) and self.whole

    def settled(self, node: Any) -> View:
        """Return itself, where it is what comes out here, or say that it is not."""
        if self.flattened or self.directions or self.turned:
            raise node.refused("the axes of its output, which are put together in another order")
        if self.pooled:
            raise node.refused("a pool over all positions without a flattening behind it")
        rank = len(self.order)
        known = (tuple(range(rank)), (0, *range(2, rank), 1), (1, 0, 2))
        if self.order not in known[: None if rank > 2 else 1]:
            raise node.refused("the axes of its output, which are in an order of their own")
        return self


@dataclass(frozen=True)
class Given:
    """An input beside the first: lengths, a mask, a state.

    Attributes
    ----------
    number : int
        Which input it is.
    kind : str
        f, i for integers or b for booleans.
    rank : int
        How many axes it has.
    axes : tuple of int
        Where it has been given axes of one entry.
    """

    number: int
    kind: str
    rank: int
    axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Known:
    """What is known of a graph's values, by their names.

    Attributes
    ----------
    constants : dict of str to Array
        The file's tensors.
    numbers : dict of str to Array
        What is computed of sizes, with numbers in place of those that are open.
    views : dict of str to View, Given, Parts, Scores or CheckpointError
        What is computed of the input, or why it cannot be.
    nodes : dict of str to Node
        What makes a value.
    """

    constants: dict[str, Array]
    numbers: dict[str, Array] = field(default_factory=dict)
    views: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def array(self, name: str) -> Array | None:
        """Return what is made of sizes or stands in the file, None where there is none."""
        return self.numbers.get(name, self.constants.get(name))

    def number(self, name: str) -> float | None:
        """Return the same as one number, None where it is none."""
        array = self.array(name)
        return None if array is None or array.size != 1 else float(array.reshape(()))


def apart(value: Any) -> str:
    """Return what keeps a value from being a component's."""
    if getattr(value, "scale", 1) != 1:  # of parts, and of scores
        return f"which is multiplied by {value.scale:g}: no component does that alone"
    return "whose axes are in an arrangement that no component has"


class Node:
    """A node, its options, and what is known of its inputs."""

    def __init__(self, proto: Any, known: Known) -> None:
        from onnx import helper

        standard = proto.domain in ("", "ai.onnx")
        self.operator = proto.op_type if standard else f"{proto.domain}.{proto.op_type}"
        self.name = proto.name or proto.op_type
        self.inputs, self.outputs = list(proto.input), list(proto.output)
        self._options = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
        self.known = known
        axes = self._options.get("axes")
        if axes and self.operator.startswith("Reduce") and len(self.inputs) == 1:
            name = f"the axes of {self.inputs[0]}: {axes}"  # as an input, as in later versions
            known.constants[name] = np.asarray(axes)
            self.inputs.append(name)

    def option(self, name: str, default: Any = None) -> Any:
        """Return an attribute; a text as one."""
        value = self._options.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def has_data(self) -> bool:
        """Return whether any input is computed of the network's input."""
        return any(name in self.known.views for name in self.inputs)

    def value(self, i: int = 0) -> Any:
        """Return an input that is data, in whatever arrangement."""
        return self.value_of(self.inputs[i] if i < len(self.inputs) else "")

    def value_of(self, name: str) -> Any:
        """Return data by its name."""
        found = self.known.views.get(name)
        if isinstance(found, CheckpointError):
            raise found
        if found is None:
            raise self.refused(f"its input {name!r}, which no node makes of data before it")
        return found

    def view(self, i: int = 0) -> View:
        """Return an input that is data, whose axes are whole."""
        return self.view_of(self.inputs[i] if i < len(self.inputs) else "")

    def view_of(self, name: str) -> View:
        """Return data whose axes are whole by its name."""
        found = self.value_of(name)
        if not isinstance(found, View) or found.turned:
            raise self.refused(f"its input, {apart(found)}")
        return found

    def data(self) -> list[int]:
        """Return which inputs are data."""
        return [i for i, name in enumerate(self.inputs) if name in self.known.views]

    def constant(self, i: int) -> Array | None:
        """Return an input that is a tensor of the file, None where there is none."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        if not name:
            return None
        if name not in self.known.constants:
            raise self.refused(f"its input {name!r}, which is no tensor of the file")
        return self.known.constants[name]

    def numbers(self, i: int) -> Array | None:
        """Return an input that is made of sizes or stands in the file, None where there is none."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        return self.known.array(name)

    def weights(self, i: int, rank: int) -> Array:
        """Return a tensor of floats with so many axes and no axis of nothing."""
        array = self.constant(i)
        if array is None or array.dtype.kind != "f" or array.ndim != rank or not array.size:
            what = "none" if array is None else f"{array.dtype} of shape {array.shape}"
            raise self.refused(f"{what} as its tensor {i}, where {rank} axes of floats belong")
        return array

    def maker(self, i: int) -> Node | None:
        """Return the node that makes an input."""
        return self.known.nodes.get(self.inputs[i] if i < len(self.inputs) else "")

    def is_zero(self, i: int, depth: int = 20) -> bool:
        """Return whether an input is made of nothing but zeros, or is left out."""
        name = self.inputs[i] if i < len(self.inputs) else ""
        if not name or name in self.known.constants:
            return not name or not self.known.constants[name].any()
        made = self.maker(i)
        if made is None or not depth:
            return False
        if made.operator == "ConstantOfShape":
            value = made.option("value")
            return value is None or not any((*value.float_data, *value.raw_data))
        shaping = ("Expand", "Slice", "Reshape", "Unsqueeze", "Transpose", "Identity", "Cast")
        return made.operator in shaping and made.is_zero(0, depth - 1)

    def then(
        self,
        component: Component,
        view: View | None = None,
        given: tuple[int, ...] = (),
        **changed: Any,
    ) -> View:
        """Return what a component makes of an input, whose axes stay as they are."""
        view = self.view() if view is None else view
        shape = component.output_shape(view.shape)
        step = Step(self.name, component, [view.step], given=given)
        return replace(view, **{"step": step, "shape": shape, "kind": "f", **changed})

    def refused(self, what: str) -> CheckpointError:
        """Return the error that names the node."""
        return refused(
            f"the node {self.name!r}, {self.operator}: {what}",
            "what a component of handgrad computes",
            "export the network up to there, or build it by hand and copy its parameters",
        )

    def unknown(self) -> CheckpointError:
        """Return the error for a node that has no component."""
        return self.refused("there is no component for it here")
