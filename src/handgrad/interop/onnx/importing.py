"""Reading a network from a file of ONNX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from handgrad.errors import CheckpointError, HandgradError
from handgrad.interop.onnx.operators import OPERATORS
from handgrad.interop.onnx.reading import check, constants_of, read, refused
from handgrad.interop.onnx.steps import Step, chain
from handgrad.interop.onnx.views import Node, View
from handgrad.model import Model

__all__ = ["import_onnx"]

_CHANNELS_SECOND = {"AveragePool", "BatchNormalization", "Conv", "MaxPool", "InstanceNormalization"}
_CHANNELS_SECOND |= {"GlobalAveragePool", "GlobalMaxPool"}
_TIMES, _ROOM = 4, 2**25
"""As many times the bytes of its file, and bytes besides, as a network may take."""
_STEPS_FIRST = {"GRU", "LSTM", "RNN"}
_ENTRYWISE = {"Relu", "Sigmoid", "Tanh", "Elu", "Gelu", "LeakyRelu", "Softplus", "Clip", "Identity"}


def import_onnx(path: str | os.PathLike[str]) -> Model:
    """Return a network of a file of ONNX as a model, in evaluation mode.

    It takes operators that one of handgrad's components computes, as PyTorch exports them (opset
    13 or later) and as `export` writes them. What the file has channels or steps first has its
    features last here, as everywhere: an image goes in as (N, H, W, C), a sequence as (N, T, D).
    No file but this one is opened, and nothing is taken for granted that the file says of itself.

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
    if len(given) != 1 or len(graph.output) != 1:
        raise refused(
            f"{len(given)} inputs and {len(graph.output)} outputs",
            "one of each",
            "export the network without lengths, states and masks, and with its output alone",
        )
    views: dict[str, Any] = {given[0].name: _input(given[0], graph.node)}
    nodes: dict[str, Node] = {}
    steps: set[Step] = set()
    room = _TIMES * proto.ByteSize() + _ROOM
    for each in graph.node:
        node = Node(each, constants, views, nodes)
        for name in filter(None, each.output):
            nodes[name] = node
        if node.operator == "Identity" and each.input and each.input[0] in constants:
            constants[each.output[0]] = constants[each.input[0]]
        operator = OPERATORS.get(node.operator)
        if operator is not None and node.has_data():
            check(each, proto)
            made = _follow(operator, node)
            views.update(made)
            more = {view.step for view in made.values()} - steps
            steps |= more
            room -= sum(step.size for step in more)
            if room < 0:
                raise node.refused("tensors that the file has once and the network often")
    last = _seen(graph.output[0].name, views, nodes)
    last.settled(nodes.get(graph.output[0].name))
    parts = chain(last.step, views[given[0].name].step)
    if not parts:
        raise refused("an output that is its input", "a network", "look at the path")
    return Model(parts).eval()


def _follow(operator: Any, node: Node) -> dict[str, View]:
    """Return what a node makes; what a component does not take is told of the node."""
    try:
        made = operator(node)
    except CheckpointError:
        raise
    except HandgradError as error:
        raise node.refused(error.got) from error
    return made if isinstance(made, dict) else {node.outputs[0]: made}


def _seen(name: str, views: dict[str, Any], nodes: dict[str, Node]) -> View:
    found = views.get(name)
    if isinstance(found, View):
        return found
    if name in nodes:
        raise nodes[name].unknown()
    raise refused(
        f"the value {name!r}, which no node makes before it is asked for",
        "nodes in the order in which they run",
        "export it anew",
    )


def _input(info: Any, nodes: Sequence[Any]) -> View:
    """Return the input as it is here: its features last."""
    tensor = info.type.tensor_type
    kind = {1: "f", 11: "f", 6: "i", 7: "i"}.get(tensor.elem_type)
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if kind is None or not 1 <= len(sizes) <= 6 or any(n is not None and n < 1 for n in sizes):
        raise refused(
            f"the input {info.name!r} of ONNX's type {tensor.elem_type} and shape {sizes[:8]}",
            "an array of 1 to 6 axes, of floats or integers",
            "export the network with such an input",
        )
    order = list(range(len(sizes)))
    reached = _reached(info.name, nodes)
    if reached & _CHANNELS_SECOND and len(sizes) > 2:
        order = [0, *range(2, len(sizes)), 1]
    elif reached & _STEPS_FIRST and len(sizes) == 3:
        order = [1, 0, 2]
    shape = (None, *(sizes[axis] for axis in order[1:])) if len(sizes) > 1 else tuple(sizes)
    batch = sizes[order[0]]
    return View(Step("the input", None, []), shape, tuple(order), kind, batch=batch)


def _reached(name: str, nodes: Sequence[Any]) -> set[str]:
    """Return the operators that an input comes to, through those that look at single entries."""
    names, reached = {name}, set()
    for node in nodes:
        if names.intersection(node.input):
            reached.add(node.op_type)
            if node.op_type in _ENTRYWISE:
                names.update(node.output)
    return reached
