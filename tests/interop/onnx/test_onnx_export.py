"""Files of ONNX: onnxruntime computes what we do, for every row of the table."""

import json
import re

import numpy as np
import onnx
import pytest

import handgrad
from examples import character_model, digits_cnn, mnist5k_cnn, sequence_labels, tabular_residual
from exchange import (
    COMPONENTS,
    WITHOUT_FLOAT64,
    assert_agrees,
    loose_shape,
    onnx_out,
    run_onnx,
)
from handgrad import Conv2d, Dropout, Linear, MaxPool2d, Model, ReLU, Residual
from handgrad.checking.evaluation import floats_as
from handgrad.datasets import Standardizer
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.interop.onnx import export, exporting, import_onnx
from handgrad.interop.onnx.converters import CONVERTERS
from handgrad.modes import evaluating
from handgrad.walk import buffers, parameters
from helpers import OwnLinear, generator, random


def test_every_component_has_a_converter():
    assert set(CONVERTERS) == set(COMPONENTS)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda cls: cls.__name__)
def test_every_row_is_computed_as_here(component, tmp_path):
    computed = onnx_out(component, tmp_path / "model.onnx")
    expected = {"float32"} if component.__name__ in WITHOUT_FLOAT64 else {"float32", "float64"}
    assert computed == expected


def moved(model):
    """Return a model whose buffers and biases are not what they begin as."""
    rng = generator(5)
    for place in (*parameters(model), *buffers(model)):
        place.array[...] += 0.1 * rng.random(place.array.shape)
    return model


def network(name):
    """Return the network of an example, and an input."""
    rng = generator()
    if name in character_model.MODELS:
        model = character_model.MODELS[name](rng)
        return model, rng.integers(0, len(character_model.SYMBOLS), (2, 11))
    if name == "digits":
        return digits_cnn.build(rng), random(3, 8, 8, 1)
    if name == "mnist5k":
        return mnist5k_cnn.build(rng), random(3, 28, 28, 1)
    if name == "sequence_labels":
        return sequence_labels.build(True, rng), sequence_labels.make_rows(5, rng)[:2]
    return tabular_residual.build_residual(8, rng), random(5, 8)


@pytest.mark.parametrize(
    "name", [*character_model.MODELS, "digits", "mnist5k", "sequence_labels", "tabular_residual"]
)
def test_the_examples_networks_are_computed_as_here_and_come_in_again(name, tmp_path):
    model, x = network(name)
    model, x = moved(model), floats_as("float32", x)
    shape = (None, *x.shape[1:]) if name in ("digits", "mnist5k") else loose_shape(model, x)
    export(model, tmp_path / "model.onnx", shape)
    with evaluating():
        y, _ = model.apply(x)
    assert_agrees(run_onnx(tmp_path / "model.onnx", x), y, "float32")
    with evaluating():
        again, _ = import_onnx(tmp_path / "model.onnx").apply(x)
    assert_agrees(again, y, "float32")


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def test_transpositions_that_undo_each_other_are_left_out(tmp_path):
    block = Residual(Model([Conv2d(3, 3, 3, padding=1), ReLU(), Conv2d(3, 3, 3, padding=1)]))
    model = Model([Conv2d(2, 3, 3), ReLU(), Dropout(block, 0.5), MaxPool2d(2)])
    export(model, tmp_path / "model.onnx", (None, 8, 8, 2), dtype="float32")
    assert operators(tmp_path / "model.onnx") == [
        *("Transpose", "Conv", "Relu", "Conv", "Relu", "Conv", "Add", "MaxPool", "Transpose")
    ]
    x = random(2, 8, 8, 2).astype("float32")
    found = run_onnx(tmp_path / "model.onnx", x)
    assert_agrees(found, model.predict(x.astype(float)), "float32")


