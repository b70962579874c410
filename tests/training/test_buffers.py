"""What a model keeps and does not learn goes along with its parameters."""

import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from handgrad import Dropout, Linear, Model, MSELoss
from handgrad.errors import TrainingError
from handgrad.optimizers import Adam
from handgrad.training import (
    AccumulateGradients,
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    Trainer,
)
from handgrad.walk import buffers, snapshot
from trees import Mean, Residual

N, D, K = 53, 5, 3
CLASSES = [Mean, Residual]


def network(seed=0):
    rng = np.random.default_rng(seed)
    block = Residual(Model([Linear(D, D, rng=rng), Dropout(Mean(D), 0.3, rng=rng)]))
    return Model([Mean(D), block, Linear(D, K, rng=rng), Mean(K)])


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((N, D)) + 3
    return x, x @ rng.standard_normal((D, K))


def make(**options):
    return Trainer(network(), MSELoss(), Adam(lr=0.01), rng=np.random.default_rng(2), **options)


def fit(trainer, data, callbacks=(), epochs=4):
    held_out = data[0][:9], data[1][:9]
    return trainer.fit(
        *data, epochs=epochs, batch_size=8, validation_data=held_out,
        callbacks=callbacks, progress=False,
    )  # fmt: skip


def same(model, other):
    one, two = snapshot(model), snapshot(other)
    assert list(one) == list(two)
    for name in one:
        assert_array_equal(one[name], two[name], err_msg=name)


class Stop(Callback):
    def __init__(self, epoch, step):
        self.at = epoch, step

    def on_step(self, trainer):
        if (trainer.epochs_done + 1, trainer.steps_done) == self.at:
            signal.raise_signal(signal.SIGINT)


def test_buffers_are_updated_once_a_step_and_by_nothing_else(data):
    trainer = make()
    mean = trainer.model.components[0].buffers["mean"]
    fit(trainer, data, epochs=1)
    order = np.random.default_rng(2).permutation(N)
    expected = np.zeros(D)
    for begin in range(0, N, 8):
        expected += 0.1 * (data[0][order[begin : begin + 8]].mean(axis=0) - expected)
    assert_array_equal(mean, expected)
    before = snapshot(trainer.model)
    trainer.predict(data[0])
    trainer.evaluate(*data)
    assert all(np.array_equal(before[n], a) for n, a in snapshot(trainer.model).items())


@pytest.mark.parametrize("step", [None, AccumulateGradients(3)])
@pytest.mark.parametrize("at", [(1, 1), (2, 4), (3, 7)])
def test_a_training_goes_on_bit_for_bit_with_its_buffers(data, tmp_path, at, step):
    whole = make(step=step)
    fit(whole, data)
    part = make(step=step)
    assert fit(part, data, [Stop(*at), ModelCheckpoint(tmp_path / "run")]).interrupted
    resumed = Trainer.resume(tmp_path / "run", classes=CLASSES)
    same(resumed.model, part.model)
    fit(resumed, data)
    same(resumed.model, whole.model)
    assert resumed.history.state_dict() == whole.history.state_dict()


class Spoil(MSELoss):
    """A loss that is not finite in some step."""

    def __init__(self, step, what="value"):
        self.step, self.what, self.steps = step, what, 0

    def apply(self, predictions, targets, sample_weight=None):
        self.steps += 1
        value, saved = super().apply(predictions, targets, sample_weight)
        return np.inf if self.steps == self.step and self.what == "value" else value, saved

    def pullback(self, saved):
        spoiled = self.steps == self.step and self.what == "gradient"
        return super().pullback(saved) * (np.nan if spoiled else 1)


@pytest.mark.parametrize("what", ["value", "gradient"])
def test_a_step_that_is_refused_leaves_them(data, what):
    trainer, kept = make(), []
    trainer = Trainer(network(), Spoil(5, what), Adam(lr=0.01), rng=np.random.default_rng(2))

    class Keep(Callback):
        def on_step(self, trainer):
            kept.append(snapshot(trainer.model))

    with pytest.raises(TrainingError):
        fit(trainer, data, [Keep()])
    assert len(kept) == 4
    assert all(np.array_equal(kept[-1][n], a) for n, a in snapshot(trainer.model).items())
    names = [place.name for place in buffers(trainer.model)]
    assert names == ["0.mean", "1.inner.1.layer.mean", "3.mean"]
    assert all(not np.array_equal(kept[-1][name], kept[-2][name]) for name in names)


def test_early_stopping_puts_the_best_ones_back(data, tmp_path):
    kept = []

    class Keep(Callback):
        def on_epoch(self, trainer):
            kept.append(snapshot(trainer.model))

    stopping = EarlyStopping("loss", mode="max", patience=9)  # so that the first is the best
    trainer = make()
    fit(trainer, data, [stopping, Keep(), ModelCheckpoint(tmp_path / "run")], epochs=2)
    assert stopping.best_epoch == 1
    assert all(np.array_equal(kept[0][n], a) for n, a in snapshot(trainer.model).items())
    assert not np.array_equal(kept[0]["0.mean"], kept[1]["0.mean"])
    resumed = Trainer.resume(tmp_path / "run", classes=CLASSES)
    assert all(np.array_equal(kept[1][n], a) for n, a in snapshot(resumed.model).items())
    fit(resumed, data, [EarlyStopping("loss", mode="max", patience=9)])
    assert all(np.array_equal(kept[0][n], a) for n, a in snapshot(resumed.model).items())


def test_a_buffer_that_is_not_finite_is_told(data):
    class Late(Mean):
        def update_buffers(self, saved):
            self.buffers["mean"][...] = np.nan

    trainer = Trainer(Model([Late(D), Linear(D, K)]), MSELoss(), Adam(lr=0.01))
    with pytest.raises(TrainingError, match=r"mean of component 0, Late\(\)"):
        trainer.fit(*data, epochs=1, progress=False)
