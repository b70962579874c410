"""`mpirun -n N handgrad train`: one training, whatever the number of processes."""

import signal
import time

import numpy as np
import pytest

from handgrad.errors import ArgumentError
from handgrad.experiments import open_run, train
from mpirun import Launched, mpirun


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((210, 4))
    path = tmp_path / "data.csv"
    table = np.column_stack([x, x[:, 0] > x[:, 1] * x[:, 2]])
    np.savetxt(path, table, delimiter=",", header="a,b,c,d,y", comments="")
    return path


def test_several_processes_train_and_go_on_as_one(data, tmp_path):
    options = ["--task", "classes", "--hidden", "9", "--dtype", "float64", "--batch-size", "17"]
    folder = tmp_path / "run"
    command = ["-m", "handgrad", "train", data, "--out", folder, *options]
    status, output, errors = mpirun(2, *command, "--epochs", 3)
    assert status == 0, errors
    for text in ("168 to train on", "epoch 3/3", "on the held-out data", "next: handgrad evaluate"):
        assert output.count(text) == 1
    assert "handgrad" not in errors
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.safetensors",
        "command.txt",
        "confusion.png",
        "history.csv",
        "history.png",
        "report.html",
    ]
    alone = train(
        str(data), tmp_path / "alone", progress=False, epochs=3,
        task="classes", hidden=[9], dtype="float64", batch_size=17,
    )  # fmt: skip
    run = open_run(folder, best=False)
    found, expected = (each.trainer.model.parameters for each in (run, alone))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)

    # Ctrl-C comes to the launcher, which tells the processes, and waits a moment for them.
    launched = Launched(2, *command[: -len(options)], "--resume", "--epochs", 100_000)
    said = ""
    while "epoch 5/" not in said:
        said = launched.stdout.readline()
        assert said, launched.stderr.read()
    launched.send_signal(signal.SIGINT)
    status, _, _ = launched.finish(timeout=20)
    assert status != 0
    assert gone_on_by_one(str(data), folder) > 3


def gone_on_by_one(data, folder):
    """Train for an epoch more, once the processes have ended: the launcher may end before them."""
    end = time.monotonic() + 20
    while True:
        done = open_run(folder, best=False).trainer.epochs_done
        try:
            run = train(data, folder, resume=True, epochs=done + 1, progress=False)
        except ArgumentError as error:
            if "another training is under way" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            assert run.trainer.epochs_done == done + 1
            return done + 1


def test_an_error_is_told_once(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    status, output, errors = mpirun(2, "-m", "handgrad", "train", data, "--out", tmp_path / "run")
    assert (status, output) == (2, "")
    assert errors.count("handgrad:") == 1
    assert "where something is already" in errors
    assert "in process 0 of 2" in errors
