"""Runs on tables as people have them: texts, dates, missing cells, rare classes, other formats."""

import csv
import io
import json

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

import handgrad.cli
import handgrad.experiments.report as report
from handgrad.errors import ArgumentError, DataError
from handgrad.experiments import (
    class_weights,
    column_names,
    evaluate,
    open_run,
    predict,
    train,
    write_predictions,
)

FAST = {"hidden": [16], "epochs": 12, "lr": 0.02, "progress": False}


@pytest.fixture(autouse=True, scope="module")
def no_picture():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "find_spec", lambda name: None)
        yield


def customers(path, N=300, rare=0.1, seed=0):
    """Write a table in which `plan`, `age` and their missing cells say what the target is."""
    rng = np.random.default_rng(seed)
    plan = rng.choice(["basic", "family", ""], N, p=[0.5, 0.3, 0.2])
    age = rng.normal(40, 10, N).round(1)
    lost = rng.random(N) < 0.2
    score = 3.0 * (plan == "family") + 2.0 * lost - (age - 40) / 10
    left = np.where(score > np.quantile(score, 1 - rare), "yes", "no")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "joined", "plan", "age", "left"])
        for i in range(N):
            date = f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}"
            writer.writerow([1000 + i, date, plan[i], "" if lost[i] else age[i], left[i]])
    return str(path)


def typed(*arguments, **more):
    result = CliRunner().invoke(handgrad.cli.app, [str(argument) for argument in arguments], **more)
    assert result.exit_code == 0, result.output
    return result


def test_a_table_of_all_sorts_is_trained_evaluated_and_predicted(tmp_path):
    data, folder = customers(tmp_path / "a.csv"), tmp_path / "run"
    with pytest.raises(DataError, match=r"column joined, dates(?s:.*)--drop joined"):
        train(data, folder)
    said = typed("train", data, "--drop", "joined", "--epochs", 30, "--lr", 0.02, "--out", folder)
    assert "plan (2)" in said.output
    assert "missing cells" in said.output
    assert "numbers the rows" in said.output
    run = open_run(folder)
    assert run.feature_names == (
        "id",
        "plan=basic",
        "plan=family",
        "plan missing",
        "age",
        "age missing",
    )
    assert [run.inputs.mean[k] for k in (1, 2, 3, 5)] == [0] * 4
    assert [run.inputs.scale[k] for k in (1, 2, 3, 5)] == [1] * 4
    assert evaluate(run, data)[0].values["roc_auc"] > 0.9
    told = json.loads(typed("evaluate", folder, data, "--json").stdout)
    assert [part["rows"] for part in told["parts"]] == [60, 240]
    assert told["parts"][0]["classes"]["yes"]["rows"] == 6
    new = tmp_path / "new.csv"
    new.write_text("age,plan,id\n,family,1100\n60,other,1101\n,,1102\n")
    result = typed("predict", folder, new, "--proba")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["left"] for row in rows] == ["yes", "no", rows[2]["left"]]
    assert all(float(row["p(no)"]) + float(row["p(yes)"]) == pytest.approx(1) for row in rows)
    assert "'other' in plan" in result.stderr


def test_raw_rows_are_prepared_as_the_file_was(tmp_path):
    data = customers(tmp_path / "a.csv")
    run = train(data, tmp_path / "run", drop=["joined", "id"], **FAST)
    x = run.x(report_data(run, data), np.arange(300))
    frame = pandas.read_csv(data)
    np.testing.assert_array_equal(run.prepare(frame), x)
    np.testing.assert_array_equal(run.prepare(frame[["plan", "age"]].to_numpy()), x)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    with pytest.raises(DataError, match="without 'age'"):
        run.prepare(frame[["plan"]])
    with pytest.raises(ValueError, match="rows of 2 columns"):
        run.prepare([["family"]])


def report_data(run, data):
    from handgrad.experiments.data import read_data

    return read_data(data, run.target_name, run.columns, run.class_names)


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet", ".xlsx"])
def test_whatever_file_it_is_in_it_is_the_same_data(tmp_path, suffix):
    data = customers(tmp_path / "a.csv", N=80)
    run = train(data, tmp_path / "run", drop=["joined"], **FAST)
    other = tmp_path / f"a{suffix}"
    frame = pandas.read_csv(data)
    write = {".gz": frame.to_csv, ".parquet": frame.to_parquet, ".xlsx": frame.to_excel}
    write[other.suffix](other, index=False)
    same, plain = (evaluate(run, str(path)) for path in (other, data))
    assert [part.rows for part in same] == [16, 64]
    assert [part.values for part in same] == [part.values for part in plain]