def test_the_batch_is_left_open_and_the_nodes_are_named_by_their_places(tmp_path):
    model = Model([Linear(4, 3), Residual(Model([Linear(3, 3), ReLU()]))])
    export(model, tmp_path / "model.onnx", (None, 4))
    written = onnx.load(tmp_path / "model.onnx")
    assert written.producer_name == "handgrad"
    assert written.producer_version == handgrad.__version__
    sizes = written.graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["batch", 4]
    assert any(node.name.startswith("1.inner.0/") for node in written.graph.node)
    for N in (1, 2, 7):
        x = random(N, 4)
        assert_agrees(run_onnx(tmp_path / "model.onnx", x), model.predict(x), "float64")


def test_softmax_preparation_and_words_travel_along(tmp_path):
    rows = random(50, 12) * 1000 + 5e4
    inputs = Standardizer(missing=True).fit(rows)
    rows[0, 1] = np.nan
    model = Model([Conv2d(1, 3, 2), ReLU(), handgrad.Flatten(), Linear(18, 3)])
    softmax = Model([*model.components, handgrad.Softmax()])
    path = tmp_path / "model.onnx"
    said = {"class_names": ["a", "ä"]}
    wanted = {"softmax": True, "prepare": inputs, "dtype": "float32", "metadata": said}
    export(model, path, (None, 4, 3, 1), **wanted)
    expected = softmax.predict(inputs.transform(rows).reshape(-1, 4, 3, 1))
    assert_agrees(run_onnx(path, rows), expected, "float32")
    told = {prop.key: json.loads(prop.value) for prop in onnx.load(path).metadata_props}
    assert told == said


def test_numbers_come_out_as_they_were_measured(tmp_path):
    outputs = Standardizer().fit(random(20, 1) * 300 + 1000)
    model = Model([Linear(4, 1)])
    export(model, tmp_path / "model.onnx", (None, 4), restore=outputs)
    x = random(5, 4)
    expected = outputs.restore(model.predict(x))
    assert_agrees(run_onnx(tmp_path / "model.onnx", x), expected, "float64")


class Twice(ReLU):
    def apply(self, x):
        return 2 * x, None


@pytest.mark.parametrize(
    ("model", "shape", "error", "words"),
    [
        (Model([Linear(4, 3), Twice()]), (None, 4), ArgumentError, "Twice() at 1, for ONNX"),
        (Model([OwnLinear(4, 3, generator())]), (None, 4), ArgumentError, "at 0, for ONNX"),
        (Linear(4, 3), (..., 4), ShapeError, "a size for each axis"),
        (Linear(4, 3), (), ShapeError, "a size for each axis"),
        (Linear(4, 3), None, ShapeError, "a tuple with a size"),
        (Linear(4, 3), 4, ShapeError, "a tuple with a size"),
        (Linear(4, 3), (None, -1), ShapeError, "a size for each axis"),
        (Linear(4, 3), (None, 5), ShapeError, "4 features"),
        (Linear(4, 3, dtype="float16"), (None, 4), DtypeError, "float16"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is(model, shape, error, words, tmp_path):
    with pytest.raises(error, match=re.escape(words)):
        export(model, tmp_path / "model.onnx", shape)
    assert not list(tmp_path.iterdir())


def test_a_precision_that_is_none_is_refused(tmp_path):
    for dtype in ("halves", "int64", "float16"):
        with pytest.raises(DtypeError, match=f"dtype={dtype} for ONNX"):
            export(Linear(4, 3), tmp_path / "model.onnx", (None, 4), dtype=dtype)


def test_a_standardizer_that_does_not_fit_is_refused(tmp_path):
    for standardizer in (Standardizer(), Standardizer().fit(random(9, 3))):
        with pytest.raises(ShapeError, match="standardizer of"):
            export(Linear(4, 3), tmp_path / "model.onnx", (None, 4), prepare=standardizer)


def test_a_network_beyond_what_a_file_can_have_is_refused():
    huge = np.broadcast_to(np.zeros(1), (2**14, 2**14 + 1))
    with pytest.raises(ArgumentError, match="bytes for one file"):
        exporting._check_size({"weights": huge})


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ArgumentError, match=r"pip install 'handgrad\[onnx\]'"):
        export(Linear(4, 3), tmp_path / "model.onnx", (None, 4))
