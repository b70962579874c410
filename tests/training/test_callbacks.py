"""Callbacks, Ctrl-C, and what a training shows of itself."""

import csv
import io
import re
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from rich.console import Console

from handgrad import CrossEntropy, Linear, Model, MSELoss, ReLU
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.optimizers import SGD
from handgrad.training import (
    Accuracy,
    Callback,
    ConfusionMatrix,
    CSVLog,
    EarlyStopping,
    ModelCheckpoint,
    Trainer,
)
from handgrad.training import progress as progress_module
from handgrad.training.interrupt import Interrupt
from handgrad.training.progress import Bar, Lines, Progress, make_progress

N, D, K = 53, 5, 3


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D))
    return x, (x @ rng.standard_normal((D, K))).argmax(axis=1)


def make(lr=0.1, **options):
    rng = np.random.default_rng(0)
    model = Model([Linear(D, 11, rng=rng), ReLU(), Linear(11, K, rng=rng)])
    return Trainer(model, CrossEntropy(), SGD(lr=lr), rng=rng, **options)


class Script(Callback):
    """Makes the history's values up, and remembers the parameters."""

    def __init__(self, name, values):
        self.name, self.values, self.parameters = name, values, []

    def on_epoch(self, trainer):
        trainer.history[self.name][-1] = self.values[trainer.epochs_done - 1]
        self.parameters.append(trainer.model.parameters.copy())


class InterruptAt(Callback):
    def __init__(self, epoch, step, times=1):
        self.at, self.times = (epoch, step), times

    def on_step(self, trainer):
        if (trainer.epochs_done + 1, trainer.steps_done) == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


# Order, functions, stopping


def test_what_is_called_and_when(data, tmp_path):
    seen = []

    class Log(Callback):
        def __init__(self, name):
            self.name = name

        def on_start(self, trainer):
            seen.append((self.name, "start", trainer.epochs_done))

        def on_step(self, trainer):
            seen.append((self.name, "step", trainer.steps_done))

        def on_epoch(self, trainer):
            seen.append((self.name, "epoch", trainer.epochs_done, len(trainer.history["loss"])))

        def on_end(self, trainer):
            seen.append((self.name, "end", trainer.epochs_done))

    class LastLog(Log, ModelCheckpoint):
        saved = ""

    make().fit(*data, epochs=1, batch_size=30, callbacks=[LastLog("b"), Log("a")], progress=False)
    assert seen == [
        ("a", "start", 0), ("b", "start", 0),
        ("a", "step", 1), ("b", "step", 1), ("a", "step", 2), ("b", "step", 2),
        ("a", "epoch", 1, 1), ("b", "epoch", 1, 1), ("a", "end", 1), ("b", "end", 1),
    ]  # fmt: skip


def test_a_function_is_called_after_each_epoch_and_may_stop(data):
    seen = []

    def function(trainer):
        seen.append(trainer.epochs_done)
        if len(seen) == 3:
            trainer.stop("three are enough")

    history = make().fit(*data, epochs=9, callbacks=[function], progress=False)
    assert (seen, history.epochs, history.ended) == ([1, 2, 3], 3, "three are enough")
    assert not history.interrupted


# Early stopping


def test_early_stopping_restores_the_best(data):
    script = Script("validation_loss", [5.0, 3.0, 4.0, 2.95, 3.5, 3.0, 9.0])
    stopping = EarlyStopping(patience=3, min_delta=0.1)
    trainer = make()
    history = trainer.fit(
        *data, epochs=7, validation_data=data, callbacks=[script, stopping], progress=False
    )
    assert (history.epochs, stopping.best, stopping.best_epoch) == (5, 3.0, 2)
    assert np.array_equal(trainer.model.parameters, script.parameters[1])
    assert not np.array_equal(script.parameters[1], script.parameters[-1])
    assert "no improvement for 3 epochs" in history.ended
    assert "epoch 2" in history.ended


@pytest.mark.parametrize(
    ("options", "best_epoch"),
    [
        ({"monitor": "accuracy"}, 2),
        ({"monitor": "accuracy", "mode": "min"}, 3),
        ({"monitor": "loss"}, 3),
        ({"monitor": "loss", "mode": "max"}, 2),
        ({}, 3),
    ],
)
def test_less_or_more(data, options, best_epoch):
    values = [0.5, 0.9, 0.1]
    name = options.get("monitor", "loss")
    stopping, script = EarlyStopping(**options), Script(name, values)
    trainer = make(metrics=[Accuracy()])
    trainer.fit(*data, epochs=3, callbacks=[script, stopping], progress=False)
    assert stopping.best_epoch == best_epoch
    assert np.array_equal(trainer.model.parameters, script.parameters[best_epoch - 1])


