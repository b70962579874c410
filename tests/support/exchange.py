"""What leaves for ONNX, and whether it still computes what it did: for the tests and the table."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from handgrad.checking.cases import CASES
from handgrad.checking.evaluation import floats_as, parts
from handgrad.component import Component
from handgrad.interop.numpy.writing import Page
from handgrad.interop.onnx import export, import_onnx
from handgrad.modes import evaluating

onnxruntime.set_default_logger_severity(4)  # what it says of a missing kernel, it raises too

ROWS = [case for case in CASES if case.targets is None]
COMPONENTS = sorted({case.component for case in ROWS}, key=lambda cls: cls.__name__)
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}


class Erf(OpRun):
    """The error function, which the implementation of the standard has to seven digits."""

    def _run(self, x):
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


class NoKernelError(Exception):
    """The runtime does not compute an operator in this precision."""


def rows_of(component):
    return [case for case in ROWS if case.component is component]


def drawn(case, seed=0):
    """Return a component, an input, and what it makes of it in evaluation mode."""
    component, (x, *_) = case.draw(np.random.default_rng(seed))
    with evaluating():
        return component, x, component.apply(x)[0]


def loose_shape(component, x):
    """Return the input's shape with every axis left open that can be: all but the features."""
    shapes = [(*[None] * (part.ndim - 1), part.shape[-1]) for part in parts(x)]
    for i, part in enumerate(parts(x)):
        if part.dtype.kind in "iub" and (i or component.takes_integers):
            shapes[i] = (None,) * part.ndim
    return tuple(shapes) if isinstance(x, tuple) else shapes[0]


def run_onnx(path, x):
    """Return what onnxruntime computes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        return session.run(None, dict(zip(names, fed(x), strict=True)))[0]
    except Exception as error:
        if "Could not find an implementation" in str(error) or "support double" in str(error):
            raise NoKernelError from error
        raise


def run_reference(path, x):
    """Return what the implementation of the standard computes, which knows no lengths."""
    network = ReferenceEvaluator(str(path), new_ops=[Erf])
    return network.run(None, dict(zip(network.input_names, fed(x), strict=True)))[0]


def fed(x):
    """Return the arrays of an input as a file of ONNX takes them."""
    return [part.astype(np.int64) if part.dtype.kind in "iu" else part for part in parts(x)]


def assert_agrees(found, y, dtype):
    assert found.shape == y.shape
    assert found.dtype == dtype
    assert np.abs(found - y).max() <= TOLERANCES[dtype] * max(1, np.abs(y).max())


def onnx_out(cls, path):
    """Check every row of a component, and return the precisions that onnxruntime computes in."""
    computed = set()
    for case in rows_of(cls):
        component, x, y = drawn(case)
        for dtype in TOLERANCES:
            export(component, path, loose_shape(component, x), dtype=dtype)
            try:
                assert_agrees(run_onnx(path, floats_as(dtype, x)), y, dtype)
                computed.add(dtype)
            except NoKernelError:
                assert dtype == "float64"
                if not isinstance(x, tuple):
                    assert_agrees(run_reference(path, x), y, dtype)
    return computed


class Each(Component):
    """Components side by side, so that one file holds them all."""

    def __init__(self, components):
        self.components = tuple(components)

    def apply(self, x):
        which, given = x
        y, saved = self.components[which].apply(given)
        return y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        raise NotImplementedError


APART = """
import runpy, sys, warnings
from pathlib import Path
warnings.simplefilter("error")
for name in ("handgrad", "safetensors", "rich", "typer", "onnx", "torch"):
    sys.modules[name] = None  # which cannot be imported then
import numpy as np
for folder in map(Path, sys.argv[1:]):
    network = runpy.run_path(str(folder / "predict.py"))["NETWORK"]
    with np.load(folder / "x.npz") as inputs:
        keys = [key.split(":") for key in inputs]
        rows = sorted({(int(row), several) for row, several, _ in keys})
        found = {}
        for row, several in rows:
            parts = tuple(inputs[":".join(key)] for key in keys if key[0] == str(row))
            found[str(row)] = network.apply((row, parts if several == "tuple" else parts[0]))
    np.savez(folder / "y.npz", **found)
"""


def numpy_out(components, folder):
    """Check every row of each component in one process without handgrad; return how many."""
    expected = {}
    for cls in components:
        drawn_rows = [drawn(case) for case in rows_of(cls)]
        place = folder / cls.__name__
        write_page(Each(component for component, _, _ in drawn_rows), place)
        inputs = {}
        for i, (_, x, y) in enumerate(drawn_rows):
            several = "tuple" if isinstance(x, tuple) else "one"
            inputs |= {f"{i}:{several}:{n}": part for n, part in enumerate(parts(x))}
            expected[cls.__name__, str(i)] = y
        np.savez(place / "x.npz", **inputs)
    folders = [str(folder / cls.__name__) for cls in components]
    subprocess.run([sys.executable, "-I", "-c", APART, *folders], check=True)
    for (name, row), y in expected.items():
        with np.load(folder / name / "y.npz") as found:
            assert found[row].dtype == y.dtype, (name, row)
            np.testing.assert_allclose(found[row], y, rtol=1e-12, atol=1e-12)
    return len(expected)


def write_page(model, place):
    Page(model).write(place)


def onnx_in(cls, path):
    """Check that every row of a component comes back from ONNX; return how many."""
    came = 0
    for case in rows_of(cls):
        component, x, y = drawn(case)
        for dtype in TOLERANCES:
            export(component, path, loose_shape(component, x), dtype=dtype)
            model = import_onnx(path)
            with evaluating():
                assert_agrees(model.apply(floats_as(dtype, x))[0], y, dtype)
            came += 1
    return came


WITHOUT_FLOAT64 = {
    "AvgPool2d": "AveragePool",
    "Bidirectional": "LSTM, GRU and RNN",
    "Conv1d": "Conv",
    "Conv2d": "Conv",
    "GRU": "GRU",
    "LSTM": "LSTM",
    "RNN": "RNN",
}
"""What onnxruntime computes in float32 alone, and for want of which operator's kernel."""
PARTLY = {
    "GELU": "float32; float64 by tanh alone, for want of a kernel of Erf",
    "Model": "as its components",
}


def cells(name):
    """Return what the documentation says of a component: ONNX out, ONNX in and NumPy out."""
    out = PARTLY.get(name, "float32, float64")
    if name in WITHOUT_FLOAT64:
        out = f"float32; no kernel of {WITHOUT_FLOAT64[name]} for float64"
    return out, "yes", "yes"
