"""What the tests of several processes run in each: `mpirun python -m mpi4py together.py NAME ...`.

`NAME` is one of the functions below, and what follows are its arguments.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import signal
import sys
from pathlib import Path

import numpy as np

from handgrad import (
    Adam,
    BatchNorm,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    MSELoss,
    ReLU,
    Tanh,
)
from handgrad.optimizers import SGD
from handgrad.optimizers.schedules import ReduceOnPlateau
from handgrad.training import (
    R2,
    AccumulateGradients,
    Callback,
    ClipGradients,
    ConfusionMatrix,
    CSVLog,
    EarlyStopping,
    Metric,
    ModelCheckpoint,
    Trainer,
    find_learning_rate,
)

ROWS = 83  # with batches of 9 the last one has two rows, which one process takes


def rows():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((ROWS, 5))
    return x, (x[:, 0] * x[:, 1] > 0) + (x[:, 2] > 1).astype(int), rng.uniform(0, 2, ROWS)


class Scale(Callback):
    """A callback that changes gradients, as it finds them: those of the whole batch."""

    def on_gradients(self, trainer, gradients):
        gradients.flat /= 1 + np.abs(gradients.flat).max()


def classes(communicator=None, step=None, epochs=5):
    """Fifty steps with weighted classes, all that clips, decays or stops, and validation."""
    x, y, weights = rows()
    rng = np.random.default_rng(5)
    model = Model([Linear(5, 13, rng=rng), ReLU(), Linear(13, 3, rng=rng)])
    trainer = Trainer(
        model,
        CrossEntropy(ignore_index=2),
        Adam(lr=0.01, weight_decay=1e-3, l1=1e-4, max_norm=0.5),
        metrics=["accuracy", ConfusionMatrix(), "roc_auc", "f1", "log_loss"],
        schedule=ReduceOnPlateau(factor=0.5, patience=1),
        step=step,
        rng=rng,
        communicator=communicator,
    )
    trainer.fit(
        x,
        y,
        epochs=epochs,
        batch_size=9,
        sample_weight=weights,
        class_weight={0: 1.0, 1: 2.0},
        validation_data=(x[:31], y[:31]),
        callbacks=[Scale(), ClipGradients(max_value=0.1), EarlyStopping(patience=3)],
        progress=False,
    )
    return trainer


def numbers(communicator=None, loss=None):
    """Numbers, in batches that somebody yields, some of them of a single row."""
    x, _, _ = rows()
    y = np.sin(x[:, :2]) + x[:, 2:4]
    bounds = [0, 7, 8, 30, 31, 50, ROWS]
    np.random.seed(7)

    class Shuffled:
        def __iter__(self):
            order = np.random.permutation(ROWS)  # the same in all processes
            for a, b in itertools.pairwise(bounds):
                yield x[order[a:b]], y[order[a:b]]
                np.random.shuffle(order[b:])

    batches = Shuffled()
    rng = np.random.default_rng(6)
    model = Model([Linear(5, 11, rng=rng), Tanh(), Linear(11, 2, rng=rng)])
    trainer = Trainer(
        model,
        MSELoss() if loss is None else loss,
        SGD(lr=0.01 if loss is None else 1e-4, momentum=0.9),
        metrics=[R2(), "mean_absolute_error"],
        rng=rng,
        communicator=communicator,
    )
    trainer.fit(batches, epochs=3, progress=False)
    return trainer


CASES = {
    "classes": classes,
    "accumulated": lambda communicator=None: classes(communicator, AccumulateGradients(3), 2),
    "numbers": numbers,
    "a sum of numbers": lambda communicator=None: numbers(communicator, MSELoss(average=False)),
}


def outcome(trainer):
    return trainer.model.parameters, trainer.history.values, trainer.history.ended


def same_numbers(world, folder):
    """Train with 1, 2, 3 and 4 processes; each first one leaves what has come out."""
    parts = {}
    for sizes in ((4,), (3, 1), (2, 2)):  # at once, so that nobody waits
        part = world.Split(np.searchsorted(np.cumsum(sizes), world.rank, side="right"))
        parts[part.size] = part
        found = {name: outcome(case(part)) for name, case in CASES.items()}
        found["dropout"] = [random_numbers(part) for _ in range(2)]
        found["buffers"] = normalized(part)
        if part.rank == 0:
            Path(folder, f"{part.size}.{world.rank}").write_bytes(pickle.dumps(found))
    stopped = Path(folder, "stopped")
    mine = Interrupts(world.rank == 1)
    Trainer(Model([Linear(1, 1)]), MSELoss(), "sgd", communicator=world).save(
        Path(folder, f"saved by {world.rank}")
    )
    told = [go_on(parts[4], stopped, 4, [mine, ModelCheckpoint(stopped)])]
    for size, epochs in ((3, 4), (2, 6)):
        world.Barrier()
        if world.rank < size:
            told.append(go_on(parts[size], stopped, epochs, [ModelCheckpoint(stopped)]))
    if world.rank == 0:
        Path(folder, "told").write_bytes(pickle.dumps(told))


class Interrupts(Callback):
    """Presses Ctrl-C in one of the processes."""

    def __init__(self, mine):
        self._mine = mine

    def on_step(self, trainer):
        if self._mine and trainer.epochs_done == 1 and trainer.steps_done == 2:
            signal.raise_signal(signal.SIGINT)


def go_on(communicator, folder, epochs, callbacks):
    """Train without dropout, going on from what is in the folder."""
    x, y, weights = rows()
    if folder.exists():
        trainer = Trainer.resume(folder, communicator=communicator)
    else:
        rng = np.random.default_rng(4)
        trainer = Trainer(
            Model([Linear(5, 13, rng=rng), Tanh(), Linear(13, 3, rng=rng)]),
            CrossEntropy(),
            Adam(),
            metrics=["accuracy", "roc_auc"],
            step=AccumulateGradients(2),
            rng=rng,
            communicator=communicator,
        )
    trainer.fit(
        x,
        y,
        sample_weight=weights,
        epochs=epochs,
        batch_size=9,
        callbacks=callbacks,
        progress=False,
    )
    return outcome(trainer)


def random_numbers(communicator):
    """Return what everybody has drawn, and the parameters, of a training with dropout."""
    x, y, _ = rows()
    np.random.seed(7)
    rng = np.random.default_rng(8)
    drawn = []

    class Noted(Dropout):
        def _keep(self, shape):
            drawn.append(super()._keep(shape))
            return drawn[-1]

    hidden = Linear(5, 13, rng=rng)
    model = Model([Noted(hidden, 0.5, rng=rng), ReLU(), Noted(ReLU(), 0.5), Linear(13, 3, rng=rng)])
    trainer = Trainer(model, CrossEntropy(), Adam(), rng=rng, communicator=communicator)
    trainer.fit(x, y, epochs=2, batch_size=16, progress=False)
    digest = hashlib.sha256(b"".join(mask.tobytes() for mask in drawn)).hexdigest()
    after = (rng.random(), np.random.random())
    return model.parameters, communicator.allgather((digest, after))


def normalized(communicator):
    """Return the running statistics after one epoch, and those that each share alone gives."""
    x, y, _ = rows()
    x, y = x[:24], y[:24]
    rng = np.random.default_rng(9)
    norm = BatchNorm(5)
    trainer = Trainer(
        Model([norm, Linear(5, 3, rng=rng)]), CrossEntropy(), SGD(lr=0.1), rng=rng,
        communicator=communicator,
    )  # fmt: skip
    order = np.random.Generator(type(rng.bit_generator)())
    order.bit_generator.state = rng.bit_generator.state
    trainer.fit(x, y, epochs=1, batch_size=12, progress=False)
    own = BatchNorm(5)
    for batch in order.permutation(24).reshape(2, 12):
        own(np.array_split(x[batch], communicator.size)[communicator.rank])
    alone = communicator.allgather(own.buffers)
    mean = {name: np.mean([each[name] for each in alone], axis=0) for name in own.buffers}
    return norm.buffers, mean


# What goes wrong


class Fails(Callback):
    """Calls a function in one of the processes, once a step or an epoch is done."""

    def __init__(self, what, mine, event="on_step"):
        self._what = lambda trainer: what() if mine else None
        self.event = event

    def on_step(self, trainer):
        if self.event == "on_step" and trainer.steps_done == 2:
            self._what(trainer)

    def on_epoch(self, trainer):
        if self.event == "on_epoch":
            self._what(trainer)

    def on_end(self, trainer):
        if self.event == "on_end":
            self._what(trainer)


class Unmergeable(Metric):
    name = "largest"

    def reset(self):
        self._largest = 0.0

    def update(self, predictions, targets, sample_weight=None):
        self._largest = max(self._largest, float(predictions.max()))

    def result(self):
        return self._largest


class Own:
    """Somebody's loss, with the exercise's calls and nothing else."""

    def __call__(self, predictions, targets):
        self._off = predictions - np.eye(3)[targets]
        return float((self._off**2).mean())

    def grad(self):
        return 2 * self._off / self._off.size


def _raise(error):
    raise error


class PeculiarError(Exception):
    """An error that no other process can make, since it is not made of its text."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def failures(world, folder):
    """Let one process fail in every way; all raise one error, and the first leaves what all say."""
    mine = world.rank == 1
    x, y, _ = rows()
    bad = x.copy()
    bad[6] = np.nan
    uneven = [(x[:8], y[:8])] * (3 if mine else 4)

    def fit(data=(x, y), *, seed=0, rate=0.1, metrics=(), step=None, loss=None, done=False, **more):
        rng = np.random.default_rng(seed)
        model = Model([Linear(5, 4, rng=rng), ReLU(), Linear(4, 3, rng=rng)])
        trainer = Trainer(
            model,
            loss or CrossEntropy(),
            SGD(lr=rate),
            metrics=metrics,
            rng=rng,
            communicator=world,
        )
        trainer.step = step or trainer.step
        if done:
            trainer.history.append({"loss": 1.0})
            trainer.history.append({"loss": 1.0})
        try:
            trainer.fit(*data, **{"epochs": 2, "batch_size": 16, "progress": False} | more)
        except Exception as error:
            # Of those that begin with others there is nothing to compare.
            parameters = b"" if seed else model.parameters.tobytes()
            return type(error).__name__, str(error), error.__notes__[-1], parameters
        return trainer.history.ended

    def stops(trainer):
        if mine:
            trainer.stop("one has had enough")

    found = {
        "not finite": fit(data=(bad, y)),
        "diverged": fit(rate=1e200),
        "not finite in validation": fit(validation_data=(bad, y)),
        "a callback": fit(callbacks=[Fails(lambda: _raise(KeyError("lost")), mine)]),
        "an error of one's own": fit(callbacks=[Fails(lambda: _raise(PeculiarError(1, 2)), mine)]),
        "at the end of an epoch": fit(
            callbacks=[Fails(lambda: _raise(OSError("full")), mine, "on_epoch")]
        ),
        "at the end": fit(callbacks=[Fails(lambda: _raise(OSError("full")), mine, "on_end")]),
        "both": fit(callbacks=[Fails(lambda: _raise(ValueError(str(world.rank))), True)]),
        "another seed": fit(seed=1 + world.rank),
        "another rate": fit(rate=0.2 if mine else 0.1),
        "fewer rows": fit(data=(x[: ROWS - mine], y[: ROWS - mine])),
        "no rows": fit(data=(x[: ROWS - mine], y)),
        "other rows": fit(data=(np.roll(x, mine, axis=0), y)),
        "other weights": fit(sample_weight=np.full(ROWS, 1.0 + mine)),
        "another validation": fit(validation_data=(x[: 9 + mine], y[: 9 + mine])),
        "another metric": fit(metrics=["accuracy", "f1"][: 1 + mine]),
        "another step": fit(step=AccumulateGradients(2 + mine)),
        "a loss without a repr": fit(loss=Own()),
        "another batch size": fit(batch_size=8 if mine else 16),
        "fewer batches": fit(data=(uneven,)),
        "fewer epochs": fit(epochs=2 - mine),
        "none left": fit(done=mine),
        "a metric": fit(metrics=[Unmergeable()]),
        "a step": fit(step=object()),
        "stopped by one": fit(callbacks=[stops], epochs=50),
        "written by the first": fit(
            callbacks=[CSVLog(Path(folder, "there" if world.rank == 0 else "missing") / "h.csv")]
        ),
        "not written": fit(callbacks=[ModelCheckpoint(Path(folder, "file"))]),
    }
    rng = np.random.default_rng(1)
    model = Model([Linear(5, 4, rng=rng), ReLU(), Linear(4, 3, rng=rng)])
    trainer = Trainer(model, CrossEntropy(), SGD(lr=0.1), rng=rng, communicator=world)
    found["a rate"] = find_learning_rate(trainer, x, y, steps=12, high=100.0).suggestion
    each = world.allgather(found)
    if world.rank == 0:
        Path(folder, "found.pickle").write_bytes(pickle.dumps(each))


