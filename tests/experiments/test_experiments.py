"""The commands train, evaluate and predict, and the functions behind them."""

import csv
import importlib.util
import io
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from typer.testing import CliRunner

import handgrad.cli
import handgrad.experiments.fitting as fitting
import handgrad.experiments.report as report
from handgrad import Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.datasets import load_digits, read
from handgrad.errors import ArgumentError, CheckpointError, DataError, TrainingError
from handgrad.experiments import (
    Settings,
    evaluate,
    free_folder,
    hidden_layers,
    open_run,
    predict,
    train,
    write_predictions,
)
from handgrad.experiments.data import fingerprint, split
from handgrad.experiments.network import build_model
from handgrad.optimizers import SGD
from handgrad.optimizers.schedules import Cosine, ReduceOnPlateau, Step
from handgrad.training import Trainer
from handgrad.training.names import OptimizerName

COLUMN = {"name": "a", "values": [], "missing": False}
SMALL = {"hidden": [16], "epochs": 4, "progress": False}
FAST = {"hidden": [16], "epochs": 15, "dropout": 0.0, "lr": 0.05, "progress": False}


@pytest.fixture(autouse=True, scope="module")
def no_picture():
    """Leave out what takes most of the time, except where a test looks at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "find_spec", lambda name: None)
        yield patch


def table(path, N=210, seed=0, order=("length", "width", "kind"), classes="abc"):
    """Write a table whose three classes are where `length` and `width` say."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, 2)) * [3, 0.01] + [50, 1]
    kind = np.digitize((x[:, 0] - 50) / 3 + (x[:, 1] - 1) / 0.01, [-1, 1])
    columns = {"length": x[:, 0], "width": x[:, 1], "kind": [classes[k] for k in kind]}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(order)
        writer.writerows(zip(*(columns[name] for name in order), strict=True))
    return str(path)


def prices(path, N=150):
    """Write a table whose target is a number far from 0."""
    x = np.random.default_rng(0).standard_normal((N, 3))
    y = 1e4 + 500 * x[:, 0] - 200 * x[:, 1]
    np.savetxt(path, np.c_[x, y], delimiter=";")
    return str(path)


def typed(*arguments):
    return CliRunner().invoke(handgrad.cli.app, [str(argument) for argument in arguments])


def parameters(run):
    return run.trainer.model.parameters


# train


@pytest.mark.parametrize("seed", [0, 1])
def test_the_digits_are_learned_with_the_defaults(tmp_path, seed):
    run = train("digits", tmp_path / "run", seed=seed, progress=False)
    assert run.trainer.history["validation_accuracy"][-1] >= 0.97
    assert parameters(run).dtype == np.float32


def test_a_run_holds_model_history_picture_and_command(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "find_spec", importlib.util.find_spec)
    arguments = ["train", "digits", "--out", str(tmp_path / "my run"), "--hidden", "8,4"]
    arguments += ["--epochs", "3", "--validation", "0.25", "--lr", "0.01", "--dtype", "float64"]
    arguments += ["--activation", "sigmoid", "--dropout", "0", "--optimizer", "sgd"]
    arguments += ["--batch-size", "50", "--seed", "7", "--loss", "cross-entropy"]
    monkeypatch.setattr(sys, "argv", ["/somewhere/handgrad", *arguments])
    result = typed(*arguments)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "my run"
    assert (folder / "command.txt").read_text() == shlex.join(["handgrad", *arguments]) + "\n"
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    run = open_run(folder)
    kinds = [type(component) for component in run.trainer.model.components]
    assert kinds == [Linear, Sigmoid, Linear, Sigmoid, Linear]
    assert parameters(run).size == 64 * 8 + 8 + 8 * 4 + 4 + 4 * 10 + 10
    assert parameters(run).dtype == np.float64
    assert (run.trainer.optimizer.lr, run.trainer.optimizer.momentum) == (0.01, 0.9)
    assert f"accuracy {float(rows[-1]['validation_accuracy']):.2%} on the held-out" in result.output
    assert "1,348 to train on, 449 held out" in result.output
    assert "Linear(64, 8)" in result.output
    assert "epoch 3/3" in result.output


