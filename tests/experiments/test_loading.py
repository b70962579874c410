"""What was trained, written and read back in one call."""

import numpy as np
import pandas as pd
import pyarrow
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import handgrad
from handgrad import BatchNorm, Component, Dropout, Linear, Model, ReLU, Trainer
from handgrad.datasets import load_digits
from handgrad.errors import ArgumentError, CheckpointError, DataError, ShapeError
from handgrad.experiments import Run, evaluate, train


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"size": rng.standard_normal(160) * 30 + 500})
    made["city"] = np.array(["Bern", "Rome"])[rng.integers(0, 2, 160)]
    made["price"] = 7 * made["size"] + 900 * (made["city"] == "Rome")
    return made


def test_a_run_predicts_raw_rows(tmp_path):
    run = train("digits", tmp_path / "run", hidden=[], epochs=15, progress=False)
    loaded, digits = handgrad.load(tmp_path / "run"), load_digits()
    assert isinstance(loaded, Run)
    said = loaded.predict(digits.x)
    assert (said == digits.y.astype(str)).mean() > 0.93
    held_out = evaluate(run, "digits")[0].values["accuracy"]
    assert held_out > 0.9
    p = loaded.predict_proba(digits.x[:5])
    assert_allclose(p.sum(axis=1), 1)
    assert_array_equal(np.array(loaded.class_names)[p.argmax(axis=1)], said[:5])
    with pytest.warns(UserWarning, match=r"run of handgrad train.*handgrad.load\(folder\)"):
        Trainer.resume(tmp_path / "run")


def test_a_run_of_a_table_predicts_a_dataframe_in_the_targets_unit(table, tmp_path):
    table.to_csv(tmp_path / "homes.csv", index=False)
    train(
        *(str(tmp_path / "homes.csv"), tmp_path / "run"),
        **{"hidden": [], "lr": 0.1, "epochs": 60, "progress": False},
    )
    run = handgrad.load(tmp_path / "run")
    rows = table.drop(columns="price")[["city", "size"]]  # found by their names
    assert np.corrcoef(run.predict(rows), table["price"])[0, 1] > 0.99
    assert abs(run.predict(rows) - table["price"]).mean() < table["price"].std() / 4
    with pytest.raises(ArgumentError, match="price"):
        run.predict_proba(rows)


def test_a_bare_model_comes_back_in_evaluation_mode(tmp_path):
    rng = np.random.default_rng(0)
    model = Model([Linear(3, 8, rng=rng), BatchNorm(8), Dropout(ReLU(), 0.5, rng=rng)])
    x = rng.standard_normal((6, 3))
    model(x)  # which moves the running mean
    for path in (tmp_path / "folder", tmp_path / "network.safetensors"):
        handgrad.save(model, path)
        loaded = handgrad.load(path)
        assert not loaded.training
        assert_array_equal(loaded(x), model.predict(x))
        assert_array_equal(loaded.predict(x), model.predict(x))
    assert model.training


def test_a_trainers_checkpoint_gives_its_model(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    trainer = Trainer(Model([Linear(3, 1)]), "mse", "adam", metrics=["r2"])
    trainer.fit(x, x[:, :1], epochs=1, progress=False)
    trainer.save(tmp_path)
    assert_array_equal(handgrad.load(tmp_path).predict(x), trainer.predict(x))


class Double(Component):
    def apply(self, x):
        return 2 * x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * dy, {}


def test_what_cannot_be_saved_or_loaded(tmp_path):
    with pytest.raises(ArgumentError, match=r"Model\(\[component\]\)"):
        handgrad.save(ReLU(), tmp_path)
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        handgrad.load(tmp_path / "nowhere")
    handgrad.save(Model([Double()]), tmp_path / "own")
    with pytest.raises(CheckpointError, match="Double"):
        handgrad.load(tmp_path / "own")
    assert_array_equal(handgrad.load(tmp_path / "own", classes=[Double]).predict([[1.0]]), [[2.0]])


def test_no_number_is_made_of_rows_beyond_all_measure(table, tmp_path):
    table.to_csv(tmp_path / "homes.csv", index=False)
    path = str(tmp_path / "homes.csv")
    run = train(path, tmp_path / "run", hidden=[4], epochs=1, progress=False)
    for size in (1e300, 1e40):  # neither as float32, nor as a product of such
        with pytest.raises(DataError, match="row 1 "):
            run.predict([[500.0, "Rome"], [size, "Bern"]])
    with pytest.raises(ShapeError, match="at least one row"):
        run.predict(np.empty((0, 2)))


def test_what_somebody_else_calls_a_run_is_none(tmp_path):
    trainer = Trainer(Model([Linear(3, 2)]), "mse", "adam")
    for extra in ({"run": "third try"}, 5):
        trainer.extra = extra
        trainer.save(tmp_path / "saved")
        assert isinstance(handgrad.load(tmp_path / "saved"), Model)


def test_other_tables_are_known_by_their_names_and_gaps_by_their_masks(table, tmp_path):
    table.to_csv(tmp_path / "homes.csv", index=False)
    path = str(tmp_path / "homes.csv")
    run = train(path, tmp_path / "run", hidden=[4], epochs=1, progress=False)
    rows = table[["city", "size"]][:3]
    assert_array_equal(run.predict(pyarrow.Table.from_pandas(rows)), run.predict(rows))
    masked = np.ma.array([[500.0, "Rome"]], mask=[[True, False]], dtype=object)
    with pytest.warns(UserWarning, match=r"count as the mean.*size \(1\)"):
        found = run.predict(masked)
    assert_allclose(found, run.predict([[float(run.inputs.mean[0]), "Rome"]]))
    with pytest.warns(UserWarning, match="'rome' in city"):
        run.predict([[500.0, "rome"]])
