"""Reading a file of ONNX that may be broken, or somebody's trap, before memory is taken for it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import CheckpointError, cause, shorten
from handgrad.interop.onnx.package import onnx_package
from handgrad.interop.paths import path_of

__all__ = ["check", "constants_of", "read", "refused"]

_OLDEST = 13
_MOST_BYTES = 2**31 - 1
_MOST_NODES = 20_000
_SIZES = {1: 4, 11: 8, 6: 4, 7: 8, 9: 1}
"""Bytes of an entry, by ONNX's numbers of float32, float64, int32, int64 and bool."""


def refused(what: object, expected: str, mend: str) -> CheckpointError:
    """Return the error for a file that is not taken."""
    return CheckpointError(f"a file of ONNX with {shorten(what)}", expected, mend)


def read(path: str | os.PathLike[str]) -> Any:
    """Return a file's content, looked through: its version, its size, where its tensors are.

    Raises
    ------
    CheckpointError
        It is no file of ONNX that is taken; nothing but the file itself has been opened.
    """
    onnx, file = onnx_package(), path_of(path)
    try:
        if not file.is_file():
            raise OSError(None, "it is no ordinary file" if file.exists() else "it is not there")
        size = file.stat().st_size
        if size > _MOST_BYTES:
            raise refused(f"{size:,} bytes", f"at most {_MOST_BYTES:,}", "take a smaller network")
        data = file.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{os.fspath(path)!r}, which cannot be read: {error.strerror}",
            "a file of ONNX",
            "look at the path",
        ) from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's own, in a module that is not public
        raise refused("damaged content", "one that is whole", "copy it anew") from cause(error)
    _look_at(model, onnx.defs.onnx_opset_version())
    return model


def _look_at(model: Any, newest: int) -> None:
    graph = model.graph
    if not graph.node or not graph.output:
        raise refused("no network in it", "nodes and an output", "look at the path; copy it anew")
    version = _version(model)
    if not _OLDEST <= version <= newest:
        raise refused(
            f"operators of version {version}",
            f"a version from {_OLDEST} to {newest}",
            "export it with opset_version=18, or install a newer onnx",
        )
    if len(graph.node) > _MOST_NODES:
        raise refused(
            f"{len(graph.node):,} nodes", f"at most {_MOST_NODES:,}", "take a smaller one"
        )
    names = [name for node in graph.node for name in node.output if name]
    names += [each.name for each in (*graph.initializer, *graph.input)]
    given = {each.name for each in graph.initializer} & {each.name for each in graph.input}
    if len(set(names)) < len(names) - len(given):
        raise refused("two values of one name", "a name for each", "export it anew")
    if graph.sparse_initializer:
        raise refused("sparse tensors", "tensors with all their entries", "export it without them")


def _version(model: Any) -> int:
    """Return which version of the standard's operators a file needs."""
    versions = {each.domain: each.version for each in model.opset_import}
    return int(versions.get("", versions.get("ai.onnx", 0)))


def check(node: Any, model: Any) -> None:
    """Check a node's inputs, outputs and attributes against what the standard says of them.

    Raises
    ------
    CheckpointError
        There are too many or too few, or one is of another type.
    """
    checker = onnx_package().checker
    context = checker.C.CheckerContext()
    context.ir_version = min(max(model.ir_version, 3), 99)
    context.opset_imports = {"": _version(model)}
    try:
        checker.check_node(node, context)
    except (checker.ValidationError, UnicodeDecodeError) as error:  # which its message may raise
        raise refused(
            f"the node {node.name or node.op_type!r} against the standard: {error}",
            "inputs and attributes that the operator has",
            "export it anew",
        ) from cause(error)


def constants_of(model: Any) -> dict[str, Array]:
    """Return the tensors that a file holds, by name.

    Raises
    ------
    CheckpointError
        One lies in another file, says of itself what is not so, or is of another type.
    """
    return {name: _array(tensor, name) for name, tensor in _tensors(model.graph)}


def _tensors(graph: Any) -> Iterator[tuple[str, Any]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and not node.domain:
            for attribute in node.attribute:
                if attribute.name == "value" and node.output:
                    yield node.output[0], attribute.t


def _array(tensor: Any, name: str) -> Array:
    what = f"the tensor {shorten(name, 80)!r}"
    if tensor.external_data or tensor.data_location:
        raise refused(
            f"{what} in another file",
            "tensors in the file itself",
            "export it with external_data=False; no other file is opened",
        )
    size = _SIZES.get(tensor.data_type)
    if size is None:
        raise refused(
            f"{what} of ONNX's type {tensor.data_type}",
            "float32, float64, int32, int64 or booleans",
            "convert the network to float32 before it is exported",
        )
    entries = math.prod(tensor.dims) if all(n >= 0 for n in tensor.dims) else -1
    typed = (tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data)
    there = len(tensor.raw_data) / size if tensor.raw_data else sum(map(len, typed))
    if entries != there or len(tensor.dims) > 8:
        raise refused(
            f"{what} of shape {tuple(tensor.dims)[:9]} and {there:g} entries",
            "as many entries as its shape says",
            "copy the file anew",
        )
    from onnx import numpy_helper

    try:
        array: Array = np.asarray(numpy_helper.to_array(tensor))
    except ValueError as error:  # in pieces, or its entries where those of another type belong
        raise refused(f"{what}: {error}", "its entries, of its type", "copy the file anew") from (
            cause(error)
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all() and array.size > 1:
        raise refused(f"{what} that holds NaN or infinity", "finite numbers", "train it anew")
    return array