def test_without_a_name_each_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert typed("train", "digits", "--hidden", "", "--epochs", 1).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["digits", "digits-2"]
    assert free_folder("digits").name == "digits-3"
    assert free_folder("/data/train-images.idx3-ubyte.gz").as_posix() == "runs/train-images"
    assert free_folder(".hidden").as_posix() == "runs/run"


def test_what_is_in_the_folder_is_never_written_over(tmp_path):
    (tmp_path / "note").write_text("mine")
    for folder in (tmp_path, tmp_path / "note"):
        with pytest.raises(ArgumentError, match="something is already"):
            train("digits", folder, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    assert (tmp_path / "note").read_text() == "mine"


def test_wrong_data_leaves_no_folder_behind(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        train(str(tmp_path / "missing.csv"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_names_are_classes_and_numbers_are_numbers(tmp_path):
    run = train(table(tmp_path / "a.csv"), tmp_path / "a", **FAST)
    assert (run.class_names, run.target_name) == (("a", "b", "c"), "kind")
    assert run.feature_names == ("length", "width")
    assert run.trainer.history["validation_accuracy"][-1] > 0.9
    run = train(prices(tmp_path / "b.csv"), tmp_path / "b", **FAST)
    assert (run.class_names, run.target_name) == ((), "3")
    assert run.trainer.history["validation_r2"][-1] > 0.95
    assert isinstance(run.trainer.loss, MSELoss)


def test_the_loss_can_be_chosen_against_the_looks_of_the_target(tmp_path):
    run = train("digits", tmp_path / "a", loss="mse", **FAST)
    assert run.class_names == ()
    assert run.trainer.history["validation_r2"][-1] > 0.7
    ids = tmp_path / "ids.csv"
    ids.write_text("".join(f"{i % 7},{i}\n" for i in range(60)) * 2)
    assert train(str(ids), tmp_path / "b", **SMALL).class_names == ()
    run = train(str(ids), tmp_path / "c", loss="cross-entropy", **SMALL)
    assert len(run.class_names) == 60


def test_a_run_of_an_older_version_knows_its_data_again():
    digits = load_digits()
    assert fingerprint(digits).startswith("f6d9e39f")
    for changed in ({"x": digits.x + (digits.x == 16)}, {"y": digits.y[::-1]}):
        assert fingerprint(replace(digits, **changed)) != fingerprint(digits)


def test_nothing_may_be_held_out(tmp_path):
    run = train("digits", tmp_path / "run", validation=0.0, **SMALL)
    assert "validation_loss" not in run.trainer.history
    assert "on the training data" in run.summary()[0]
    assert [part.rows for part in evaluate(run, "digits")] == [1797]


def test_a_missing_matplotlib_is_told(tmp_path):
    lines = []
    train("digits", tmp_path / "run", say=lines.append, **SMALL)
    assert "matplotlib is missing" in lines[-1]
    assert not (tmp_path / "run" / "history.png").exists()


def test_a_seed_fixes_a_run_bit_for_bit(tmp_path):
    one, two, other = (
        train("digits", tmp_path / name, seed=seed, **SMALL)
        for name, seed in (("one", 3), ("two", 3), ("other", 4))
    )
    np.testing.assert_array_equal(parameters(one), parameters(two))
    assert not np.array_equal(parameters(one), parameters(other))


def test_a_networks_outputs_are_of_one_size_however_deep_it_is():
    rng = np.random.default_rng(0)
    settings = Settings(data="digits", hidden=[200] * 10, dropout=0.0, dtype="float64")
    model = build_model((64,), 10, settings, rng)
    scores = model.forward(rng.standard_normal((500, 64)))
    assert 0.5 < scores.std() < 2
    assert not any(isinstance(component, Dropout) for component in model.components)


@pytest.mark.parametrize(
    ("rows", "size"), [(64, 64), (65, 16), (1438, 16), (5000, 64), (60_000, 128)]
)
def test_an_epoch_has_about_a_hundred_steps_or_one(rows, size):
    assert Settings(data="digits").batch_rows(rows) == size
    assert Settings(data="digits", batch_size=5).batch_rows(rows) == 5


def test_dropout_is_for_convolutions_unless_it_is_asked_for():
    def made(shape, **more):
        settings = Settings(data="digits", hidden=[5], **more)
        return build_model(shape, 4, settings, np.random.default_rng(0)).components[-2]

    assert made((4, 4, 1)).p == 0.5
    assert isinstance(made((3,)), ReLU)
    assert made((3,), dropout=0.1).p == 0.1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("constant", None), ("cosine", Cosine), ("plateau", ReduceOnPlateau), ("step", Step)],
)
def test_settings_make_the_optimizer_and_the_schedule(name, expected):
    settings = Settings(data="digits", schedule=name, weight_decay=0.5, max_norm=2.0)
    optimizer = settings.make_optimizer()
    assert (optimizer.weight_decay, optimizer.max_norm) == (0.5, 2.0)
    schedule = settings.make_schedule()
    assert schedule is None if expected is None else isinstance(schedule, expected)


def test_early_stopping_is_for_a_training_with_held_out_data():
    settings = Settings(data="digits", patience=3)
    assert [stop.patience for stop in settings.make_callbacks(held_out=True)] == [3]
    assert not settings.make_callbacks(held_out=False)
    assert not Settings(data="digits", early_stopping=False).make_callbacks(held_out=True)


# images


CNN = {"model": "cnn", "hidden": [], "epochs": 2, "progress": False}


def test_a_convolutional_run_is_saved_resumed_evaluated_and_asked(tmp_path):
    whole = train("digits", tmp_path / "whole", **CNN | {"epochs": 3})
    train("digits", tmp_path / "run", **CNN)
    run = train("digits", tmp_path / "run", resume=True, epochs=3, progress=False)
    np.testing.assert_array_equal(parameters(run), parameters(whole))
    kinds = [type(component).__name__ for component in run.trainer.model.components]
    assert kinds[:7] == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]
    run = open_run(tmp_path / "run")
    held_out, _ = evaluate(run, "digits")
    assert held_out.values["accuracy"] == run.trainer.history["validation_accuracy"][-1] > 0.9
    rows = list(predict(run, "digits")[1])
    assert np.mean([row[0] == str(y) for row, y in zip(rows, load_digits().y, strict=True)]) > 0.9


@pytest.mark.parametrize("shape", [(12, 10), (5, 4, 3), (20, 9)])
def test_images_in_a_file_are_convolved_in_their_own_shape(tmp_path, shape):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    x = rng.standard_normal((120, *shape))
    x[y == 1, 1:3, 1:3] += 3
    np.savez(tmp_path / "images.npz", x=x, y=y)
    data = str(tmp_path / "images.npz")
    typed(
        "train",
        data,
        "--model",
        "cnn",
        "--hidden",
        "",
        "--lr",
        0.01,
        "--out",
        tmp_path / "run",
        "--epochs",
        5,
    )
    run = open_run(tmp_path / "run")
    assert run.shape == (*shape, 1)[:3]
    pools = [type(part).__name__ for part in run.trainer.model.components].count("MaxPool2d")
    assert pools == (2 if shape == (20, 9) else 1)
    assert evaluate(run, data)[0].values["accuracy"] > 0.8
    assert len(list(predict(run, data)[1])) == 120
    np.savez(data, x=np.moveaxis(x, 1, -1), y=y)
    for look in (evaluate, predict):
        with pytest.raises(DataError, match=r"(?s)images of shape .* height, width and channels"):
            look(run, data)


def test_a_table_is_not_convolved(tmp_path):
    with pytest.raises(DataError, match="not images"):
        train(table(tmp_path / "a.csv"), tmp_path / "run", **CNN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_optimizer_has_a_learning_rate_that_learns(tmp_path, name):
    run = train("digits", tmp_path / "run", optimizer=name, **SMALL | {"epochs": 8, "dropout": 0})
    assert run.trainer.history["validation_accuracy"][-1] > 0.8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "tanhh"}, "activation='tanhh'.*relu, silu, sigmoid"),
        ({"model": "rnn"}, "model='rnn'.*mlp, cnn"),
        ({"optimizer": "adamax"}, "optimizer='adamax'.*sgd, adam"),
        ({"loss": "hinge"}, "loss='hinge'.*auto, cross-entropy, mse"),
        ({"dtype": "int8"}, "dtype='int8'"),
        ({"dropout": 1.0}, r"dropout=1.0.*< 1"),
        ({"validation": -0.1}, r"validation=-0.1"),
        ({"seed": -1}, "seed=-1"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"hidden": [8, 0]}, "hidden=0"),
        ({"target": "colour"}, "'colour' of the digits"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, words):
    with pytest.raises((ArgumentError, DataError), match=f"(?s){words}"):
        train("digits", tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_hidden_layers_are_numbers_with_commas():
    assert hidden_layers("128, 64") == (128, 64)
    with pytest.raises(ArgumentError, match="'128;64'"):
        hidden_layers("128;64")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("1,x\n2,x\n", {}, "one class, 'x'"),
        ("1,2.5\n", {}, "one row"),
        ("1,x\n2,y\n", {}, "a class of its own for each row"),
        ("1,x\n2,y\n", {"loss": "mse"}, "--task classes"),
    ],
)
def test_data_that_cannot_be_trained_on_are_named(tmp_path, content, options, words):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises((ArgumentError, DataError), match=words):
        train(str(path), tmp_path / "run", **options)


