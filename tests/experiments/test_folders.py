"""The folder of a run: in use, left over, full; and how often it is written to."""

import fcntl
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

import handgrad.cli
import handgrad.experiments.fitting as fitting
import handgrad.experiments.report as report
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.experiments import open_run, train
from handgrad.experiments.folder import check_free, locked
from handgrad.training import CSVLog, ModelCheckpoint, Trainer
from handgrad.training.callbacks.pace import Pace

SMALL = {"hidden": [4], "epochs": 3, "progress": False}


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)


def test_the_second_training_in_a_folder_is_refused(tmp_path, monkeypatch):
    folder, fit = tmp_path / "run", Trainer.fit
    refused = []

    def meanwhile(self, *arguments, **more):
        for resume in (False, True):
            with pytest.raises(ArgumentError) as caught:
                train("digits", folder, resume=resume, **SMALL)
            refused.append(str(caught.value))
        return fit(self, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "fit", meanwhile)
        run = train("digits", folder, **SMALL)
    assert "something is already" in refused[0]
    assert "another training is under way" in refused[1]
    assert open_run(folder).trainer.epochs_done == run.trainer.epochs_done == 3
    assert ".lock" not in os.listdir(folder)
    train("digits", folder, resume=True, epochs=4, progress=False)


def test_of_two_that_begin_at_once_the_second_is_refused(tmp_path, monkeypatch):
    begin = fitting._begin
    folder = tmp_path / "run"

    def slowly(*arguments):
        made = begin(*arguments)
        monkeypatch.setattr(fitting, "_begin", begin)
        train("digits", folder, **SMALL)  # has begun later, and is done
        return made

    monkeypatch.setattr(fitting, "_begin", slowly)
    with pytest.raises(ArgumentError, match="something is already"):
        train("digits", folder, seed=1, **SMALL)
    assert open_run(folder).settings.seed == 0


def test_a_lock_ends_with_its_process(tmp_path):
    code = (
        "import os, sys, pathlib; from handgrad.experiments.folder import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], check=True)
    assert os.listdir(tmp_path / "run") == [".lock"]
    check_free(tmp_path / "run")
    with (
        locked(tmp_path / "run"),
        pytest.raises(ArgumentError, match="under way"),
        locked(tmp_path / "run"),
    ):
        pass
    assert not os.listdir(tmp_path / "run")
    with locked(tmp_path / "new"):
        assert os.listdir(tmp_path / "new") == [".lock"]
    assert not (tmp_path / "new").exists()


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def none(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("handgrad.experiments.folder.fcntl.flock", none)
    with locked(tmp_path / "run"):
        assert (tmp_path / "run").exists()


def test_to_go_on_where_there_is_no_run_makes_no_folder(tmp_path):
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        train("digits", tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_a_lock_that_was_just_removed_is_made_anew(tmp_path, monkeypatch):
    flock, taken = fcntl.flock, []

    def late(lock, how):
        if not taken:  # whoever had it is done between our opening it and our locking it
            (tmp_path / ".lock").unlink()
        taken.append(flock(lock, how))

    monkeypatch.setattr("handgrad.experiments.folder.fcntl.flock", late)
    with locked(tmp_path), pytest.raises(ArgumentError, match="under way"), locked(tmp_path):
        pass
    assert len(taken) == 2


def full(*arguments, **more):
    raise OSError(28, "No space left on device")


def test_a_folder_whose_first_save_failed_can_be_used(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("handgrad.checkpoint.replacing.os.replace", full)
        with pytest.raises(CheckpointError, match="No space left"):
            train("digits", folder, command="handgrad train", **SMALL)
    assert not folder.exists()
    folder.mkdir()
    (folder / "command.txt").write_text("handgrad train\n")  # of an older release
    assert train("digits", folder, **SMALL).trainer.epochs_done == 3


def test_a_disk_that_fills_up_is_told_once_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.training.history.History.to_csv", full)
    monkeypatch.setattr(fitting, "SECONDS", 0.0)
    with pytest.warns(UserWarning, match="history.csv is not written: No space left") as caught:
        run = train("digits", tmp_path / "run", **SMALL)
    assert len(caught) == 1
    assert open_run(tmp_path / "run").trainer.epochs_done == 3
    assert run.trainer.epochs_done == 3


def test_a_full_disk_is_a_line_on_the_command_line(tmp_path, monkeypatch, capsys):
    command = ["handgrad", "train", "digits", "--hidden", "4", "--epochs", "2", "--quiet"]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "run")])
    monkeypatch.setattr("handgrad.training.history.History.to_csv", full)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(SystemExit):
            handgrad.cli.main()
    err = capsys.readouterr().err
    assert re.fullmatch(r"handgrad: \S+history.csv is not written: No space left [^\n]+\n", err)


def test_a_command_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(fitting, "write_command", full)
    train("digits", tmp_path / "run", command="handgrad train", say=said.append, **SMALL)
    assert "command.txt is not written: No space left on device" in said
    assert open_run(tmp_path / "run").trainer.epochs_done == 3


def test_what_cannot_be_drawn_is_told_and_the_run_is_safe(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(report, "_page", full)
    train("digits", tmp_path / "run", say=said.append, **SMALL)
    assert said[-1] == "the pictures and the report are not written: No space left on device"
    assert open_run(tmp_path / "run").trainer.epochs_done == 3


# How often


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test turns on."""
    now = [0.0]
    monkeypatch.setattr("handgrad.training.callbacks.pace.monotonic", lambda: now[0])
    return now


def test_a_run_is_saved_every_few_seconds_and_at_its_end(tmp_path, clock, monkeypatch):
    saved, written = [], []
    save, write = Trainer.save, fitting.CSVLog._write
    monkeypatch.setattr(
        Trainer, "save", lambda self, to: (saved.append(self.epochs_done), save(self, to))
    )
    monkeypatch.setattr(
        fitting.CSVLog,
        "_write",
        lambda self, trainer: (written.append(trainer.epochs_done), write(self, trainer)),
    )
    run = train("digits", tmp_path / "run", early_stopping=False, **{**SMALL, "epochs": 4})
    assert saved == [0, 4]
    assert written == [1, 4]
    saved.clear()
    score = fitting.ModelCheckpoint.on_epoch

    def later(self, trainer):
        clock[0] += 3
        score(self, trainer)

    monkeypatch.setattr(fitting.ModelCheckpoint, "on_epoch", later)
    again = train("digits", tmp_path / "b", early_stopping=False, **{**SMALL, "epochs": 5})
    assert saved == [0, 2, 4, 5]
    assert len((tmp_path / "b" / "history.csv").read_text().splitlines()) == 6
    np.testing.assert_array_equal(again.trainer.history["loss"][:4], run.trainer.history["loss"])


@pytest.mark.parametrize("make", [CSVLog, ModelCheckpoint])
def test_seconds_are_a_number(make):
    with pytest.raises(ArgumentError, match="seconds=-1"):
        make("run", seconds=-1)
    assert Pace(0, "a test").due()