def test_once_stopped_it_stays_stopped(data):
    trainer, stopping = make(), EarlyStopping(patience=1)
    callbacks = [Script("loss", [1.0, 2.0, 0.5, 0.25]), stopping]
    assert trainer.fit(*data, epochs=4, callbacks=callbacks, progress=False).epochs == 2
    assert trainer.fit(*data, epochs=4, callbacks=callbacks, progress=False).epochs == 2
    fresh = [callbacks[0], EarlyStopping(patience=1)]
    assert trainer.fit(*data, epochs=4, callbacks=fresh, progress=False).epochs == 4


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"patience": 0}, "patience"),
        ({"min_delta": -1}, "min_delta"),
        ({"min_delta": np.nan}, "min_delta"),
        ({"mode": "least"}, "mode"),
    ],
)
def test_arguments_of_early_stopping(options, what):
    with pytest.raises(ArgumentError, match=what):
        EarlyStopping(**options)


def test_a_value_that_cannot_be_watched(data):
    for name, metrics in (("acuracy", ()), ("confusion_matrix", [ConfusionMatrix()])):
        with pytest.raises(ArgumentError, match=name):
            make(metrics=metrics).fit(
                *data, epochs=1, callbacks=[EarlyStopping(name)], progress=False
            )


# ModelCheckpoint and table


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_every_few_epochs_and_at_the_end(data, tmp_path, every, epochs):
    saved = []

    class Spy(ModelCheckpoint):
        def on_epoch(self, trainer):
            self.saved = ""
            super().on_epoch(trainer)
            if self.saved:
                saved.append(Trainer.resume(self.folder).epochs_done)

    make().fit(*data, epochs=5, callbacks=[Spy(tmp_path / "run", every)], progress=False)
    assert saved == epochs


def test_arguments_of_a_checkpoint(tmp_path):
    with pytest.raises(ArgumentError, match="every"):
        ModelCheckpoint(tmp_path, every=0)


def test_what_cannot_be_saved_is_refused_before_the_first_step(data, tmp_path):
    class Unkept:
        """A loss that does not keep its constructor's argument."""

        def __init__(self, factor):
            self.loss = MSELoss()

        def __call__(self, predictions, targets):
            return self.loss(predictions, targets)

        def grad(self):
            return self.loss.grad()

    trainer = Trainer(Model([Linear(D, D)]), Unkept(2), SGD(lr=0.1))
    before = trainer.model.parameters.copy()
    with pytest.raises(CheckpointError, match="factor"):
        trainer.fit(
            data[0],
            data[0],
            epochs=9,
            callbacks=[ModelCheckpoint(tmp_path / "run", 9)],
            progress=False,
        )
    assert np.array_equal(trainer.model.parameters, before)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def full_disk(monkeypatch):
    """The numbers, from 0, of the calls of `Trainer.save` that find no room."""
    failing, calls, save = set(), [], Trainer.save

    def saving(self, folder):
        calls.append(folder)
        if len(calls) - 1 in failing:
            raise CheckpointError("no room", "room", "make room") from OSError(28, "full")
        save(self, folder)

    monkeypatch.setattr(Trainer, "save", saving)
    return failing


def test_a_full_disk_does_not_end_a_training(data, tmp_path, full_disk):
    full_disk.add(0)
    saved = []

    class Spy(ModelCheckpoint):
        def on_epoch(self, trainer):
            super().on_epoch(trainer)
            saved.append(self.saved)

    with pytest.warns(UserWarning, match="epoch 2 (.|\n)*no room"):
        make().fit(*data, epochs=5, callbacks=[Spy(tmp_path, every=2)], progress=False)
    ends = [f"everything up to the end of epoch {epoch}" for epoch in (3, 4, 5)]
    assert saved == ["", "", *ends]  # tried again after the next epoch
    assert Trainer.resume(tmp_path).epochs_done == 5


def test_a_disk_that_is_full_to_the_end_is_an_error(data, tmp_path, full_disk):
    full_disk.update({1, 2})
    trainer = make()
    with (
        pytest.warns(UserWarning, match="no room"),
        pytest.raises(CheckpointError, match="no room"),
    ):
        trainer.fit(*data, epochs=3, callbacks=[ModelCheckpoint(tmp_path)], progress=False)
    assert trainer.epochs_done == 3
    assert Trainer.resume(tmp_path).epochs_done == 1