# Going on


def test_a_run_goes_on_bit_for_bit(tmp_path):
    whole = train("digits", tmp_path / "whole", **SMALL | {"epochs": 6})
    train("digits", tmp_path / "parts", **SMALL | {"epochs": 2})
    parts = train("digits", tmp_path / "parts", resume=True, epochs=6, progress=False)
    np.testing.assert_array_equal(parameters(parts), parameters(whole))
    np.testing.assert_array_equal(parameters(open_run(tmp_path / "parts")), parameters(whole))
    assert parts.trainer.history["loss"] == whole.trainer.history["loss"]
    said = []
    again = train("digits", tmp_path / "parts", resume=True, progress=False, say=said.append)
    assert "its 6 epochs" in "".join(said)
    assert again.trainer.epochs_done == again.settings.epochs == 6


def test_ctrl_c_keeps_what_was_learned_and_the_run_goes_on(tmp_path, monkeypatch):
    class Interrupted(fitting.CSVLog):
        def on_epoch(self, trainer):
            super().on_epoch(trainer)
            if trainer.epochs_done == 2:
                signal.raise_signal(signal.SIGINT)

    arguments = ["train", "digits", "--hidden", "16", "--epochs", "4"]
    assert typed(*arguments, "--out", tmp_path / "whole").exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "CSVLog", Interrupted)
        result = typed(*arguments, "--out", tmp_path / "parts")
    assert result.exit_code == 130
    command = result.output.splitlines()[-1].removeprefix("go on with: handgrad ")
    assert open_run(tmp_path / "parts").trainer.epochs_done == 2
    assert typed(*shlex.split(command)).exit_code == 0
    whole, parts = (open_run(tmp_path / name) for name in ("whole", "parts"))
    np.testing.assert_array_equal(parameters(parts), parameters(whole))
    assert len((tmp_path / "parts" / "command.txt").read_text().splitlines()) == 2


