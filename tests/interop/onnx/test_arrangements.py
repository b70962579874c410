"""Axes that a graph takes apart, formulas that it writes out: the same here, or refused."""

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose
from onnx import numpy_helper, parser

from exchange import run_onnx
from handgrad import LayerNorm
from handgrad.errors import CheckpointError
from handgrad.interop.onnx import import_onnx
from helpers import generator


def integers(*numbers):
    return np.array(numbers, np.int64)


def floats(*shape, seed=0):
    return generator(seed).uniform(-1, 1, shape).astype("float32")


TENSORS = {
    "W": floats(4, 4),
    "U": floats(4, 12, seed=1),
    "b": floats(4, seed=2),
    "g": floats(4, seed=3) + 2,
    "column": floats(4, 1, seed=4),
    "one": np.float32(1),
    "two": np.float32(2),
    "half": np.float32(0.5),
    "root": np.float32(0.70710678),
    "slope": np.float32(1.5),
    "e": np.float32(1e-5),
    "last": integers(-1),
    "first": integers(0),
    "second": integers(1),
    "third": integers(2),
    "at": np.array(1, np.int64),
    "rows": integers(-1, 4),
    "back": integers(-1, 6, 4),
    "heads": integers(0, 0, 2, 2),
    "wide": integers(0, 0, 24),
    "whole": integers(0, 0, -1),
    "groups": integers(0, 2, -1),
    "image": integers(0, 4, 6),
    "thirds": integers(4, 4, 4),
    "ones": np.ones(2, "float32"),
    "zeros": np.zeros(2, "float32"),
    "table": floats(6, 4, seed=5),
    "odd": floats(6, 5, seed=6),
    "minus": integers(-1),
    "end": integers(np.iinfo(np.int64).min),
    "four": integers(4),
    "eight": integers(8),
}
"""What a graph may name; `x` is (N, 6, 4), open in the batch alone."""


def graph(text, opset=20):
    """Return a model of nodes in the notation of ONNX, with the tensors that they name."""
    head = f'<ir_version: 9, opset_import: ["": {opset}]> g (float[N,6,4] x) => (float[] y)'
    model = parser.parse_model(f"{head} {{ {text} }}")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    named = {name for node in model.graph.node for name in node.input} & TENSORS.keys()
    kept = [numpy_helper.from_array(TENSORS[name], name) for name in sorted(named)]
    model.graph.initializer.extend(kept)
    return model


ATTENTION = """
    p = MatMul(x, U) {split}
    Q = Reshape(q, heads) K = Reshape(k, heads) V = Reshape(v, heads)
    qt = Transpose<perm=[0, 2, 1, 3]>(Q) kt = Transpose<perm=[0, 2, 3, 1]>(K)
    vt = Transpose<perm=[0, 2, 1, 3]>(V)
    s = MatMul(qt, kt) z = {scaled} w = Softmax(z)
    a = MatMul(w, vt) t = Transpose<perm=[0, 2, 1, 3]>(a) y = Reshape(t, whole)
"""
NORMAL = "m = ReduceMean(x, last) c = Sub(x, m) {square} v = ReduceMean(s, last) a = Add(v, e)"
RIGHT = {
    "rows of all steps through a layer": "r = Reshape(x, rows) h = MatMul(r, W) t = Relu(h) "
    "y = Reshape(t, back)",
    "an axis that comes and goes": "h = Unsqueeze(x, second) t = Relu(h) y = Squeeze(t, second)",
    "attention of parts": ATTENTION.format(
        split="q, k, v = Split<axis=2>(p, thirds)", scaled="Mul(s, root)"
    ),
    "a root of the mean square": "s = Pow(x, two) m = ReduceMean(s, last) a = Add(m, e) "
    "r = Sqrt(a) q = Reciprocal(r) n = Mul(x, q) y = Mul(g, n)",
    "a normalization written out": NORMAL.format(square="s = Pow(c, two)")
    + " r = Sqrt(a) n = Div(c, r) h = Mul(n, g) y = Add(b, h)",
    "groups of channels": "t = Transpose<perm=[0, 2, 1]>(x) r = Reshape(t, groups) "
    "n = InstanceNormalization(r, ones, zeros) i = Reshape(n, image) m = Mul(i, column) "
    "h = Add(m, column) y = Transpose<perm=[0, 2, 1]>(h)",
    "instances": "t = Transpose<perm=[0, 2, 1]>(x) n = InstanceNormalization(t, g, b) "
    "y = Transpose<perm=[0, 2, 1]>(n)",
    "a GELU with its half first": "h = Mul(x, half) z = Mul(x, root) f = Erf(z) o = Add(f, one) "
    "y = Mul(h, o)",
    "a slope above 1": "s = Mul(x, slope) y = Min(s, x)",
    "a table of positions": "y = Add(table, x)",
    "two biases": "h = MatMul(x, W) i = Add(h, b) y = Add(i, table)",
}


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_computed_as_it_is_there(name, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(graph(RIGHT[name]), path)
    x = floats(3, 6, 4, seed=9)
    model = import_onnx(path)
    assert len(model) <= 2
    assert_allclose(model.predict(x), run_onnx(path, x), rtol=1e-4, atol=1e-6)


def test_axes_that_are_an_option_are_read_too(tmp_path):
    text = NORMAL.format(square="s = Mul(c, c)").replace("(x, last)", "<axes=[-1]>(x)")
    text = text.replace("(s, last)", "<axes=[-1]>(s)") + " r = Sqrt(a) y = Div(c, r)"
    onnx.save(graph(text, opset=17), tmp_path / "model.onnx")
    x = floats(3, 6, 4, seed=9)
    (norm,) = import_onnx(tmp_path / "model.onnx").components
    assert isinstance(norm, LayerNorm)
    y = run_onnx(tmp_path / "model.onnx", x)
    assert_allclose(norm.apply(x)[0], y, rtol=1e-4, atol=1e-6)


def test_a_node_without_an_output_is_no_surprise(tmp_path):
    model = graph("h = ReduceMean<axes=[1]>(x) y = Relu(x)", opset=17)
    del model.graph.node[0].output[:]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match="against the standard"):
        import_onnx(tmp_path / "model.onnx")


