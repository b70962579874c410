"""The command export: what it writes computes what the run predicts."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import handgrad.cli
import handgrad.experiments.report as report
from exchange import assert_agrees, run_onnx
from handgrad.datasets import from_rows
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.experiments import train

N = 120


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a run that tells classes, one that tells a number, and their features."""
    folder, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    x = rng.standard_normal((N, 2)) * [30, 0.1] + [500, 7]
    kinds = np.array(["leaf", "Blüte"])[(x[:, 0] > 500).astype(int)]
    price = 7 * x[:, 0] + 900 * x[:, 1]
    x[0, 1] = np.nan  # a cell that is missing counts as the mean
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "find_spec", lambda name: None)
        for name, target in (("kind", kinds), ("price", price)):
            lines = [
                f"size,width,{name}",
                *(f"{a},{b},{t}" for (a, b), t in zip(x, target, strict=True)),
            ]
            (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
            options = {"hidden": [5], "epochs": 3, "progress": False}
            found.append(train(str(folder / f"{name}.csv"), folder / name, **options))
    return *found, x


def encoded(run, rows):
    """Return the features of raw rows, before they are standardized."""
    return from_rows(rows, run.columns).x


def typed(*arguments):
    said = CliRunner().invoke(handgrad.cli.app, ["export", *map(str, arguments)])
    if said.exception is not None and not isinstance(said.exception, SystemExit):
        raise said.exception
    return said.output


def test_a_folder_where_a_file_belongs_is_said(runs):
    run, _, _ = runs
    with pytest.raises(CheckpointError, match="Is a directory"):
        typed(run.folder, "--onnx", ".")


def test_the_classes_probabilities_of_rows_as_they_were(runs, tmp_path):
    run, _, x = runs
    path = tmp_path / "model.onnx"
    assert "parameters" in typed(run.folder, "--onnx", path, "--prepare", "--proba")
    assert_agrees(run_onnx(path, encoded(run, x)), run.predict_proba(x), "float32")
    told = {each.key: json.loads(each.value) for each in onnx.load(path).metadata_props}
    assert told == {
        "feature_names": ["size", "width", "width missing"],
        "target_name": "kind",
        "class_names": list(run.class_names),
    }


def test_a_number_as_it_was_measured(runs, tmp_path):
    _, run, x = runs
    typed(run.folder, "--onnx", tmp_path / "model.onnx", "--prepare")
    found = run_onnx(tmp_path / "model.onnx", encoded(run, x))
    assert found.dtype == np.float64  # of the numbers; the network computes in float32
    np.testing.assert_allclose(found[:, 0], run.predict(x), rtol=1e-6)


def test_the_network_alone_takes_and_gives_what_the_model_does(runs, tmp_path):
    _, run, x = runs
    typed(run.folder, "--onnx", tmp_path / "model.onnx")
    z = run.prepare(x)
    assert_agrees(run_onnx(tmp_path / "model.onnx", z), run.trainer.predict(z), "float32")


ALONE = """
import sys, warnings
warnings.simplefilter("error")
for name in ("handgrad", "safetensors", "rich", "typer"):
    sys.modules[name] = None  # which cannot be imported then
sys.path.insert(0, sys.argv[1])
import numpy as np
import predict
rows = np.load(sys.argv[2])
scores = predict.probabilities if hasattr(predict, "CLASSES") else predict.scores
np.savez(sys.argv[3], predicted=predict.predict(rows), scores=scores(rows))
try:
    predict.predict(rows[:, 1:])
except ValueError as error:
    print(predict.FEATURES, error)
"""


@pytest.mark.parametrize("which", [0, 1], ids=["classes", "numbers"])
def test_numpy_alone_predicts_the_same(runs, which, tmp_path):
    run, x = runs[which], runs[-1]
    assert "predict.py" in typed(run.folder, "--numpy", tmp_path / "alone")
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == [
        "network.npz",
        "predict.py",
    ]
    np.save(tmp_path / "x.npy", encoded(run, x))
    places = (tmp_path / "alone", tmp_path / "x.npy", tmp_path / "y.npz")
    command = [sys.executable, "-I", "-c", ALONE, *map(str, places)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "('size', 'width', 'width missing')" in said
    assert "got an input of shape (120, 2), expected (None, 3)" in said
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_array_equal(found["predicted"], run.predict(x))
        expected = run.predict_proba(x) if which == 0 else run.predict(x)[:, None]
        np.testing.assert_array_equal(found["scores"], expected)
    text = (tmp_path / "alone" / "predict.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    assert "x = x\n" not in text


def test_images_come_along_as_they_were_and_in_another_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((40, 6, 4, 3)), np.arange(40) % 2
    np.savez(tmp_path / "data.npz", x=images, y=labels)
    options = {"model": "cnn", "hidden": [5], "epochs": 1, "activation": "gelu"}
    options |= {"dtype": "float64", "progress": False}
    run = train(str(tmp_path / "data.npz"), tmp_path / "run", **options)
    rows = images.reshape(40, -1)
    typed(run.folder, "--numpy", tmp_path / "alone")
    page = runpy.run_path(str(tmp_path / "alone" / "predict.py"))
    np.testing.assert_array_equal(page["predict"](rows), run.predict(images))
    typed(
        run.folder, "--onnx", tmp_path / "model.onnx", "--prepare", "--proba", "--dtype", "float32"
    )
    found = run_onnx(tmp_path / "model.onnx", rows)
    np.testing.assert_allclose(found, run.predict_proba(images), rtol=1e-5)


def test_what_makes_no_sense_is_refused(runs, tmp_path):
    classes, numbers, _ = runs
    with pytest.raises(ArgumentError, match="export to nowhere"):
        typed(classes.folder)
    with pytest.raises(ArgumentError, match="probabilities of a run whose target, price"):
        typed(numbers.folder, "--onnx", tmp_path / "model.onnx", "--proba")
    with pytest.raises(ArgumentError, match="--proba without a file of ONNX"):
        typed(classes.folder, "--numpy", tmp_path / "alone", "--proba")
    assert not list(tmp_path.iterdir())


def test_the_page_of_the_documentation_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    train("digits", "runs/digits", hidden=[], epochs=1, progress=False)
    page = (Path(handgrad.__file__).parents[2] / "docs" / "production.md").read_text("utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", page, re.M | re.S):
        if language == "sh":
            for line in re.findall(r"^handgrad export (.*)", block, re.M):
                typed(*line.split())
        else:
            exec(block, {"__name__": "page"})
    sys.modules.pop("predict")
    assert capsys.readouterr().out.count("\n") == 2
    assert (tmp_path / "small.onnx").is_file()