def test_only_the_epochs_may_change(tmp_path):
    data = table(tmp_path / "a.csv")
    folder = tmp_path / "run"
    train(data, folder, **SMALL)
    same = {"hidden": [16], "target": None, "lr": None}
    assert train(data, folder, resume=True, progress=False, **same).settings.hidden == (16,)
    with pytest.raises(ArgumentError, match=r"hidden=\(32,\).*\n.*hidden=\(16,\)"):
        train(data, folder, resume=True, hidden=(32,))
    with pytest.raises(ArgumentError, match="seed=1"):
        train(data, folder, resume=True, seed=1)
    moved = (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    train(str(moved), folder, resume=True, progress=False)
    with pytest.raises(DataError, match="not what the run in"):
        train(table(tmp_path / "a.csv", seed=1), folder, resume=True)
    result = typed("train", "digits", "--resume")
    assert result.exit_code == 2
    assert "--out" in result.output


def test_a_run_without_a_finished_epoch_goes_on_too(tmp_path, monkeypatch):
    def killed(*arguments, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            train("digits", tmp_path / "parts", **SMALL)
    parts = train("digits", tmp_path / "parts", resume=True, progress=False)
    whole = train("digits", tmp_path / "whole", **SMALL)
    np.testing.assert_array_equal(parameters(parts), parameters(whole))


def test_only_a_run_is_opened(tmp_path):
    with pytest.raises(CheckpointError):
        open_run(tmp_path)
    Trainer(Model([Linear(1, 1)]), MSELoss(), SGD(lr=0.1)).save(tmp_path)
    with pytest.raises(ArgumentError, match="handgrad train"):
        open_run(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": ["a", "b"]},
        {"class_names": [f"{i}" for i in range(11)]},
        {"class_names": []},
        {"class_names": [["a"]] * 10},
        {"class_names": list(range(10))},
        {"columns": [COLUMN] * 63},
        {"columns": []},
        {"columns": [COLUMN] * 63 + [COLUMN | {"values": ["x", "y"]}]},
        {"target_name": 3},
        {"fingerprint": None},
        {"shape": [8, 8, 1]},
        {"shape": [63]},
        {"shape": ["a"]},
        {"shape": [-1]},
        {"inputs": {"mean": [0.0] * 3, "scale": [1.0] * 3}},
        {"inputs": {"mean": None, "scale": None}},
        {"inputs": {"mean": "x", "scale": [{}]}},
    ],
    ids=str,
)
def test_a_run_whose_parts_do_not_fit_is_refused(tmp_path, change):
    train("digits", tmp_path / "run", **{**SMALL, "epochs": 1})
    trainer = open_run(tmp_path / "run").trainer
    trainer.extra = {"run": trainer.extra["run"] | change}
    trainer.save(tmp_path / "forged")
    with pytest.raises(CheckpointError, match="do not fit"):
        open_run(tmp_path / "forged")


# evaluate


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers")
    run = train(table(folder / "flowers.csv"), folder / "run", **FAST)
    return SimpleNamespace(folder=folder, run=run, data=str(folder / "flowers.csv"))


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    folder = tmp_path_factory.mktemp("houses")
    data = prices(folder / "houses.csv")
    run = train(data, folder / "run", **FAST)
    return SimpleNamespace(folder=folder, run=open_run(folder / "run"), data=data, trained=run)


def test_the_data_of_the_training_is_measured_in_two_parts(flowers):
    held_out, training = evaluate(flowers.run, flowers.data)
    assert (held_out.part, held_out.rows) == ("held out", 42)
    assert (training.part, training.rows) == ("training", 168)
    history = flowers.run.trainer.history
    assert held_out.values["accuracy"] == history["validation_accuracy"][-1]
    assert held_out.values["loss"] == pytest.approx(history["validation_loss"][-1], rel=1e-4)
    assert held_out.confusion.sum() == 42
    assert np.trace(held_out.confusion) / 42 == held_out.values["accuracy"]


def test_other_data_is_measured_whole_whatever_the_order_of_its_columns(flowers, tmp_path):
    data = table(tmp_path / "new.csv", 50, 9, order=("kind", "width", "length"))
    (part,) = evaluate(open_run(flowers.folder / "run"), data)
    assert (part.part, part.rows) == ("all", 50)
    assert part.values["accuracy"] > 0.9


def test_a_subset_of_the_classes_keeps_their_names(flowers, tmp_path):
    lines = Path(flowers.data).read_text().splitlines()
    rows = [line for line in lines if not line.endswith(("a", "b"))]
    (tmp_path / "c.csv").write_text("\n".join(rows))
    (part,) = evaluate(flowers.run, str(tmp_path / "c.csv"))
    assert part.confusion[:2].sum() == 0
    assert part.confusion[2, 2] > 0.9 * part.rows


def test_numbers_are_measured_in_their_own_unit(houses):
    held_out, training = evaluate(houses.run, houses.data)
    assert held_out.confusion is None
    dataset = read(houses.data)
    rows = split(dataset, 0.2, 0)[1]
    names, predicted = predict(houses.run, houses.data)
    assert names == ["3"]
    error = np.array([row[0] for row in predicted])[rows] - dataset.y[rows]
    assert held_out.values["root_mean_squared_error"] == pytest.approx(np.sqrt((error**2).mean()))
    assert held_out.values["mean_absolute_error"] == pytest.approx(np.abs(error).mean())
    assert held_out.values["r2"] == pytest.approx(1 - (error**2).mean() / dataset.y[rows].var())
    assert 1 < held_out.values["mean_absolute_error"] < 200
    assert training.rows == 120


def test_evaluate_prints_metrics_and_confusion(flowers, houses):
    result = typed("evaluate", flowers.folder / "run", flowers.data)
    assert result.exit_code == 0, result.output
    for words in ("held out", "accuracy", "confusion matrix", "columns: predicted"):
        assert words in result.output
    result = typed("evaluate", houses.folder / "run", houses.data)
    assert "mean absolute error" in result.output
    assert "confusion" not in result.output


def test_a_confusion_matrix_is_whole_in_a_narrow_terminal(tmp_path, monkeypatch):
    run = train("digits", tmp_path / "run", hidden=[], epochs=1, progress=False)
    monkeypatch.setenv("COLUMNS", "30")
    lines = typed("evaluate", run.folder, "digits").output.splitlines()
    rows = [line for line in lines if len(line) > 50]
    counts = [cell.strip() for row in rows for cell in row.split("│")[2:-1]]
    assert sum(int(cell) for cell in counts if cell not in {"·", ""}) == 359


def test_names_that_look_like_markup_are_printed_as_they_are(tmp_path):
    data = table(tmp_path / "a.csv", classes=["[red]", "[/]", "plain"])
    assert typed("train", data, "--epochs", 1, "--out", tmp_path / "run").exit_code == 0
    result = typed("evaluate", tmp_path / "run", data)
    assert result.exit_code == 0, result.output
    assert "[red]" in result.output
    assert "[/]" in result.output


@pytest.mark.parametrize(
    ("content", "target", "words"),
    [
        ("length,width\n1,2\n", None, "without the target 'kind'"),
        ("length,height,kind\n1,2,a\n", None, "without 'width'"),
        ("length,width,kind\n1,2,a\n3,4,d\n", None, "kind as the target: 1 .*'d' on line 3"),
        ("length,width,sort\n1,2,d\n", "sort", "sort as the target: 1 .*'d' on line 2"),
    ],
)
def test_data_of_another_kind_is_named(flowers, tmp_path, content, target, words):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=words):
        evaluate(flowers.run, str(tmp_path / "a.csv"), target=target)


