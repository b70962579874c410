"""Paths, places and shapes that are none, for whatever is written and read."""

import pytest

from handgrad import Linear, Model, MSELoss, ReLU, Residual
from handgrad.errors import ArgumentError, CheckpointError, ShapeError
from handgrad.interop import numpy, onnx
from handgrad.interop.torch import load_state_dict, save_state_dict, to_torch

MODEL = Model([Linear(2, 3), ReLU(), Linear(3, 1)])
READ = {"state_dict": lambda path: load_state_dict(MODEL, path), "onnx": onnx.import_onnx}
WRITE = {
    "state_dict": lambda path, model=MODEL: save_state_dict(model, path),
    "onnx": lambda path, model=MODEL: onnx.export(model, path, (None, 2)),
    "numpy": lambda path, model=MODEL: numpy.export(model, path, (None, 2)),
}


@pytest.mark.parametrize("path", [None, 5, b"name", "na\0me"])
@pytest.mark.parametrize("run", [*READ.values(), *WRITE.values()])
def test_what_is_no_path_is_told(run, path):
    with pytest.raises(ArgumentError, match=r"as a path\n"):
        run(path)


@pytest.mark.parametrize("name", WRITE)
def test_where_nothing_can_be_written_is_told(name, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "predict.py").mkdir()
    place = tmp_path if name == "numpy" else tmp_path / "predict.py"
    for path in (place, tmp_path / "file" / "name"):
        with pytest.raises(CheckpointError, match="a refusal to write"):
            WRITE[name](path)
    assert {each.name for each in tmp_path.iterdir()} == {"file", "predict.py"}


@pytest.mark.parametrize("model", [None, [MODEL], MSELoss()])
@pytest.mark.parametrize("run", [*WRITE.values(), lambda path, model: to_torch(model)])
def test_what_is_no_model_is_told(run, model, tmp_path):
    with pytest.raises(ArgumentError, match="as the model"):
        run(tmp_path / "name", model)


@pytest.mark.parametrize("name", ["onnx", "numpy"])
def test_what_is_nested_too_deep_is_told(name, tmp_path):
    nested = ReLU()
    for _ in range(500):
        nested = Residual(nested)
    with pytest.raises(ArgumentError, match="a model nested deeper than Python goes"):
        WRITE[name](tmp_path / "name", nested)


@pytest.mark.parametrize("shape", [5, "ab"])
def test_what_is_no_shape_is_told(shape, tmp_path):
    for run in (lambda: to_torch(MODEL, input_shape=shape), lambda: onnx.export(MODEL, "a", shape)):
        with pytest.raises(ShapeError, match=r"a tuple"):
            run()


@pytest.mark.parametrize("names", [["0"], "ab", 5, {0: "0"}, {"0": 0}, {"0": ["0"]}])
def test_names_that_are_no_names_are_told(names, tmp_path):
    save_state_dict(MODEL, tmp_path / "net")
    for run in (load_state_dict, save_state_dict):
        with pytest.raises(ArgumentError, match="names="):
            run(MODEL, tmp_path / "net", names=names)
