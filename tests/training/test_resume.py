"""A training that was interrupted and resumed ends bit for bit where another one does."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from safetensors import safe_open

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, checkpoint
from handgrad.errors import CheckpointError
from handgrad.optimizers import SGD, Adam, AdamW, RMSprop
from handgrad.optimizers.schedules import Cosine, ReduceOnPlateau
from handgrad.training import (
    R2,
    Accuracy,
    Callback,
    ConfusionMatrix,
    EarlyStopping,
    ModelCheckpoint,
    TopK,
    Trainer,
)

N, D, K, EPOCHS = 53, 5, 3, 5


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D))
    return x, (x @ rng.standard_normal((D, K))).argmax(axis=1)


def adam(rng):
    """Dropout that draws from a generator of its own."""
    model = Model(
        [
            Dropout(Linear(D, 11, rng=rng), 0.3, rng=np.random.default_rng(5)),
            ReLU(),
            Linear(11, K, rng=rng),
        ]
    )
    return Trainer(
        model, CrossEntropy(), Adam(lr=0.01), metrics=[Accuracy(), ConfusionMatrix()], rng=rng
    )


def shared(rng):
    """One generator for everything, and a schedule with a warm-up."""
    model = Model(
        [
            Dropout(Linear(D, 11, rng=rng), 0.3, rng=rng),
            Model([ReLU(), Dropout(ReLU(), 0.1, rng=rng)]),
            Linear(11, K, rng=rng),
        ]
    )
    schedule = Cosine(EPOCHS, warmup=2)
    return Trainer(model, CrossEntropy(), AdamW(lr=0.02), schedule=schedule, rng=rng)


def numpys_own(rng):
    """Everything from NumPy's global state, the exercise's way."""
    np.random.seed(3)
    model = Model([Dropout(Linear(D, 11), 0.3), ReLU(), Linear(11, K)])
    return Trainer(model, CrossEntropy(), RMSprop(lr=0.01, momentum=0.5), metrics=[TopK(2)])


def plateau(rng):
    """float32, momentum, a rate that falls when the validation loss does not."""
    rng = np.random.Generator(np.random.MT19937(4))
    model = Model(
        [Linear(D, 11, rng=rng, dtype=np.float32), ReLU(), Linear(11, K, rng=rng, dtype=np.float32)]
    )
    schedule = ReduceOnPlateau(patience=0)
    optimizer = SGD(lr=0.5, momentum=0.9, nesterov=True, max_norm=0.5)
    return Trainer(model, CrossEntropy(), optimizer, schedule=schedule, rng=rng)


def frozen(rng):
    """A layer that is frozen, one that was for a while, and a decay of weights alone."""
    layers = [Linear(D, 7, rng=rng), Linear(7, 11, bias=False, rng=rng), Linear(11, K, rng=rng)]
    model = Model([layers[0].freeze(), ReLU(), layers[1].freeze(), ReLU(), layers[2]])
    optimizer = AdamW(lr=0.02, weight_decay=0.5, decay="weights", max_norm=0.1)
    for _ in range(3):
        optimizer.update(model.parameters, rng.standard_normal(model.parameters.size))
    layers[1].unfreeze()
    return Trainer(model, CrossEntropy(), optimizer, rng=rng)


RECIPES = [adam, shared, numpys_own, plateau, frozen]


def train(trainer, data, epochs=EPOCHS, callbacks=()):
    x, y = data
    return trainer.fit(
        x, y, epochs=epochs, batch_size=8, validation_data=(-x[:20], y[:20]),
        callbacks=callbacks, progress=False, class_weight={1: 2.0},
    )  # fmt: skip


def everything(trainer):
    """Return all that could differ, down to the last bit."""
    random = [part.bit_generator.state for part in [trainer.rng]]
    return repr(
        [
            trainer.model.parameters.tobytes(),
            sorted((k, np.asarray(v).tobytes()) for k, v in trainer.optimizer.state_dict().items()),
            trainer.schedule and trainer.schedule.state_dict(),
            trainer.history.state_dict(),
            checkpoint.to_config([trainer.model, trainer.rng, random]),
            checkpoint.generator_state(),
        ]
    )


class Stop(Callback):
    """Ctrl-C after some step."""

    def __init__(self, epoch, step):
        self.at = epoch, step

    def on_step(self, trainer):
        if (trainer.epochs_done + 1, trainer.steps_done) == self.at:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_break_after_every_epoch(recipe, data, tmp_path):
    whole = recipe(np.random.default_rng(2))
    train(whole, data)
    assert whole.history["loss"][-1] < whole.history["loss"][0]

    trainer = recipe(np.random.default_rng(2))
    for epochs in range(1, EPOCHS + 1):
        train(trainer, data, epochs, [ModelCheckpoint(tmp_path)])
        trainer.model.parameters = 0.0 * trainer.model.parameters
        np.random.seed(epochs)  # nothing of what is drawn in between matters
        trainer = Trainer.resume(tmp_path)
        assert trainer.epochs_done == epochs
        np.random.random(epochs)
    train(trainer, data)  # which puts NumPy's state back, and finds nothing left to do
    assert everything(trainer) == everything(whole)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("at", [(1, 1), (2, 6), (3, 7), (5, 7)])
def test_a_break_after_any_step(recipe, data, tmp_path, at):
    whole = recipe(np.random.default_rng(2))
    train(whole, data)
    trainer = recipe(np.random.default_rng(2))
    assert train(trainer, data, callbacks=[Stop(*at), ModelCheckpoint(tmp_path)]).interrupted
    resumed = Trainer.resume(tmp_path)
    np.random.seed(0)
    assert (resumed.epochs_done, resumed.under_way) == (at[0] - 1, True)
    assert not train(resumed, data).interrupted
    assert everything(resumed) == everything(whole)


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_early_stopping_goes_on(data, tmp_path, stop):
    def script(trainer):  # the best is epoch 2, and patience ends after epoch 4
        trainer.history["loss"][-1] = [3.0, 1.0, 2.0, 4.0, 0.0][trainer.epochs_done - 1]

    def callbacks(folder):
        stoppings = EarlyStopping("loss", patience=2), EarlyStopping("validation_loss", patience=5)
        return [ModelCheckpoint(folder), script, *stoppings]

    whole, mine = adam(np.random.default_rng(2)), callbacks(tmp_path / "whole")
    assert train(whole, data, callbacks=mine).epochs == 4
    trainer = adam(np.random.default_rng(2))
    train(trainer, data, stop, callbacks(tmp_path / "part"))
    resumed, theirs = Trainer.resume(tmp_path / "part"), callbacks(tmp_path / "part")
    history = train(resumed, data, callbacks=theirs)
    assert history.epochs == 4
    assert history.ended == whole.history.ended
    for ours, others in zip(mine[2:], theirs[2:], strict=True):
        state, other = ours.state_dict(), others.state_dict()
        ours, theirs = state.pop("arrays"), other.pop("arrays")
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        assert state == other
    assert np.array_equal(resumed.model.parameters, whole.model.parameters)
    assert resumed.history.state_dict() == whole.history.state_dict()


class Lately(Callback):
    """Has no state at first, and its number of epochs later."""

    def __init__(self, first):
        self.first, self.epochs = first, 0

    def on_epoch(self, trainer):
        self.epochs += trainer.epochs_done >= self.first

    def state_dict(self):
        return {"epochs": self.epochs} if self.epochs else {}

    def load_state_dict(self, state):
        self.epochs = state.get("epochs", 0)


def test_two_callbacks_of_a_class_keep_their_own_states(data, tmp_path):
    trainer = adam(np.random.default_rng(2))
    train(trainer, data, 2, [Lately(9), Lately(1), ModelCheckpoint(tmp_path)])
    late, early = Lately(9), Lately(1)
    train(Trainer.resume(tmp_path), data, 3, [late, early])
    assert (late.epochs, early.epochs) == (0, 3)


def test_a_state_that_a_callback_refuses_stays_until_it_fits(data, tmp_path):
    class Refusing(Lately):
        def load_state_dict(self, state):
            raise ValueError("no")

    Refusing.__name__ = "Lately"
    whole = numpys_own(None)
    train(whole, data, callbacks=[Lately(1)])
    trainer = numpys_own(None)
    train(trainer, data, 2, [Lately(1), ModelCheckpoint(tmp_path)])
    resumed = Trainer.resume(tmp_path)
    with pytest.raises(ValueError, match="no"):
        train(resumed, data, callbacks=[Refusing(1)])
    np.random.seed(0)
    counted = Lately(1)
    train(resumed, data, callbacks=[counted])
    assert counted.epochs == EPOCHS
    assert everything(resumed) == everything(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"order": np.arange(N) // 2},
        {"order": np.arange(1, N + 1)},
        {"order": np.arange(N) + 0.0},
        {"order": np.arange(N).reshape(1, N)},
        {"steps": -1},
        {"steps": 1.5},
        {"batch_size": 0},
        {"count": -8.0},
        {"step": [1]},
        {"total": "much"},
        {"metrics": []},
        {"norms": {"gradient_norm": "much"}},
    ],
)
def test_an_epoch_under_way_that_cannot_have_been_saved(data, tmp_path, change):
    trainer = adam(np.random.default_rng(2))
    train(trainer, data, callbacks=[Stop(1, 3), ModelCheckpoint(tmp_path)])
    kept = checkpoint.load(tmp_path, classes=(Accuracy, ConfusionMatrix))
    state = kept.training
    checkpoint.save(tmp_path, kept.model, {**state, "epoch": {**state["epoch"], **change}})
    with pytest.raises(CheckpointError, match="no trainer can go on from"):
        Trainer.resume(tmp_path)


def test_what_is_saved_is_where_the_training_was_not_the_best(data, tmp_path):
    whole = adam(np.random.default_rng(2))
    train(whole, data)
    trainer = adam(np.random.default_rng(2))
    train(
        trainer,
        data,
        3,
        [EarlyStopping("accuracy", mode="min"), ModelCheckpoint(tmp_path, every=9)],
    )
    resumed = Trainer.resume(tmp_path)
    train(resumed, data)
    assert everything(resumed) == everything(whole)


def test_saved_again_before_it_goes_on(data, tmp_path):
    whole = numpys_own(None)
    train(whole, data, callbacks=[EarlyStopping(patience=9)])
    trainer = numpys_own(None)
    trainer.extra["classes"] = ["a", "b"]
    trainer.extra["mean"] = np.arange(3.0)
    train(trainer, data, 2, [EarlyStopping(patience=9), ModelCheckpoint(tmp_path / "0")])
    for i in range(3):
        np.random.seed(0)
        trainer = Trainer.resume(tmp_path / f"{i}")
        trainer.save(tmp_path / f"{i + 1}")
    stopping = EarlyStopping(patience=9)
    train(trainer, data, callbacks=[stopping])
    assert everything(trainer) == everything(whole)
    assert stopping.best == min(whole.history["validation_loss"])
    assert trainer.extra["classes"] == ["a", "b"]
    assert np.array_equal(trainer.extra["mean"], np.arange(3.0))


def test_batches_of_one_s_own_go_on(tmp_path, data):
    class Batches:
        def __iter__(self):
            x, y = data
            for _ in range(6):
                rows = np.random.randint(0, N, 8)  # from NumPy's global state
                yield x[rows], y[rows]

    def run(trainer, callbacks=()):
        trainer.fit(Batches(), epochs=3, progress=False, callbacks=callbacks)
        return trainer

    whole = run(numpys_own(None))
    trainer = run(numpys_own(None), [Stop(2, 6), ModelCheckpoint(tmp_path)])
    assert trainer.history.interrupted
    resumed = Trainer.resume(tmp_path)
    assert resumed.epochs_done == 1
    steps = []
    resumed.fit(Batches(), epochs=2, progress=False, callbacks=[steps.append])
    assert len(steps) == 1
    assert resumed.history["loss"][:2] == whole.history["loss"][:2]


class Exercise:
    """What the exercise asks of a layer."""

    def __init__(self, n, k):
        self.n, self.k = n, k
        self.weights, self.bias = np.ones((n, k)), np.zeros((1, k))

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, dy):
        self.gradients = {"bias": dy.sum(axis=0, keepdims=True)}
        return self.x.T @ dy, dy @ self.weights.T


class ExerciseLoss:
    """What the exercise asks of a loss."""

    def __call__(self, predictions, targets):
        self.difference = predictions - targets
        return np.mean(self.difference**2)

    def grad(self):
        return 2 * self.difference / self.difference.size


def test_classes_of_one_s_own(data, tmp_path):
    x = data[0]
    y = x[:, :2]

    def make():
        model = Model([Linear(D, 7, rng=np.random.default_rng(0)), ReLU(), Exercise(7, 2)])
        rng = np.random.default_rng(1)
        return Trainer(model, ExerciseLoss(), SGD(lr=0.1, momentum=0.5), metrics=[R2()], rng=rng)

    whole, trainer = make(), make()
    whole.fit(x, y, epochs=4, progress=False)
    trainer.fit(x, y, epochs=2, progress=False, callbacks=[ModelCheckpoint(tmp_path)])
    with pytest.raises(CheckpointError, match="Exercise"):
        Trainer.resume(tmp_path)
    resumed = Trainer.resume(tmp_path, classes=[Exercise, ExerciseLoss])
    resumed.fit(x, y, epochs=4, progress=False)
    assert everything(resumed) == everything(whole)


def test_what_no_trainer_has_saved(tmp_path, data):
    with pytest.raises(CheckpointError, match="checkpoint"):
        Trainer.resume(tmp_path / "nowhere")
    model = Model([Linear(D, K)])
    checkpoint.save(tmp_path / "bare", model)
    with pytest.raises(CheckpointError, match="no trainer can go on from"):
        Trainer.resume(tmp_path / "bare")
    trainer = Trainer(model, MSELoss(), SGD(lr=0.1))
    trainer.save(tmp_path / "whole")
    state = checkpoint.load(tmp_path / "whole").training
    for name, wrong in {
        "loss": None,
        "optimizer": 3,
        "metrics": ["no such one"],
        "rng": 7,
        "states": {"optimizer": {"steps": -1, "lr": 0.1}},
        "history": [1, 2],
        "epoch": {"order": None},
        "callbacks": None,
        "numpy": 3,
    }.items():
        checkpoint.save(tmp_path / name, model, {**state, name: wrong})
        with pytest.raises(CheckpointError, match="no trainer can go on from"):
            Trainer.resume(tmp_path / name)
    checkpoint.save(tmp_path / "random", model, {**state, "numpy": {"bit_generator": "no"}})
    resumed = Trainer.resume(tmp_path / "random")
    with pytest.raises(CheckpointError, match="NumPy's global"):
        resumed.fit(data[0], data[0][:, :K], epochs=1, progress=False)


def test_the_state_is_for_people_to_read(data, tmp_path):
    trainer = adam(np.random.default_rng(2))
    train(trainer, data, 2, [EarlyStopping(patience=9), ModelCheckpoint(tmp_path)])
    with safe_open(tmp_path / "checkpoint.safetensors", framework="numpy") as file:
        training = json.loads(file.metadata()["training"])
    assert training["history"]["loss"] == trainer.history["loss"]
    assert training["callbacks"][0]["class"] == "EarlyStopping"
    assert training["optimizer"]["lr"] == 0.01


SCRIPT = textwrap.dedent(
    """
    import sys
    import numpy as np
    from handgrad import CrossEntropy, Dropout, Linear, Model, ReLU
    from handgrad.errors import CheckpointError
    from handgrad.optimizers import Adam
    from handgrad.training import ModelCheckpoint, Trainer

    folder = sys.argv[1]
    try:
        trainer = Trainer.resume(folder)
    except CheckpointError:
        np.random.seed(3)
        model = Model([Dropout(Linear(5, 11), 0.3), ReLU(), Linear(11, 3)])
        trainer = Trainer(model, CrossEntropy(), Adam(lr=0.01))
    print("ready", flush=True)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((400, 5)), rng.integers(0, 3, 400)
    trainer.fit(x, y, epochs=60, batch_size=4, progress=False, callbacks=[ModelCheckpoint(folder)])
    """
)


def test_kills_at_random_moments(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def start(folder):
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)

    with start(tmp_path / "whole") as whole:
        rng, kills, done = np.random.default_rng(), 0, []
        while kills < 6 and (not done or done[-1] < 60):
            with start(tmp_path / "killed") as process:
                assert process.stdout.readline() == b"ready\n"
                time.sleep(rng.uniform(0.02, 0.2))
                process.kill()
            kills += 1
            if (tmp_path / "killed" / "checkpoint.safetensors").exists():
                done.append(Trainer.resume(tmp_path / "killed").epochs_done)
        with start(tmp_path / "killed") as last:
            assert last.wait() == 0
        assert whole.wait() == 0
    assert done == sorted(done)
    one, two = (Trainer.resume(tmp_path / name) for name in ("whole", "killed"))
    assert one.epochs_done == 60
    assert everything(one) == everything(two)
    assert one._waiting == two._waiting