def test_the_digits_need_a_network_of_digits(flowers, tmp_path):
    with pytest.raises(DataError, match="2 features"):
        evaluate(flowers.run, "digits")
    digits = load_digits()
    path = tmp_path / "letters.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*digits.feature_names, "digit"])
        letters = ("abcdefghij"[k] for k in digits.y[:200])
        writer.writerows([*x, y] for x, y in zip(digits.x, letters, strict=False))
    run = train(str(path), tmp_path / "run", **SMALL)
    with pytest.raises(DataError, match="knows a, b"):
        evaluate(run, "digits")
    assert len(list(predict(run, "digits")[1])) == 1797


def test_labels_in_a_file_of_their_own_are_found_again(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60, dtype=np.uint8)
    x = (rng.random((60, 3, 2)) * 100 + 100 * y[:, None, None]).astype(np.uint8)
    (tmp_path / "pictures").write_bytes(b"\0\0\x08\x03\0\0\0\x3c\0\0\0\3\0\0\0\2" + x.tobytes())
    (tmp_path / "answers").write_bytes(b"\0\0\x08\x01\0\0\0\x3c" + y.tobytes())
    data = str(tmp_path / "pictures")
    run = train(data, tmp_path / "run", target="answers", **SMALL)
    assert np.ptp(run.inputs.scale) == 0
    assert [part.rows for part in evaluate(open_run(tmp_path / "run"), data)] == [12, 48]
    assert len(list(predict(run, data)[1])) == 60
    assert train(data, tmp_path / "run", resume=True, epochs=5, progress=False).settings.epochs == 5