def test_the_standard_input_is_trained_on_and_predicted(tmp_path):
    customers(tmp_path / "a.csv", N=80)
    text = (tmp_path / "a.csv").read_text()
    options = ["--drop", "joined", "--epochs", 2, "--out", tmp_path / "run"]
    typed("train", "-", *options, input=text)
    assert len(typed("predict", tmp_path / "run", "-", input=text).stdout.splitlines()) == 81
    assert "held out (16 rows)" in typed("evaluate", tmp_path / "run", "-", input=text).stdout
    with pytest.raises(DataError, match=r"no file(?s:.*)curl"):
        train("https://example.org/a.csv", tmp_path / "other")


def counted(path, K=34):
    rng = np.random.default_rng(0)
    y = np.arange(4 * K) % K
    np.savetxt(path, np.c_[y + rng.normal(size=len(y)), y], "%g", delimiter=",")
    return str(path)


def test_what_whole_numbers_are_can_be_said(tmp_path):
    data, said = counted(tmp_path / "a.csv"), []
    run = train(data, tmp_path / "a", say=said.append, **FAST)
    assert len(run.class_names) == 34
    assert "each is taken for a class (--task numbers: for a number)" in "\n".join(said)
    run = train(data, tmp_path / "b", task="numbers", say=said.append, **FAST)
    assert run.class_names == ()
    unit = "the loss is the mean squared error in units of the standard deviation of 1, "
    assert unit + f"{run.outputs.scale[0]:.4g}" in said
    assert run.trainer.history["validation_r2"][run.best_epoch - 1] > 0.9
    assert len(train(data, tmp_path / "c", task="classes", **FAST).class_names) == 34
    with pytest.raises(ArgumentError, match="fits --task numbers"):
        train(data, tmp_path / "d", task="numbers", loss="cross-entropy")


def test_decimal_commas_are_kept_in_the_run(tmp_path):
    rows = "".join(f"{i % 7},5;{i % 7},25\n" for i in range(60))
    (tmp_path / "a.csv").write_text("a;b\n" + rows)
    data = str(tmp_path / "a.csv")
    run = train(data, tmp_path / "run", decimal=",", **FAST)
    assert run.trainer.history["validation_r2"][run.best_epoch - 1] > 0.9
    assert len(list(predict(open_run(tmp_path / "run"), data)[1])) == 60


# The best epoch


@pytest.mark.parametrize("options", [{"lr": 0.05, "epochs": 60, "patience": 8}])
def test_the_best_epoch_is_kept_evaluated_and_gone_on_from(tmp_path, options):
    data = customers(tmp_path / "a.csv", N=120, rare=0.4)
    settings = {**FAST, **options, "drop": ["joined", "id"]}
    run = train(data, tmp_path / "run", **settings)
    history = run.trainer.history
    best = run.best_epoch
    assert best == int(np.argmin(history["validation_loss"])) + 1
    assert history.epochs == best + 8 < 60
    assert f"in epoch {best}, the best of {best + 8}" in run.summary()[0]
    for opened in (run, open_run(tmp_path / "run")):
        held_out, _ = evaluate(opened, data)
        assert held_out.values["accuracy"] == history["validation_accuracy"][best - 1]
        assert held_out.values["loss"] == pytest.approx(history["validation_loss"][best - 1])
    last = open_run(tmp_path / "run", best=False)
    assert not np.array_equal(last.trainer.model.parameters, run.trainer.model.parameters)
    part = {**settings, "epochs": best + 3}
    train(data, tmp_path / "parts", **part)
    whole = train(data, tmp_path / "parts", resume=True, epochs=60, progress=False)
    np.testing.assert_array_equal(whole.trainer.model.parameters, run.trainer.model.parameters)
    assert whole.trainer.history["loss"] == history["loss"]


def test_without_early_stopping_the_last_epoch_is_kept(tmp_path):
    data = customers(tmp_path / "a.csv", N=120, rare=0.4)
    typed(
        *("train", data, "--drop", "joined,id", "--no-early-stopping", "--epochs", 30),
        *("--lr", 0.05, "--schedule", "cosine", "--weight-decay", 0.1, "--max-norm", 0.5),
        *("--out", tmp_path / "run", "--quiet"),
    )
    run = open_run(tmp_path / "run")
    history = run.trainer.history
    assert run.best_epoch == history.epochs == 30
    assert evaluate(run, data)[0].values["accuracy"] == history["validation_accuracy"][-1]
    assert history["lr"][0] > 10 * history["lr"][-1]
    optimizer = run.trainer.optimizer
    assert (optimizer.weight_decay, optimizer.max_norm) == (0.1, 0.5)


