"""Graphs that no exporter of today writes, and that the standard allows: right, or refused."""

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import TensorProto, numpy_helper
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

from exchange import run_onnx
from handgrad.errors import CheckpointError
from handgrad.interop.onnx import import_onnx
from helpers import random


def floats(*shape):
    return random(*shape).astype("float32")


def network(shape, *nodes, **tensors):
    """Return a network that takes an input x and puts out y."""
    x = make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = make_tensor_value_info("y", TensorProto.FLOAT, None)
    kept = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = make_graph(nodes, "graph", [x], [y], kept)
    return make_model(graph, opset_imports=[make_opsetid("", 18)], ir_version=9)


def flattened_before_a_product():
    nodes = [
        make_node("Conv", ["x", "K"], ["c"]),
        make_node("Flatten", ["c"], ["f"]),
        make_node("MatMul", ["f", "W"], ["p"]),
        make_node("Add", ["p", "b"], ["y"]),
    ]
    tensors = {"K": floats(2, 2, 1, 1), "W": floats(24, 5), "b": floats(5)}
    return network(["N", 2, 3, 4], *nodes, **tensors)


def in_a_row(batch):
    return network([batch, 4, 5], make_node("Reshape", ["x", "s"], ["y"]), s=np.array([1, -1]))


def both_ways(operator, gates, activations, shape=(0, 0, -1), **options):
    options |= {"hidden_size": 5, "direction": "bidirectional", "activations": activations}
    nodes = [
        make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        make_node(operator, ["t", "W", "R", "B"], ["s"], **options),
        make_node("Transpose", ["s"], ["u"], perm=[0, 2, 1, 3]),
        make_node("Reshape", ["u", "S"], ["v"]),
        make_node("Transpose", ["v"], ["y"], perm=[1, 0, 2]),
    ]
    tensors = {"W": floats(2, gates * 5, 4), "R": floats(2, gates * 5, 5)}
    tensors |= {"B": floats(2, 2 * gates * 5), "S": np.array(shape)}
    return network(["N", 6, 4], *nodes, **tensors)


def attention(scaled="scores", axis=1):
    """Return attention of two heads that look back, its scale and its mask somewhere."""
    nodes, tensors = [], {"heads": np.array([0, 0, 2, 2]), "whole": np.array([0, 0, 4])}
    for name in ("query", "key", "value"):
        tensors[name] = floats(4, 4)
        perm = [0, 2, 3, 1] if name == "key" else [0, 2, 1, 3]
        nodes += [
            make_node("MatMul", ["x", name], [f"{name}s"]),
            make_node("Reshape", [f"{name}s", "heads"], [f"{name} apart"]),
            make_node("Transpose", [f"{name} apart"], [f"{name} turned"], perm=perm),
        ]
    steps = [
        make_node("MatMul", ["query turned", "key turned"], ["product"]),
        make_node("Mul", ["product", "scale"], ["scores"]),
        make_node("Shape", ["x"], ["sizes"]),
        make_node("Gather", ["sizes", "one"], ["T"]),
        make_node("Range", ["zero", "T", "one"], ["at keys"]),
        make_node("Range", ["zero", "T", "one"], ["at queries"]),
        make_node("Unsqueeze", ["at queries", "axis"], ["rows"]),
        make_node("LessOrEqual", ["at keys", "rows"], ["allowed"]),
        make_node("Where", ["allowed", "scores", "never"], ["hidden"]),
        make_node("Softmax", ["hidden"], ["weights"]),
        make_node("Mul", ["weights", "other scale"], ["weights, scaled"]),
        make_node("MatMul", ["weights, scaled", "value turned"], ["answers"]),
        make_node("Transpose", ["answers"], ["answers turned"], perm=[0, 2, 1, 3]),
        make_node("Reshape", ["answers turned", "whole"], ["y"]),
    ]
    if scaled == "scores":
        steps.pop(10)
        steps[10].input[0] = "weights"
    tensors |= {"zero": np.array(0), "one": np.array(1), "axis": np.array([axis])}
    tensors |= {"never": np.float32(-np.inf), "scale": np.float32(0.5**0.5)}
    if scaled == "weights":
        tensors |= {"scale": np.float32(1), "other scale": np.float32(0.5**0.5)}
    return network(["N", 3, 4], *nodes, *steps, **tensors)


def mean_and_root(keepdims):
    nodes = [
        make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=keepdims),
        make_node("Sub", ["x", "mean"], ["centred"]),
        make_node("Mul", ["centred", "centred"], ["square"]),
        make_node("ReduceMean", ["square", "axes"], ["variance"], keepdims=keepdims),
        make_node("Add", ["variance", "epsilon"], ["sum"]),
        make_node("Sqrt", ["sum"], ["root"]),
        make_node("Div", ["centred", "root"], ["y"]),
    ]
    return network([4, 4], *nodes, axes=np.array([-1]), epsilon=np.float32(1e-5))


def normalized_row(factor):
    """Return a normalization of one row without a batch, multiplied before and divided behind."""
    names = ["gamma", "beta", "mean", "variance"]
    nodes = [
        make_node("Unsqueeze", ["x", "first"], ["row"]),
        *([make_node("Mul", ["row", "factor"], ["more"])] if factor else ()),
        make_node("BatchNormalization", ["more" if factor else "row", *names], ["normal"]),
        *([make_node("Div", ["normal", "factor"], ["less"])] if factor else ()),
        make_node("Squeeze", ["less" if factor else "normal", "first"], ["y"]),
    ]
    tensors = {name: 1 + abs(floats(4)) for name in names} | {"first": np.array([0])}
    return network([4], *nodes, **tensors, **({"factor": np.float32(factor)} if factor else {}))