# predict


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("target", [True, False])
def test_predictions_do_not_need_the_target(flowers, tmp_path, header, target):
    lines = Path(flowers.data).read_text().splitlines()[not header :]
    if not target:
        lines = [line.rpartition(",")[0] for line in lines]
    path = tmp_path / "new.csv"
    path.write_text("\n".join(lines))
    if not header and target:  # the name of the target says nothing here
        with pytest.raises(DataError, match="3 columns of features"):
            predict(flowers.run, str(path))
        return
    names, rows = predict(flowers.run, str(path))
    rows = list(rows)
    assert names == ["kind", "probability"]
    assert len(rows) == 210
    dataset = read(flowers.data)
    right = [row[0] == dataset.class_names[k] for row, k in zip(rows, dataset.y, strict=True)]
    assert np.mean(right) > 0.9
    assert all(1 / 3 <= row[1] <= 1 for row in rows)


@pytest.mark.parametrize("columns", [[0, 1, 2], [0, 1, 2, 3]])
def test_a_table_without_a_header_may_have_the_target_or_not(houses, tmp_path, columns):
    values = np.loadtxt(houses.data, delimiter=";")
    np.savetxt(tmp_path / "new.csv", values[:, columns], delimiter="\t")
    _, rows = predict(houses.run, str(tmp_path / "new.csv"))
    predicted = np.array([row[0] for row in rows])
    assert np.abs(predicted - values[:, 3]).mean() < 200