REFUSED = {
    "a shape that cuts steps": ("r = Reshape(x, image) y = Relu(r)", "shape|arrangement"),
    "a shape from somewhere": (
        's = Shape<start="x">(x) r = Reshape(x, s) y = Relu(r)',
        "no component|which no node makes",
    ),
    "rows that stay rows": ("y = Reshape(x, rows)", "arrangement"),
    "rows through a softmax": ("r = Reshape(x, rows) y = Softmax(r)", "arrangement"),
    "a part of the steps": ("y = Slice(x, first, third, second)", "another axis"),
    "a part of the features": ("h = MatMul(x, U) y = Slice(h, first, four, third)", "arrangement"),
    "every other feature": ("y = Slice(x, first, four, third, third)", "step 2"),
    "sequences in reverse": ("y = Slice(x, minus, end, second, minus)", "in another order"),
    "features in reverse": ("y = Slice(x, minus, end, third, minus)", "no sequence"),
    "reversed and activated": (
        "r = Slice(x, minus, end, second, minus) y = Relu(r)",
        "arrangement",
    ),
    "an axis that is none": ("h = Squeeze(x, second) y = Relu(h)", "more than one entry"),
    "axes told twice": ("h = Unsqueeze(x, heads) y = Relu(h)", "told twice"),
    "axes that are not told": ("s = Shape(x) h = Squeeze(x, x) y = Relu(h)", "not told"),
    "parts of other sizes": ("q, k = Split<axis=2>(x, thirds) y = Relu(q)", "parts of"),
    "a part of one row": ("h = Gather<axis=1>(x, at) y = Relu(h)", "Gather"),
    "attention of another scale": (
        ATTENTION.format(split="q, k, v = Split<axis=2>(p, thirds)", scaled="Mul(s, half)"),
        "scores times 0.5",
    ),
    "attention along the queries": (
        ATTENTION.format(split="q, k, v = Split<axis=2>(p, thirds)", scaled="Mul(s, root)").replace(
            "Softmax(z)", "Softmax<axis=2>(z)"
        ),
        "another axis than the keys'",
    ),
    "scores without a softmax": (
        ATTENTION.format(split="q, k, v = Split<axis=2>(p, thirds)", scaled="Mul(s, root)").replace(
            "w = Softmax(z)", "w = Mul(z, one)"
        ),
        "MatMul",
    ),
    "attention without its maps": (
        "h = Reshape(x, heads) q = Transpose<perm=[0, 2, 1, 3]>(h) m = Mul(q, root) "
        "k = Transpose<perm=[0, 2, 3, 1]>(h) s = MatMul(m, k) w = Softmax(s) a = MatMul(w, q) "
        "t = Transpose<perm=[0, 2, 1, 3]>(a) y = Reshape(t, whole)",
        "no affine map makes",
    ),
    "a product of two values": ("h = MatMul(x, W) y = MatMul(h, x)", "arrangement"),
    "a mean over the steps and a variance over the features": (
        NORMAL.format(square="s = Mul(c, c)").replace("(x, last)", "(x, second)")
        + " r = Sqrt(a) y = Div(c, r)",
        "over different axes",
    ),
    "a normalization of the steps": (
        NORMAL.format(square="s = Mul(c, c)").replace("last", "second")
        + " r = Sqrt(a) y = Div(c, r)",
        "over other axes than the last",
    ),
    "a scale of nothing": ("h = Relu(x) y = Mul(h, g)", "no component"),
    "a number that is multiplied": ("h = Mul(x, two) y = Relu(h)", "multiplied by 2"),
    "a sum with a number": ("y = Add(x, half)", "no component"),
    "a table of other positions": ("h = MatMul(x, W) y = Add(h, odd)", "no component|beside"),
    "a scale along the steps": (
        "n = LayerNormalization<axis=-1>(x, g) y = Mul(n, table)",
        "beside|along|no component",
    ),
    "a slope that is the wrong one": ("s = Mul(x, slope) y = Max(s, x)", "no component"),
    "a maximum of two": ("h = Relu(x) y = Max(h, x)", "no component"),
    "a quotient": ("h = Relu(x) y = Div(h, x)", "no component"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name, tmp_path):
    text, words = REFUSED[name]
    onnx.save(graph(text), tmp_path / "model.onnx")
    with pytest.raises(CheckpointError, match=words):
        import_onnx(tmp_path / "model.onnx")
