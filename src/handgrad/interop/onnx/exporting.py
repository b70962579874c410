"""Writing a network as a file of ONNX."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.activations import Softmax
from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.datasets import Standardizer
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.interop.named_inputs import named_inputs
from handgrad.interop.nesting import bounded
from handgrad.interop.onnx.converters import CONVERTERS
from handgrad.interop.onnx.graph import Graph, Tensor
from handgrad.interop.onnx.package import onnx_package
from handgrad.interop.paths import path_of, written
from handgrad.shapes import Shape, shape_text
from handgrad.walk import buffers, parameters

__all__ = ["OPSET", "export"]

OPSET, _IR = 20, 9
"""The version of the operators, and of the file's format; both are from 2023."""
_MOST = 2**31 - 1
"""As many bytes as one file of ONNX can have."""


def export(
    model: Component,
    path: str | os.PathLike[str],
    input_shape: Shape,
    *,
    softmax: bool = False,
    prepare: Standardizer | None = None,
    restore: Standardizer | None = None,
    dtype: npt.DTypeLike | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write what a component computes in evaluation mode as a file of ONNX.

    Parameters
    ----------
    model
        The component, a `Model` as a rule.
    path
        The file, which replaces one that is there.
    input_shape
        The input's size along each axis, None where any will do: ``(None, 64)``; a tuple of such
        shapes where the component takes several arrays, as in ``((None, None, 5), (None,))`` for
        sequences and their lengths.
    softmax
        Whether probabilities come out instead of scores.
    prepare
        A standardizer that has been fitted: the file then takes rows of float64 as they were
        measured, (N, D), and standardizes and shapes them itself.
    restore
        A standardizer that has been fitted on the targets: the file then gives numbers of float64
        as they were in the data.
    dtype
        float32 or float64; as the parameters are, where it is None. onnxruntime computes some
        operators in float32 alone: convolutions, averages over windows, recurrent layers, GELU.
    metadata
        What the file is to say besides, such as the classes' names, by name; kept as JSON.

    Raises
    ------
    ArgumentError
        There is a component that has no converter, or no room in one file of ONNX.
    ShapeError
        `input_shape` does not fit the component, or leaves open how many axes there are.
    CheckpointError
        The file system refuses.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> from handgrad.interop.onnx import export
    >>> model = Model([Linear(4, 8, dtype="float32"), ReLU(), Linear(8, 3, dtype="float32")])
    >>> export(model, "model.onnx", (None, 4))  # doctest: +SKIP
    """
    onnx, place = onnx_package(), path_of(path)
    inputs = tuple(Tensor(*each) for each in named_inputs(model, input_shape))
    graph = Graph(_precision(model, dtype), CONVERTERS)
    x: Any = inputs if len(inputs) > 1 else inputs[0]
    if prepare is not None:
        x, inputs = _prepared(graph, prepare, x)
    with bounded("a model"):
        y = graph.convert(model, "", x)
    if softmax:
        y = graph.convert(Softmax(), "softmax", y)
    if restore is not None:
        y = _restored(graph, restore, y)
    proto = _proto(onnx, graph, inputs, y)
    texts = {
        name: json.dumps(value, ensure_ascii=False) for name, value in (metadata or {}).items()
    }
    onnx.helper.set_model_props(proto, texts)
    onnx.checker.check_model(proto, full_check=True)
    with written(place) as file:
        file.write(proto.SerializeToString())


def _precision(model: Component, dtype: npt.DTypeLike | None) -> np.dtype[Any]:
    """Return the precision to compute in: what is asked for, or what the first array has."""
    arrays = [place.array for place in (*parameters(model), *buffers(model))]
    own = next((array.dtype for array in arrays if array.dtype.kind == "f"), np.dtype(np.float64))
    try:
        wanted = own if dtype is None else np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted not in (np.float32, np.float64):
        given = dtype if wanted is None else wanted
        raise DtypeError(f"dtype={given} for ONNX", "float32 or float64", 'write dtype="float32"')
    return wanted


def _prepared(graph: Graph, standardizer: Standardizer, x: Any) -> tuple[Tensor, tuple[Tensor]]:
    """Return the network's input, made of rows as they were measured, and these rows."""
    mean, scale = standardizer.mean, standardizer.scale
    sizes = x.shape[1:] if isinstance(x, Tensor) and x.kind == "f" else ()
    if mean is None or scale is None or None in sizes or len(mean) != math.prod(sizes):
        features = "none" if mean is None else len(mean)
        raise ShapeError(
            f"a standardizer of {features} features for an input of shape {shape_text(sizes)}",
            "one that was fitted on as many, and sizes that are all known",
            "call standardizer.fit(x) first; give every size of the input but the first",
        )
    rows = Tensor("rows", (x.shape[0], len(mean)), "d")
    given = [graph.constant(array, "scale", np.float64) for array in (mean, scale)]
    z = graph.node("Div", graph.node("Sub", rows.name, given[0]), given[1])
    if standardizer.missing:
        zero = graph.constant(0, "zero", np.float64)
        z = graph.node("Where", graph.node("IsNaN", z), zero, z)
    if graph.dtype != np.float64:
        z = graph.node("Cast", z, to=1)
    if len(sizes) > 1:
        z = graph.node("Reshape", z, graph.integers(-1, *sizes))
    return replace(x, name=z), (rows,)


def _restored(graph: Graph, standardizer: Standardizer, y: Tensor) -> Tensor:
    """Return numbers as they were in the data."""
    name = y.name if graph.dtype == np.float64 else graph.node("Cast", y.name, to=11)
    for operator, array in (("Mul", standardizer.scale), ("Add", standardizer.mean)):
        name = graph.node(operator, name, graph.constant(array, "scale", np.float64))
    return Tensor(name, y.shape, "d")


def _proto(onnx: Any, graph: Graph, inputs: Sequence[Tensor], y: Tensor) -> Any:
    """Return the file's content."""
    import handgrad

    helper, kinds = (
        onnx.helper,
        {"i": 7, "b": 9, "d": 11, "f": 1 if graph.dtype.itemsize == 4 else 11},
    )
    nodes, constants = graph.needed(y.name)
    _check_size(constants)
    made = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(x.name, kinds[x.kind], _sizes(x)) for x in inputs],
        [helper.make_tensor_value_info("y", kinds[y.kind], [*map(_known, y.shape)])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    for node in made.node:
        for names in (node.input, node.output):
            names[:] = ["y" if name == y.name else name for name in names]
    return helper.make_model(
        made,
        producer_name="handgrad",
        producer_version=handgrad.__version__,
        ir_version=_IR,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def _known(size: Any) -> Any:
    return None if size is None else int(size)


def _sizes(x: Tensor) -> list[Any]:
    """Return an input's sizes, those that may be any by names: all inputs have one batch."""
    names = [f"{x.name}_{axis}" if axis else "batch" for axis in range(len(x.shape))]
    return [name if size is None else int(size) for name, size in zip(names, x.shape, strict=True)]


def _check_size(constants: Mapping[str, Array]) -> None:
    size = sum(array.nbytes for array in constants.values())
    if size > _MOST:
        raise ArgumentError(
            f"a network of {size:,} bytes for one file of ONNX",
            f"at most {_MOST:,} bytes",
            'halve them with dtype="float32", or save it with handgrad.save',
        )
