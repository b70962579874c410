"""Reading a network from a file of ONNX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import CheckpointError, HandgradError
from handgrad.interop.onnx.numbers import folded
from handgrad.interop.onnx.operators import OPERATORS
from handgrad.interop.onnx.parts import Parts
from handgrad.interop.onnx.reading import check, constants_of, read, refused
from handgrad.interop.onnx.steps import Step, between, chain
from handgrad.interop.onnx.views import Given, Known, Node, View, apart
from handgrad.model import Model

__all__ = ["import_onnx"]

_CHANNELS_SECOND = {"AveragePool", "BatchNormalization", "Conv", "MaxPool", "InstanceNormalization"}
_CHANNELS_SECOND |= {"GlobalAveragePool", "GlobalMaxPool", "GroupNormalization"}
_TIMES, _ROOM = 8, 2**25
"""As many times the bytes of its file, and bytes besides, as a network may take.

What a bias or a scale is added to is made anew, and attention of its four affine maps.
"""
_STEPS_FIRST = {"GRU", "LSTM", "RNN"}
_ENTRYWISE = {"Relu", "Sigmoid", "Tanh", "Elu", "Gelu", "LeakyRelu", "Softplus", "Clip", "Identity"}


def import_onnx(path: str | os.PathLike[str]) -> Model:
    """Return a network of a file of ONNX as a model, in evaluation mode.

    It takes operators that one of handgrad's components computes, as PyTorch exports them (opset
    13 or later) and as `export` writes them. What the file has channels or steps first has its
    features last here, as everywhere: an image goes in as (N, H, W, C), a sequence as (N, T, D).
    Lengths, masks, states, keys and values are inputs beside the first, in a tuple, where the file
    has them. No file but this one is opened, and nothing is taken for granted that the file says
    of itself.

    Parameters
    ----------
    path
        The file, its tensors in it (``external_data=False`` in PyTorch's exporter).

    Returns
    -------
    Model
        In evaluation mode.

    Raises
    ------
    CheckpointError
        It is damaged, of another version, or holds an operator that no component computes; the
        message names the node.

    Examples
    --------
    >>> from handgrad.interop.onnx import import_onnx
    >>> model = import_onnx("model.onnx")  # doctest: +SKIP
    """
    proto = read(path)
    graph, constants = proto.graph, constants_of(proto)
    given = [each for each in graph.input if each.name not in constants]
    if not 1 <= len(given) <= 4 or len(graph.output) != 1:
        raise refused(
            f"{len(given)} inputs and {len(graph.output)} outputs",
            "an input, lengths, masks and states beside it, and one output",
            "export the network without further ones, and with its output alone",
        )
    views: dict[str, Any] = {each.name: _input(each, graph.node, i) for i, each in enumerate(given)}
    known, start = Known(constants, views=dict(views)), views[given[0].name].step
    room, steps = _TIMES * proto.ByteSize() + _ROOM, set[Step]()
    for each in graph.node:
        node = _see(each, known, proto)
        more = set(filter(None, map(_step, map(known.views.get, each.output)))) - steps
        steps |= more
        room -= sum(step.size for step in more)
        if room < 0:
            raise node.refused("tensors that the file has once and the network often")
    last = _seen(graph.output[0].name, known)
    parts = chain(last.step, start)
    _check_given(between(last.step, start), list(views.values()))
    if not parts:
        raise refused("an output that is its input", "a network", "look at the path")
    return Model(parts).eval()


def _check_given(steps: set[Step], inputs: list[Any]) -> None:
    """Raise where the inputs beside the first go elsewhere than a `Model` hands them."""
    takers = [step for step in steps if step.component is not None and step.component.takes_lengths]
    every = tuple(range(1, len(inputs)))
    later = tuple(i for i in every[:1] if isinstance(inputs[i], Given) and inputs[i].kind != "f")
    others = [step for step in takers if step.given != later]
    if every == later:
        right = not others and (bool(takers) or not every)
    else:  # to the first one alone
        (first,) = others if len(others) == 1 else (None,)
        right = first is not None and first.given == every
        right = right and all(first is step or first in _behind(step) for step in takers)
    if not right:
        raise refused(
            "inputs beside the first that not every layer is given which takes some",
            "lengths or a mask for all; states, keys and values for the first layer",
            "export the network with one input",
        )


def _behind(step: Step) -> set[Step]:
    """Return the steps that every way to a step passes."""
    found: set[Step] = set()
    while step.behind is not None:
        step = step.behind
        found.add(step)
    return found


def _step(value: Any) -> Step | None:
    """Return what computes a value, where it is known."""
    view = value.view if isinstance(value, Parts) else value
    return view.step if isinstance(view, View) else None


def _see(proto: Any, known: Known, file: Any) -> Node:
    """Add what a node makes of data or of sizes, or why no component makes that."""
    node = Node(proto, known)
    for name in filter(None, proto.output):
        known.nodes[name] = node
    if node.operator == "Identity" and proto.input and proto.input[0] in known.constants:
        known.constants[proto.output[0]] = known.constants[proto.input[0]]
    number = _number(node) if proto.output else None
    if number is not None:
        known.numbers[proto.output[0]] = number
    elif node.has_data():
        operator = OPERATORS.get(node.operator)
        if operator is not None:
            check(proto, file)
        made = dict.fromkeys(node.outputs, node.unknown())
        try:
            found = made if operator is None else operator(node)
            made |= found if isinstance(found, dict) else {node.outputs[0]: found}
        except CheckpointError as error:
            made = dict.fromkeys(node.outputs, error)
        except HandgradError as error:
            made = dict.fromkeys(node.outputs, node.refused(error.got))
        known.views.update((name, value) for name, value in made.items() if name)
    return node


def _number(node: Node) -> Array | None:
    """Return what a node makes of sizes and of other numbers, where it does."""
    if node.operator == "Shape":
        value = node.known.views.get(node.inputs[0] if node.inputs else "")
        if not isinstance(value, View | Parts) or (isinstance(value, View) and not value.whole):
            return None
        ends = node.option("start", 0), node.option("end")
        if not all(isinstance(end, int | None) for end in ends):
            return None
        return np.asarray(Parts.of(value).sizes, np.int64)[slice(*ends)]
    if any(name in node.known.views for name in node.inputs):
        return None
    return folded(node.operator, node.option, [node.numbers(i) for i in range(len(node.inputs))])


def _seen(name: str, known: Known) -> View:
    found, node = known.views.get(name), known.nodes.get(name)
    if isinstance(found, CheckpointError):
        raise found
    if isinstance(found, View):
        return found.settled(node)
    if node is not None:
        raise node.refused(f"its output, {apart(found)}")
    raise refused(
        f"the value {name!r}, which no node makes before it is asked for",
        "nodes in the order in which they run",
        "export it anew",
    )


def _input(info: Any, nodes: Sequence[Any], number: int) -> View | Given:
    """Return an input as it is here: its features last."""
    tensor = info.type.tensor_type
    kind = {1: "f", 11: "f", 6: "i", 7: "i", 9: "b" if number else None}.get(tensor.elem_type)
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if kind is None or not 1 <= len(sizes) <= 6 or any(n is not None and n < 1 for n in sizes):
        raise refused(
            f"the input {info.name!r} of ONNX's type {tensor.elem_type} and shape {sizes[:8]}",
            "an array of 1 to 6 axes, of floats or integers",
            "export the network with such an input",
        )
    if number and (kind != "f" or len(sizes) != 3):
        return Given(number, kind, len(sizes))
    order = list(range(len(sizes)))
    reached = _reached(info.name, nodes)
    if reached & _CHANNELS_SECOND and len(sizes) > 2:
        order = [0, *range(2, len(sizes)), 1]
    elif reached & _STEPS_FIRST and len(sizes) == 3:
        order = [1, 0, 2]
    shape = (None, *(sizes[axis] for axis in order[1:])) if len(sizes) > 1 else tuple(sizes)
    batch = sizes[order[0]]
    step = Step("the input", None, [], given=(number,) if number else ())
    return View(step, shape, tuple(order), kind, batch=batch)


def _reached(name: str, nodes: Sequence[Any]) -> set[str]:
    """Return the operators that an input comes to, through those that look at single entries."""
    names, grouped, reached = {name}, set(), set()
    for node in nodes:
        if names.intersection(node.input):
            reached.add(node.op_type)
            if node.op_type in _ENTRYWISE:
                names.update(node.output)
            elif node.op_type == "Reshape":
                grouped.update(node.output)
        elif node.op_type == "InstanceNormalization" and grouped.intersection(node.input):
            reached.add(node.op_type)  # of channels in groups
    return reached