def test_predict_writes_csv(flowers, houses, tmp_path):
    result = typed("predict", flowers.folder / "run", flowers.data)
    assert result.exit_code == 0, result.output
    rows = list(csv.reader(io.StringIO(result.stdout)))
    assert rows[0] == ["kind", "probability"]
    assert len(rows) == 211
    out = tmp_path / "predictions.csv"
    assert typed("predict", houses.folder / "run", houses.data, "--out", out).exit_code == 0
    assert out.read_text().splitlines()[0] == "3"
    with pytest.raises(ArgumentError, match="there already"):
        write_predictions(["a"], [], out)
    assert len(out.read_text().splitlines()) == 151
    with pytest.raises(ArgumentError, match="cannot be written"):
        write_predictions(["a"], [], tmp_path / "nowhere" / "a.csv")


def test_an_explosion_says_what_the_folder_holds(tmp_path):
    data = table(tmp_path / "a.csv")
    with pytest.raises(TrainingError, match="run holds what 0 epochs have taught"):
        train(data, tmp_path / "run", **SMALL, optimizer="sgd", lr=1e30)
    assert open_run(tmp_path / "run").trainer.epochs_done == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match="cannot be written to: Not a directory"):
        train("digits", tmp_path / "file" / "run", **SMALL)


def test_a_disk_that_is_full_is_told_in_words(flowers, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    command = ["handgrad", "predict", str(flowers.folder / "run"), flowers.data]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr("handgrad.experiments.write_predictions", full)
    with pytest.raises(SystemExit) as stopped:
        handgrad.cli.main()
    assert stopped.value.code == 2
    assert "handgrad: [Errno 28] No space left on device" in capsys.readouterr().err


def test_what_goes_wrong_is_told_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["handgrad", "predict", str(tmp_path), "digits"])
    with pytest.raises(SystemExit) as stopped:
        handgrad.cli.main()
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert "to mend it" in captured.err