RIGHT = {
    "attention that looks back": attention,
    "a mean and a root": lambda: mean_and_root(1),
    "a row that is normalized": lambda: normalized_row(0),
    "a product and a bias behind a flattening": flattened_before_a_product,
    "a batch of one, laid in a row": lambda: in_a_row(1),
    "an RNN with both its activations": lambda: both_ways("RNN", 1, ["Relu", "Relu"]),
    "a GRU with all its activations": lambda: both_ways(
        "GRU", 3, ["Sigmoid", "Tanh"] * 2, (0, 0, 10), linear_before_reset=1
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_computed_as_the_standard_says(name, tmp_path):
    made, path = RIGHT[name](), tmp_path / "model.onnx"
    onnx.save(made, path)
    x = floats(*(size.dim_value or 3 for size in made.graph.input[0].type.tensor_type.shape.dim))
    ours = np.moveaxis(x, 1, -1) if x.ndim == 4 else x
    assert_allclose(import_onnx(path).predict(ours), run_onnx(path, x), rtol=1e-4, atol=1e-5)


def last_of_lengths():
    nodes = [
        make_node("RNN", ["x", "W", "R", "B", "lengths"], ["s"], hidden_size=5),
        make_node("Squeeze", ["s", "one"], ["steps"]),
        make_node("Gather", ["steps", "last"], ["y"], axis=0),
    ]
    tensors = {"W": floats(1, 5, 4), "R": floats(1, 5, 5), "B": floats(1, 10)}
    tensors |= {"one": np.array([1]), "last": np.array(-1)}
    made = network(["T", "N", 4], *nodes, **tensors)
    made.graph.input.append(make_tensor_value_info("lengths", TensorProto.INT32, ["N"]))
    return made


def of_another_input():
    made = network(["N", 4, 5], make_node("Relu", ["z"], ["y"]))
    made.graph.input.append(make_tensor_value_info("z", TensorProto.FLOAT, ["N", 4, 5]))
    return made


def product_and(node, shape=("N", 4), **tensors):
    product = make_node("MatMul", ["x", "W"], ["h"])
    return network([*shape], product, node, W=floats(4, 3), **tensors)


def plus(*bias, shape=("N", 4)):
    return product_and(make_node("Add", ["h", "b"], ["y"]), shape, b=floats(*bias))


def gemm():
    node = make_node("Gemm", ["h", "V", "b"], ["y"])
    return product_and(node, (3, 4), V=floats(3, 3), b=floats(3, 1))


def a_sigmoid_of_somebody():
    sigmoid = make_node("Sigmoid", ["x"], ["s"], domain="com.example")
    return network(["N", 4], sigmoid, make_node("Mul", ["x", "s"], ["y"], name="product"))


REFUSED = {
    "a bias for each sample": (lambda: plus(3, 1, shape=(3, 4)), r"a tensor of shape \(3, 1\)"),
    "a bias for each sequence": (lambda: plus(3, 1, 1, shape=(3, 2, 4)), r"shape \(3, 1, 1\)"),
    "a bias of more axes": (lambda: plus(1, 1, 3), r"a tensor of shape \(1, 1, 3\)"),
    "a bias for each sample, of Gemm": (gemm, r"a bias of shape \(3, 1\)"),
    "an RNN with two activations": (
        lambda: both_ways("RNN", 1, ["Tanh", "Relu"]),
        r"activations \['Tanh', 'Relu'\]",
    ),
    "directions below each other": (
        lambda: both_ways("RNN", 1, ["Tanh", "Tanh"], (0, 0, -1, 5)),
        "'Reshape'",
    ),
    "all samples in a row": (lambda: in_a_row("N"), "'Reshape'"),
    "samples on the last axis": (
        lambda: product_and(make_node("Transpose", ["h"], ["y"])),
        "the axes of its output",
    ),
    "the last step where sequences have ended": (last_of_lengths, "may have ended before"),
    "an output of the second input alone": (of_another_input, "comes of another input"),
    "a softmax that is scaled behind": (lambda: attention("weights"), "softmax of scores that is"),
    "a mask along the other axis": (lambda: attention(axis=0), "hidden in a way"),
    "a mean whose axis is gone": (lambda: mean_and_root(0), "no component"),
    "a row that is multiplied before and behind": (lambda: normalized_row(2), "'Batch"),
    "positions that add steps": (
        lambda: network(["N", 1, 4], make_node("Add", ["x", "b"], ["y"]), b=floats(5, 4)),
        "5 positions of 1 steps",
    ),
    "positions of rows": (
        lambda: network(["N", 4], make_node("Add", ["x", "b"], ["y"]), b=floats(5, 4)),
        "5 positions of open steps",
    ),
    "a product with a number": (
        lambda: product_and(make_node("Mul", ["h", "two"], ["y"]), two=np.float32(2)),
        "its output, which is multiplied by 2",
    ),
    "a product with a number before another": (
        lambda: network(
            ["N", 4],
            make_node("Mul", ["x", "two"], ["h"]),
            make_node("MatMul", ["h", "W"], ["y"]),
            **{"two": np.float32(2), "W": floats(4, 3)},
        ),
        "its input, which is multiplied by 2",
    ),
    "a dropout that drops": (
        lambda: product_and(make_node("Dropout", ["h", "", "t"], ["y"]), t=np.array(True)),
        "a training",
    ),
    "an operator of somebody's by a name of the standard": (a_sigmoid_of_somebody, "'product'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name, tmp_path):
    make, message = REFUSED[name]
    onnx.save(make(), tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match=message):
        import_onnx(tmp_path / "model.onnx")