def test_the_table_grows_with_the_epochs(data, tmp_path):
    lengths = []

    def look(trainer):
        path = tmp_path / "history.csv"
        lengths.append(len(path.read_text(encoding="utf-8").splitlines()))

    log = CSVLog(tmp_path / "history.csv")
    history = make().fit(*data, epochs=3, callbacks=[log, look], progress=False)
    assert lengths == [2, 3, 4]
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text("utf-8").splitlines()))
    assert [float(row["loss"]) for row in rows] == history["loss"]


# Ctrl-C


def test_ctrl_c_stops_after_the_step(data, tmp_path):
    trainer, former = make(), signal.getsignal(signal.SIGINT)
    folder = tmp_path / "run"
    history = trainer.fit(
        *data, epochs=9, batch_size=8, progress=False,
        callbacks=[InterruptAt(3, 4), ModelCheckpoint(folder)],
    )  # fmt: skip
    assert history.interrupted
    assert history.epochs == 2
    assert trainer.steps_done == 4
    assert trainer.under_way
    assert history.ended == (
        f"stopped by Ctrl-C after step 4 of epoch 3; "
        f"{folder} holds everything up to the end of step 4 of epoch 3"
    )
    assert signal.getsignal(signal.SIGINT) is former

    # It goes on where it was, and ends where a training without a break does.
    assert not trainer.fit(*data, epochs=9, batch_size=8, progress=False).interrupted
    whole = make()
    whole.fit(*data, epochs=9, batch_size=8, progress=False)
    assert np.array_equal(trainer.model.parameters, whole.model.parameters)
    assert trainer.history.state_dict() == whole.history.state_dict()


def test_ctrl_c_at_the_end_of_an_epoch(data):
    def interrupt(trainer):
        signal.raise_signal(signal.SIGINT)

    history = make().fit(*data, epochs=2, callbacks=[interrupt], progress=False)
    assert history.interrupted
    assert history.epochs == 1
    assert history.ended.startswith("stopped by Ctrl-C after epoch 1; nothing is saved")
    history = make().fit(*data, epochs=1, callbacks=[interrupt], progress=False)
    assert not history.interrupted
    assert history.ended == "1 epoch done"


def test_ctrl_c_in_the_validation(data):
    class Late(Accuracy):
        def update(self, predictions, targets):
            super().update(predictions, targets)
            if len(predictions) == 7 and armed:  # only the validation has such a batch
                armed.pop()
                signal.raise_signal(signal.SIGINT)

    armed = [True]
    x, y = data
    trainer = make(metrics=[Late()])
    held_out = [(x[:7], y[:7]), (x, y)]
    options = {"batch_size": 8, "validation_data": held_out, "progress": False}
    history = trainer.fit(x, y, epochs=2, **options)
    assert history.interrupted
    assert history.epochs == 0
    assert trainer.steps_done == 7
    trainer.fit(x, y, epochs=2, **options)
    whole = make(metrics=[Accuracy()])
    whole.fit(x, y, epochs=2, **options)
    assert trainer.history.state_dict() == whole.history.state_dict()
    assert np.array_equal(trainer.model.parameters, whole.model.parameters)


def test_other_batches_begin_the_epoch_anew(data):
    trainer = make()
    trainer.fit(*data, epochs=2, batch_size=8, callbacks=[InterruptAt(1, 3)], progress=False)
    history = trainer.fit(*data, epochs=1, batch_size=53, progress=False)
    assert history.epochs == 1
    assert trainer.steps_done == 1


def test_early_stopping_restores_nothing_on_ctrl_c(data):
    trainer, script = make(), Script("loss", [1.0, 2.0, 3.0])
    last = []

    class Last(InterruptAt):
        def on_step(self, trainer):
            super().on_step(trainer)
            last[:] = [trainer.model.parameters.copy()]

    trainer.fit(
        *data, epochs=3, batch_size=8, progress=False,
        callbacks=[script, EarlyStopping(), Last(3, 2)],
    )  # fmt: skip
    assert np.array_equal(trainer.model.parameters, last[0])


