"""A training that is killed over and over, and goes on each time: `python tests/support/kill.py`.

The same program is run once without disturbance, and once killed with SIGKILL at random moments
and started again. In the end both have to be the same, bit for bit, and no run may have begun
before what the last one had saved.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from handgrad import Adam, CrossEntropy, Dropout, Linear, Model, ReLU
from handgrad.optimizers.schedules import ReduceOnPlateau
from handgrad.training import Accuracy, Callback, CSVLog, EarlyStopping, ModelCheckpoint, Trainer


class Events(Callback):
    """Says on the standard output what happens, so that it is known where a kill has struck."""

    def on_start(self, trainer):
        self.say("began", trainer.epochs_done)

    def on_step(self, trainer):
        if trainer.steps_done == 1 and trainer.epochs_done:
            self.say("saved", trainer.epochs_done)  # since the next epoch has begun

    def on_epoch(self, trainer):
        self.say("trained", trainer.epochs_done)

    def say(self, what, epoch):
        print(what, epoch, flush=True)


def train(folder: Path, epochs: int) -> None:
    """Train, going on from what is in the folder; everything that is random or has a state."""
    data = np.random.default_rng(11)
    x = data.standard_normal((1400, 7))
    y = (x[:, 0] * x[:, 1] > 0) + (x[:, 2] > 1).astype(int)
    if (folder / "checkpoint.safetensors").exists():
        trainer = Trainer.resume(folder)
    else:
        np.random.seed(7)
        rng = np.random.default_rng(5)
        hidden = Linear(7, 31, rng=rng)
        trainer = Trainer(
            # One dropout draws from the trainer's generator, the other from NumPy's global state.
            Model([Dropout(hidden, 0.25, rng=rng), ReLU(), Dropout(ReLU(), 0.1), Linear(31, 3)]),
            CrossEntropy(),
            Adam(lr=0.01, weight_decay=1e-3, max_norm=1.0),
            metrics=[Accuracy()],
            schedule=ReduceOnPlateau(factor=0.5, patience=2),
            rng=rng,
        )
    trainer.fit(
        x[:1207],
        y[:1207],
        epochs=epochs,
        batch_size=16,
        validation_data=(x[1207:], y[1207:]),
        callbacks=[
            Events(),
            EarlyStopping("validation_accuracy", patience=1000),
            CSVLog(folder / "history.csv"),
            ModelCheckpoint(folder),
        ],
        progress=False,
    )


def start(folder: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--train", str(folder), "--epochs", str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a run, and return what it has put out since the last line read.

    `communicate` would do, but it passes over the lines that are in the buffer already.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        return process.stdout.read(), process.stderr.read()


def outcome(folder: Path) -> dict[str, object]:
    """Return all that a finished training leaves."""
    path = folder / "checkpoint.safetensors"
    arrays = {
        name: (array.dtype.name, array.shape, array.tobytes())
        for name, array in load_file(path).items()
    }
    assert sum("/" not in name for name in arrays) == 4
    assert len(arrays) >= 7, "Adam's two vectors, and the best parameters"
    with safe_open(path, framework="numpy") as file:
        described = file.metadata()
    del described["sha256"]  # so that the other differences are named
    return described | arrays | {"table": (folder / "history.csv").read_text()}


def torment(folder: Path, kills: int, seed: int) -> tuple[int, dict[str, int]]:
    """Kill a training so many times, and let it come to its end.

    Parameters
    ----------
    folder
        Where it saves.
    kills
        How many runs are killed before one is left alone.
    seed
        Of the moments.

    Returns
    -------
    epochs
        How many it took.
    struck
        How many kills struck where.
    """
    rng = np.random.default_rng(seed)
    struck = dict.fromkeys(("before the first step", "in an epoch", "in a save"), 0)
    saved = trained = 0
    for run in range(1, kills + 2):
        last = run > kills
        process = start(folder, trained + 3 if last else 10**9)
        assert process.stdout is not None
        lines: list[str] = []
        if not last:
            epochs = int(rng.integers(-1, 4))  # -1: without waiting for the training to begin
            while epochs >= 0 and sum(line.startswith("saved") for line in lines) < epochs:
                lines.append(process.stdout.readline())
                assert lines[-1], f"run {run} ended: {finish(process)[1]}"
            time.sleep(rng.uniform(0, 0.6 if epochs < 1 else 0.02))
            process.send_signal(signal.SIGKILL)
        rest, errors = finish(process)
        assert process.returncode == (0 if last else -signal.SIGKILL), f"run {run}: {errors}"
        events = [line.split() for line in [*lines, *rest.splitlines()]]
        for what, number in events:
            epoch = int(number)
            if what == "began":
                # What was saved is there; nothing is missing but the epoch that was under way.
                assert max(saved, trained - 1) <= epoch <= trained, (
                    f"run {run} began after epoch {epoch}, when {trained} were trained and "
                    f"{saved} saved"
                )
            saved = epoch if what == "saved" else saved
            trained = epoch if what in ("trained", "began") else trained
        if not last:
            where = {"saved": "in an epoch", "began": "in an epoch", "trained": "in a save"}
            struck[where[events[-1][0]] if events else "before the first step"] += 1
    return trained, struck


def differences(folder: Path, undisturbed: Path) -> list[str]:
    """Return what is not the same after two trainings, and which files a kill has left over."""
    one, other = outcome(folder), outcome(undisturbed)
    wrong = [key for key in other if one[key] != other[key]]
    left = {path.name for path in folder.iterdir()} ^ {"checkpoint.safetensors", "history.csv"}
    return wrong + sorted(left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options.train, options.epochs)
        return
    with tempfile.TemporaryDirectory() as place:
        killed, undisturbed = Path(place, "killed"), Path(place, "undisturbed")
        for folder in (killed, undisturbed):
            folder.mkdir()
        epochs, struck = torment(killed, options.kills, options.seed)
        process = start(undisturbed, epochs)
        errors = finish(process)[1]
        assert process.returncode == 0, errors
        wrong = differences(killed, undisturbed)
    where = ", ".join(f"{count} {place}" for place, count in struck.items())
    print(f"{options.kills} kills over {epochs} epochs: {where}.")
    print("Nothing was lost but the epoch that was under way.")
    print(f"Not the same: {', '.join(wrong)}." if wrong else "The end is the same, bit for bit.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