def test_a_rare_class_is_said_to_be_missed_and_found_with_weights(tmp_path):
    data = customers(tmp_path / "a.csv", N=400, rare=0.03)
    settings = {**FAST, "drop": ["joined", "id"], "hidden": [], "lr": 0.003, "epochs": 20}
    said = []
    run = train(data, tmp_path / "a", say=said.append, **settings)
    (held_out, _) = evaluate(run, data)
    assert held_out.values["accuracy"] > 0.95
    assert held_out.values["balanced_accuracy"] == 0.5
    missed = "no row is found of the class yes (2 rows); try --class-weight balanced"
    assert missed in said
    for k, weights in enumerate(("balanced", {"yes": 40.0})):
        run = train(data, tmp_path / f"b{k}", class_weight=weights, **settings)
        assert evaluate(run, data)[1].classes["yes"]["recall"] > 0.8
    with pytest.raises(ArgumentError, match="weights of no, yes"):
        train(data, tmp_path / "c", class_weight={"maybe": 2.0}, **settings)
    assert not (tmp_path / "c").exists()
    with pytest.raises(ArgumentError, match="class_weight='balanced'"):
        train(counted(tmp_path / "b.csv"), tmp_path / "d", task="numbers", class_weight="balanced")


def test_names_and_weights_in_a_text():
    assert column_names(" a, b,") == ("a", "b")
    assert class_weights("a=b=2,c=1") == {"a=b": 2.0, "c": 1.0}
    for wrong in ("yes", "yes=much"):
        with pytest.raises(ArgumentError, match="--class-weight balanced"):
            class_weights(wrong)


# Predictions


def test_no_name_is_a_formula(tmp_path, capsys):
    names = ["=1+1", "+cmd", "-2", "@x", "\tx", "plain-", "\uff1d1+1"]
    rows = [(name, 0.5) for name in names]
    write_predictions(["=SUM(A1)", "probability"], rows)
    first = [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out))]
    assert first == ["'=SUM(A1)", "'=1+1", "'+cmd", "-2", "'@x", "'\tx", "plain-", "'\uff1d1+1"]


def test_metrics_and_features_can_be_chosen(tmp_path):
    data = customers(tmp_path / "a.csv", N=80)
    typed("train", data, "--features", "age,plan", "--epochs", 2, "--out", tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert [column.name for column in run.columns] == ["age", "plan"]
    (part, _) = evaluate(run, data, metrics=["roc_auc", "f1"])
    assert list(part.values) == ["roc_auc", "f1"]
    with pytest.raises(ArgumentError, match=r"'r2'(?s:.*)balanced_accuracy"):
        evaluate(run, data, metrics=["r2"])
    names, rows = predict(run, data, proba=True)
    assert names == ["left", "p(no)", "p(yes)"]
    assert all(row[0] == ("yes" if row[2] > row[1] else "no") for row in rows)


def test_a_run_of_a_very_wide_table_can_be_saved(tmp_path):
    names = [f"feature number {k}" for k in range(20_000)]
    rows = "".join(",".join(f"{i + k}" for k in range(20_000)) + f",{i}.5\n" for i in range(4))
    (tmp_path / "a.csv").write_text(",".join([*names, "y"]) + "\n" + rows)
    settings = {"hidden": [], "epochs": 1, "progress": False}
    train(str(tmp_path / "a.csv"), tmp_path / "run", **settings)
    assert open_run(tmp_path / "run").feature_names[-1] == names[-1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_there_is_a_prediction_for_each_row(tmp_path, suffix):
    train(customers(tmp_path / "data.csv"), tmp_path / "run", drop=["id", "joined"], **FAST)
    table = pandas.DataFrame({"age": [None, 30.0, None, 50.0], "plan": [None, "basic", None, None]})
    path = tmp_path / f"rows{suffix}"
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    _, rows = predict(open_run(tmp_path / "run"), str(path))
    said, (empty, _, again, _) = list(rows), list(open_run(tmp_path / "run").predict_proba(table))
    assert len(said) == 4
    assert said[0] == said[2]
    assert said[0][1] == pytest.approx(max(empty))
    assert max(empty) == max(again)


def test_the_target_is_no_feature(tmp_path):
    with pytest.raises(DataError, match="among the features age, left"):
        train(customers(tmp_path / "data.csv"), tmp_path / "run", features=["age", "left"], **FAST)
    assert not (tmp_path / "run").exists()
