"""The history: every value, as a table and as a picture."""

import csv
import json
import sys

import numpy as np
import pytest

from handgrad.errors import ArgumentError
from handgrad.training import History


@pytest.fixture
def history():
    history = History()
    history.append({"loss": 0.1 + 0.2, "lr": 0.1, "gradient_norm": 2.0, "gradient_norm.0": 1.0})
    history.append(
        {
            "loss": 0.25,
            "validation_loss": 0.5,
            "confusion_matrix": np.array([[1, 2], [3, 4]]),
            "lr": 0.05,
            "gradient_norm": 1.0,
            "gradient_norm.0": 0.5,
        }
    )
    return history


def test_columns_have_an_entry_for_each_epoch(history):
    assert history.epochs == 2
    assert history["validation_loss"] == [None, 0.5]
    history.append({"loss": 0.2})
    assert {len(column) for column in history.values.values()} == {3}
    assert history.row() == {"loss": 0.2}
    assert set(history.row(0)) == {"loss", "lr", "gradient_norm", "gradient_norm.0"}
    assert "loss" in history
    assert "accuracy" not in history


def test_an_unknown_name_names_the_known_ones(history):
    with pytest.raises(ArgumentError, match="validation_loss"):
        history["acuracy"]
    with pytest.raises(ArgumentError, match="nothing has been trained"):
        History()["loss"]


def test_csv_has_every_digit(history, tmp_path):
    path = tmp_path / "new" / "history.csv"
    history.to_csv(path)
    history.to_csv(path)
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert rows[0]["validation_loss"] == ""
    assert json.loads(rows[1]["confusion_matrix"]) == [[1, 2], [3, 4]]
    assert [file.name for file in path.parent.iterdir()] == ["history.csv"]


def test_a_table_that_cannot_be_written_leaves_nothing_behind(history, tmp_path):
    (tmp_path / "history.csv").mkdir()
    with pytest.raises(OSError, match="history"):
        history.to_csv(tmp_path / "history.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


def test_state_comes_back(history):
    state = json.loads(json.dumps(history.state_dict()))
    other = History()
    other.load_state_dict(state)
    assert other.state_dict() == history.state_dict()
    assert isinstance(other["confusion_matrix"][1], np.ndarray)


def test_plot(history, tmp_path):
    path = tmp_path / "history.png"
    figure = history.plot(path)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "learning rate", "gradient norm"]
    loss, lr, norms = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert np.array_equal(loss.lines[0].get_ydata(), history["loss"])
    assert np.array_equal(loss.lines[1].get_ydata(), [np.nan, 0.5], equal_nan=True)
    assert lr.get_legend() is None
    assert [line.get_label() for line in norms.lines] == ["all", "component 0"]
    assert (norms.get_yscale(), len(norms.lines)) == ("log", 2)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_plot_of_a_gradient_that_is_zero():
    history = History()
    history.append({"gradient_norm": 0.0})
    assert history.plot().axes[0].get_yscale() == "linear"


def test_plot_of_a_learning_rate_that_never_changes():
    history = History()
    for norm in (1000.0, 20.0):
        history.append({"loss": 1.0, "lr": 0.1, "gradient_norm": norm})
    figure = history.plot()
    assert [axes.get_title() for axes in figure.axes] == ["loss", "gradient norm"]
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert {"30", "100", "300", "1000"} <= set(labels)


def test_plot_of_nothing():
    with pytest.raises(ArgumentError, match="at least one epoch"):
        History().plot()


def test_plot_without_matplotlib(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "handgrad.training.figure", raising=False)
    with pytest.raises(ArgumentError, match=r"handgrad\[plot\]"):
        history.plot()


def test_repr(history):
    assert repr(history) == "History(2 epochs: loss 0.25, lr 0.05, validation_loss 0.5)"
    history.interrupted = True
    assert "2 epochs, interrupted" in repr(history)
    assert repr(History()) == "History(no epochs)"