def test_a_second_ctrl_c_raises_at_once(data):
    trainer, former = make(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(*data, epochs=2, callbacks=[InterruptAt(1, 1, times=2)], progress=False)
    assert signal.getsignal(signal.SIGINT) is former
    assert not trainer.under_way


def test_other_threads_and_processes_that_ignore_it(data):
    former = signal.getsignal(signal.SIGINT)
    seen = []

    def look(trainer):
        seen.append(signal.getsignal(signal.SIGINT))

    def work():
        seen.append(make().fit(*data, epochs=1, callbacks=[look], progress=False).epochs)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [former, 1]
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with Interrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
            assert not interrupt.requested
    finally:
        signal.signal(signal.SIGINT, former)


# Progress


def test_lines_where_there_is_no_terminal(data, capsys):
    x, y = data
    trainer = make(metrics=[Accuracy(), ConfusionMatrix()])
    trainer.fit(x, y, epochs=2, batch_size=8, validation_data=data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "2 epochs done"
    number = r"[\d.e+-]+"
    pattern = (
        rf"epoch 1/2  loss {number}  accuracy {number}  val_loss {number}  "
        rf"val_accuracy {number}(  lr 0.1)?(  [\d,]+ samples/s)?  \d+ s left"
    )
    assert re.fullmatch(pattern, lines[0])
    assert lines[1].startswith("epoch 2/2")
    assert "left" not in lines[1]


def test_silence(data, capsys):
    trainer = make()
    trainer.fit(*data, epochs=2, progress=False, callbacks=[InterruptAt(2, 1)])
    assert capsys.readouterr() == ("", "")
    assert trainer.history.interrupted


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that is never in a hurry, so that every step shows."""
    console = Console(file=io.StringIO(), force_terminal=True, width=150, _environ={})
    monkeypatch.setattr(Bar, "interval", 0.0)
    monkeypatch.setattr(progress_module, "make_progress", lambda wanted: Bar(console))
    monkeypatch.setattr("handgrad.training.loop.make_progress", lambda wanted: Bar(console))
    return console.file


def test_the_bar(data, terminal):
    make(metrics=[Accuracy()]).fit(*data, epochs=2, batch_size=8)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.getvalue())
    number = r"[\d.e+-]+"
    for step in (1, 7):
        assert re.search(
            rf"epoch 2/2 \S+ +step {step}/7  loss {number}  accuracy {number}  "
            r"[\d,]+ samples/s  \d+ s left",
            text,
        )
    assert "epoch 1/2  loss" in text
    assert "2 epochs done" in text


VALUES = {
    "loss": 1.137,
    "accuracy": 0.6284,
    "validation_loss": 1.2345,
    "validation_accuracy": 0.5,
    "lr": 0.001,
}


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (40, "step 93/157 loss 1.137"),
        (60, "step 93/157 loss 1.137"),
        (80, "step 93/157 loss 1.137 val_loss 1.234 1 min 7 s left"),
        (
            170,
            "step 93/157 loss 1.137 accuracy 0.6284 val_loss 1.234 val_accuracy 0.5 lr 0.001 "
            "11,904 samples/s 1 min 7 s left",
        ),
    ],
)
def test_the_bar_fits_the_terminal(width, words, monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=width, _environ={})
    monkeypatch.setattr(progress_module, "perf_counter", iter([0.0, 1.0, 1.0, 1.0]).__next__)
    with Bar(console) as bar:
        bar.begin(97, 100, 157, 85)
        bar.step(93, 11904, VALUES)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", console.file.getvalue())
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    assert all(len(line) <= width for line in lines)
    assert re.sub(r"[━╸╺ ]+", " ", lines[-1]) == f"epoch 97/100 {words}"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_line_fits_so_many_columns(width):
    line = progress_module.fitted("epoch 1000/1000", VALUES, 1e6, 3e4, width)
    assert len(line) <= width
    assert line.startswith("epoch 1000/1000  loss 1.137  ")
    assert "val_loss 1.234" in line
    narrow = progress_module.fitted("epoch 1/2", VALUES, 1e6, 3e4, 10)
    assert narrow == "epoch 1/2  loss 1.137"


def test_the_bar_keeps_its_pace_however_short_the_epochs(data, terminal, monkeypatch):
    calls = []
    step = Bar.step
    monkeypatch.setattr(Bar, "interval", 1e9)
    monkeypatch.setattr(Bar, "step", lambda self, *values: calls.append(step(self, *values)))
    make().fit(*data, epochs=3, batch_size=8)
    assert len(calls) == 1
    assert all(f"epoch {epoch}/3  loss" in terminal.getvalue() for epoch in (1, 2, 3))


def test_the_bar_without_a_known_number_of_steps(data, terminal):
    class Batches:
        def __iter__(self):
            yield data

    make().fit(Batches(), epochs=1)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.getvalue())
    assert re.search(r"step 1  loss", text)
    assert "left" not in text


def test_the_bar_is_drawn_only_now_and_then(data, terminal, monkeypatch):
    monkeypatch.setattr(Bar, "interval", 1e9)
    calls = []
    monkeypatch.setattr(
        Bar, "step", lambda self, *values: calls.append(values) or setattr(self, "due", 1e18)
    )
    make().fit(*data, epochs=1, batch_size=1)
    assert len(calls) == 1


def test_which_progress(monkeypatch):
    assert type(make_progress(False)) is Progress
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_progress(True)) is Lines
    monkeypatch.setenv("TERM", "xterm")
    assert type(make_progress(True)) is Bar
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert type(make_progress(True)) is Lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (61.5, "1 min 2 s"), (3600, "1 h 0 min"), (9000, "2 h 30 min")],
)
def test_times_for_people(seconds, text):
    assert progress_module._time(seconds) == text


def test_a_loss_that_is_a_sum_counts_as_one(data):
    x, y = data
    loss = CrossEntropy(average=False)
    trainer = Trainer(Model([Linear(D, K)]), loss, SGD(lr=0.0))
    history = trainer.fit(x, y, epochs=1, batch_size=8, progress=False)
    assert history["loss"][0] == pytest.approx(float(loss(trainer.predict(x), y)))


def test_mean_squared_error_is_a_mean(data):
    x, _ = data
    trainer = Trainer(Model([Linear(D, K)]), MSELoss(), SGD(lr=0.0))
    history = trainer.fit(x, x[:, :K], epochs=1, batch_size=8, progress=False)
    expected = MSELoss()(trainer.predict(x), x[:, :K])
    assert history["loss"][0] == pytest.approx(float(expected))


def test_it_is_said_that_nothing_is_saved_yet(tmp_path):
    trainer = make()
    trainer._callbacks = [ModelCheckpoint(tmp_path, every=50)]
    assert trainer.saved == "nothing is saved yet"


def test_early_stopping_is_for_one_model(data):
    stopping = EarlyStopping(patience=9)
    make().fit(*data, epochs=2, callbacks=[stopping], progress=False)
    other = Trainer(Model([Linear(D, K)]), CrossEntropy(), SGD(lr=0.1))
    with pytest.raises(ArgumentError, match="make a new EarlyStopping"):
        other.fit(*data, epochs=2, callbacks=[stopping], progress=False)


# The best epoch alone


def falling(tmp_path, values, epochs=None, **options):
    """Train where the validation loss is as given, and return the checkpoint."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 3))
    trainer = Trainer(Model([Linear(3, 1, rng=rng)]), MSELoss(), SGD(0.1), rng=rng)
    saving = ModelCheckpoint(tmp_path / "run", best_only=True, **options)
    parameters = []

    class Pretend(Callback):
        def on_epoch(self, trainer):
            trainer.history.values["validation_loss"][-1] = values[trainer.epochs_done - 1]
            parameters.append(trainer.model.parameters.copy())

    trainer.fit(
        *(x, x[:, :1]),
        epochs=epochs or len(values),
        validation_data=(x, x[:, :1]),
        callbacks=[Pretend(), saving],
        progress=False,
    )
    return saving, parameters


def test_the_checkpoint_of_the_best_epoch_is_the_one_that_is_kept(tmp_path):
    saving, parameters = falling(tmp_path, [3.0, 1.0, 2.0, 1.5])
    assert saving.best_epoch == 2
    resumed = Trainer.resume(tmp_path / "run")
    assert resumed.epochs_done == 2
    assert_array_equal(resumed.model.parameters, parameters[1])
    assert "epoch 2" in saving.saved
    assert "best_only=True" in repr(saving)


def test_more_may_be_better(tmp_path):
    saving, _ = falling(tmp_path, [3.0, 1.0, 4.0], monitor="validation_loss", mode="max")
    assert saving.best_epoch == 3
    with pytest.raises(ArgumentError, match="mode"):
        ModelCheckpoint("run", best_only=True, mode="most")
    again = ModelCheckpoint("run", best_only=True)
    again.load_state_dict(saving.state_dict())
    assert (again.best, again.best_epoch) == (4.0, 3)