def read_parts(world, folder):
    """Train on a file that is mapped, and count the bytes that this process has read of it."""
    from handgrad.training.batches.file import FileRows

    x, y = (np.load(Path(folder, name), mmap_mode="r") for name in ("x.npy", "y.npy"))
    read = []
    whole = FileRows.read

    def noted(self, rows, out):
        found = whole(self, rows, out)
        read.append(found.nbytes)
        return found

    rng = np.random.default_rng(0)
    model = Model([Linear(x.shape[1], 3, rng=rng)])
    trainer = Trainer(model, MSELoss(), SGD(lr=1e-3), rng=rng, communicator=world)
    FileRows.read = noted
    trainer.fit(x, y, epochs=1, batch_size=500, progress=False)
    each = world.allgather(sum(read))
    if world.rank == 0:
        Path(folder, "read.pickle").write_bytes(pickle.dumps(each))


def die(world, folder, how=""):
    """Train with dropout and save; in the fourth epoch process 1 may die, without a word.

    Where it does not, the same is trained once more without a break, and compared.
    """
    x, y, _ = rows()

    class Dies(Callback):
        def on_step(self, trainer):
            if not how or world.rank == 0 or trainer.epochs_done < 3:
                return
            if how == "Ctrl-C, twice":
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            elif how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(3)

    def made():
        rng = np.random.default_rng(5)
        hidden = Dropout(ReLU(), 0.5, rng=rng)
        model = Model([Linear(5, 13, rng=rng), hidden, Linear(13, 3, rng=rng)])
        return Trainer(model, CrossEntropy(), Adam(), rng=rng, communicator=world)

    def trained(trainer, *callbacks):
        trainer.fit(x, y, epochs=6, batch_size=9, callbacks=callbacks, progress=False)
        return trainer.model.parameters

    saved = Path(folder, "checkpoint.safetensors").exists()
    trainer = Trainer.resume(folder, communicator=world) if saved else made()
    print("began after", trainer.epochs_done)
    found = trained(trainer, Dies(), ModelCheckpoint(folder))
    np.testing.assert_array_equal(found, trained(made()))


if __name__ == "__main__":
    from mpi4py import MPI

    globals()[sys.argv[1]](MPI.COMM_WORLD, *sys.argv[2:])
