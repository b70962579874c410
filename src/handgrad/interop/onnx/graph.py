"""A graph of ONNX that is being written: its nodes, its constants, and where one stands in a model.

What flows along the graph is a `Tensor`: a name, its axes' sizes in the notation of
`Component.output_shape`, and the kind of its numbers. A converter is handed the graph, a component
and the tensor (or the tuple of them) that the component is given, and returns the name of what
it makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.errors import ArgumentError
from handgrad.shapes import Shape
from handgrad.walk import join

__all__ = ["Converter", "Graph", "Tensor"]

_ENTRYWISE = frozenset(
    ["Add", "Clip", "Div", "Elu", "Gelu", "LeakyRelu", "Mul", "Relu", "Sigmoid", "Softplus", "Tanh"]
)
"""Operators that make each entry of one entry, so that a transposition may go before or after."""


@dataclass(frozen=True)
class Tensor:
    """What flows along an edge: its name, its sizes, and the kind of its numbers.

    That is f for the precision of the graph, d for float64, i for int64 and b for booleans.
    """

    name: str
    shape: Shape
    kind: str = "f"


Converter = Callable[["Graph", Any, Any], str]
"""Adds the nodes of a component: (graph, component, tensor or tuple of tensors) -> output's name.

Several inputs come as a tuple of tensors, as they do in `Component.apply`.
"""


class Graph:
    """Nodes and constants, in the order in which they are added.

    Attributes
    ----------
    dtype : numpy.dtype
        The precision that the network computes in.
    converters : dict of type to Converter
        What converts each component.
    nodes : list of onnx.NodeProto
    constants : dict of str to Array
    """

    def __init__(self, dtype: Any, converters: Mapping[type, Converter]) -> None:
        self.dtype, self.converters = np.dtype(dtype), converters
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self._made_by: dict[str, Any] = {}
        self._transposed: dict[tuple[str, tuple[int, ...]], str] = {}
        self._place = ""

    def convert(self, component: Any, name: str, x: Any) -> Tensor:
        """Add the nodes of what is called `name` in the component at hand, and return its output.

        Raises
        ------
        ArgumentError
            There is no converter for the component: it is somebody's own, or derived from one
            of handgrad's.
        """
        before, self._place = self._place, join(self._place, name)
        converter = self.converters.get(type(component))
        if converter is None:
            raise ArgumentError(
                f"{in_short(component)} at {self._place or 'the top'}, for ONNX",
                f"one of {', '.join(sorted(cls.__name__ for cls in self.converters))}",
                "build it of these; or export the network for NumPy, which takes any component",
            )
        several = isinstance(x, tuple)
        shape = component.output_shape(tuple(t.shape for t in x) if several else x.shape)
        output = Tensor(converter(self, component, x), shape)
        self._place = before
        return output

    def node(
        self, operator: str, *inputs: str, outputs: int = 1, at: int = 0, **options: Any
    ) -> str:
        """Add an operator, and return the name of its output, or of number `at` of several.

        An optional input that is left out is the empty name.
        """
        from onnx import helper

        stem = f"{self._place or 'model'}/{operator}_{len(self.nodes)}"
        names = [stem if i == at else f"{stem}.{i}" for i in range(outputs)]
        names = [name if i in (0, at) else "" for i, name in enumerate(names)]
        if at:
            names[0] = ""
        node = helper.make_node(operator, list(inputs), names, name=stem, **options)
        self.nodes.append(node)
        self._made_by[stem] = node
        return stem

    def constant(self, value: Any, name: str = "constant", dtype: Any = None) -> str:
        """Add an array of the graph's precision, or of `dtype`, and return its name."""
        array = np.ascontiguousarray(np.asarray(value, self.dtype if dtype is None else dtype))
        array = array.reshape(np.shape(value))  # NumPy makes one axis of none
        unique = f"{self._place or 'model'}/{name}_{len(self.constants)}"
        self.constants[unique] = array
        return unique

    def integers(self, *values: int) -> str:
        """Add a vector of integers: axes, a shape."""
        return self.constant(values, "integers", np.int64)

    def transpose(self, x: str, *order: int) -> str:
        """Add a transposition, or take one back that undoes it, past what is done entrywise."""
        if order == tuple(range(len(order))):
            return x
        found = self._before(x, order)
        return self.node("Transpose", x, perm=list(order)) if found is None else found

    def _before(self, x: str, order: tuple[int, ...]) -> str | None:
        """Return `x`, transposed, where that undoes a transposition that was made before."""
        node = self._made_by.get(x)
        if (x, order) in self._transposed or node is None:
            return self._transposed.get((x, order))
        if node.op_type == "Transpose":
            perm = list(node.attribute[0].ints)
            undone = [perm[axis] for axis in order] == list(range(len(order)))
            return str(node.input[0]) if undone else None
        if node.op_type not in _ENTRYWISE:
            return None
        found = [self._unmoved(name, order) for name in node.input]
        inputs = [name for name in found if name is not None]
        if len(inputs) < len(found):
            return None
        from onnx import helper

        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        moved = self._transposed[x, order] = self.node(node.op_type, *inputs, **options)
        return moved

    def _unmoved(self, x: str, order: tuple[int, ...]) -> str | None:
        """Return an operand as it is before the transposition; a single number is the same."""
        constant = self.constants.get(x)
        if constant is None:
            return self._before(x, order)
        return x if constant.ndim == 0 else None

    def size(self, x: Tensor, axis: int) -> str:
        """Return the number of entries along an axis, a scalar, whether known or not yet."""
        if x.shape[axis] is not None:
            return self.constant(x.shape[axis], "size", np.int64)
        axis %= len(x.shape)
        return self.node("Squeeze", self.node("Shape", x.name, start=axis, end=axis + 1))

    def count(self, upto: str) -> str:
        """Return the integers from 0 to one below `upto`, a scalar."""
        zero, one = (self.constant(n, "step", np.int64) for n in (0, 1))
        return self.node("Range", zero, upto, one)

    def needed(self, output: str) -> tuple[list[Any], dict[str, Array]]:
        """Return the nodes and constants that lead to `output`, without what led nowhere."""
        wanted, kept = {output}, []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                kept.append(node)
                wanted.update(node.input)
        constants = {name: value for name, value in self.constants.items() if name in wanted}
        return kept[::-1], constants
