"""The step: what it is made of, what may stand in it, and what takes its place."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import Component, CrossEntropy, Linear, Model, MSELoss, ReLU
from handgrad.errors import ArgumentError, HandgradError, ShapeError, TrainingError
from handgrad.optimizers import SGD, Adam
from handgrad.training import (
    AccumulateGradients,
    Callback,
    ClipGradients,
    ModelCheckpoint,
    Trainer,
    TrainStep,
)
from trees import Mean, Residual

N, D, K = 60, 5, 3


def network(seed=0):
    rng = np.random.default_rng(seed)
    return Model([Linear(D, 7, rng=rng), ReLU(), Linear(7, K, rng=rng)])


def batches(sizes, weights=None, seed=1):
    """Return batches of those sizes, with weights where a share of them is wanted."""
    rng = np.random.default_rng(seed)
    made = []
    for size in sizes:
        batch = rng.standard_normal((size, D)), rng.integers(0, K, size)
        if weights is not None:
            batch += (rng.uniform(0, 3, size) * (rng.random(size) < weights),)
        made.append(batch)
    return made


def together(parts):
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def trained(data, step=None, optimizer=None, loss=None, epochs=3, callbacks=(), model=None):
    model = network() if model is None else model
    trainer = Trainer(
        model, loss or CrossEntropy(), optimizer or SGD(lr=0.3, momentum=0.9), step=step
    )
    trainer.fit(data, epochs=epochs, progress=False, callbacks=callbacks)
    return trainer


# Accumulation


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("weights", [None, 0.7])
def test_accumulated_gradients_are_those_of_one_big_batch(average, weights):
    small = batches([7, 3, 11, 5, 2], weights)
    big = [together(small[:3]), together(small[3:])]  # the rest at the epoch's end is one too
    loss = CrossEntropy(average)
    optimizer = SGD(lr=0.3 if average else 0.01, momentum=0.9)
    ours = trained(small, AccumulateGradients(3), optimizer, loss)
    theirs = trained(big, None, SGD(lr=optimizer.lr, momentum=0.9), loss)
    assert optimizer.steps == 6
    assert_allclose(ours.model.parameters, theirs.model.parameters, rtol=0, atol=1e-12)
    assert not np.allclose(ours.model.parameters, network().parameters, atol=1e-3)
    norms = [trainer.history["gradient_norm"] for trainer in (ours, theirs)]
    assert_allclose(*norms, rtol=1e-10)


def test_batches_in_which_nothing_counts_change_nothing():
    masked = [(x, y, np.zeros(len(y))) for x, y in batches([4])]
    data = batches([5, 6], 1.0)
    ours = trained([data[0], *masked, data[1]], AccumulateGradients(3))
    theirs = trained(data, AccumulateGradients(2))
    assert_array_equal(ours.model.parameters, theirs.model.parameters)
    assert ours.history["loss"] == theirs.history["loss"]
    only = trained(masked)
    assert_array_equal(only.model.parameters, network().parameters)
    assert only.history["loss"] == [0, 0, 0]


class Stop(Callback):
    """Ctrl-C after a step."""

    def __init__(self, step):
        self.step = step

    def on_step(self, trainer):
        if trainer.steps_done == self.step and trainer.epochs_done == 1:
            import signal

            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_an_interrupted_accumulation_goes_on_bit_for_bit(tmp_path, at):
    data = batches([7, 3, 11, 5, 2])
    whole = trained(data, AccumulateGradients(3), Adam(lr=0.01))
    part = trained(
        data, AccumulateGradients(3), Adam(lr=0.01), callbacks=[Stop(at), ModelCheckpoint(tmp_path)]
    )
    assert part.history.interrupted
    resumed = Trainer.resume(tmp_path)
    assert repr(resumed.step) == "AccumulateGradients(3)"
    resumed.fit(data, epochs=3, progress=False)
    for trainer in (resumed, part):
        if trainer is part:
            trainer.fit(data, epochs=3, progress=False)
        assert_array_equal(trainer.model.parameters, whole.model.parameters)
        assert trainer.history.state_dict() == whole.history.state_dict()


def test_what_a_failed_epoch_has_accumulated_is_forgotten():
    data = batches([7, 3, 11, 5])
    spoiled = [*data[:1], (np.full((3, D), np.nan), data[1][1])]
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.3, momentum=0.9))
    trainer.step = AccumulateGradients(2)
    with pytest.raises(TrainingError):
        trainer.fit(spoiled, epochs=1, progress=False)
    trainer.fit(data, epochs=3, progress=False)
    whole = trained(data, AccumulateGradients(2))
    assert_array_equal(trainer.model.parameters, whole.model.parameters)


@pytest.mark.parametrize("count", [0, 1.5, "2"])
def test_batches_of_an_update_are_counted(count):
    with pytest.raises(ArgumentError, match="positive integer"):
        AccumulateGradients(count)


@pytest.mark.parametrize(
    "change",
    [
        {"done": 3},
        {"done": 1.5},
        {"count": "much"},
        {"sum": np.zeros(3)},
        {"sum": 1},
        {"sum": None},
    ],
)
def test_a_state_that_no_accumulation_has_is_refused(change):
    step = AccumulateGradients(3)
    trainer = Trainer(network(), CrossEntropy(), SGD(lr=0.1), step=step)
    data = batches([4, 5, 6, 7])
    trainer.fit(data, epochs=2, callbacks=[Stop(1)], progress=False)
    assert trainer.history.interrupted
    trainer._epoch_state.step |= change
    with pytest.raises(HandgradError):
        trainer.fit(data, epochs=2, progress=False)


# The hook between gradient and update


class Change(Callback):
    """Put other gradients into place, in each of the ways in which that can be done."""

    def __init__(self, how):
        self.how, self.seen = how, []

    def on_gradients(self, trainer, gradients):
        self.seen.append(gradients.flat.copy())
        if self.how == "flat":
            flat = gradients.flat
            flat *= 2
        elif self.how == "assigned":
            gradients.flat *= 2
        elif self.how == "array":
            for entry in gradients:
                for name in entry:
                    entry[name] = 2 * entry[name]
        else:
            for i, entry in enumerate(gradients):
                gradients[i] = {name: 2 * array for name, array in entry.items()}


@pytest.mark.parametrize("how", ["flat", "assigned", "array", "entry"])
@pytest.mark.parametrize("step", [None, AccumulateGradients(2)])
def test_callbacks_may_change_the_gradients(how, step):
    data, change = batches([7, 3, 11, 5]), Change(how)
    ours = trained(data, step, SGD(lr=0.1), callbacks=[change])
    assert len(change.seen) == (6 if step else 12)
    assert_array_equal(ours.model.parameters, trained(data, step, SGD(lr=0.2)).model.parameters)
    norm = np.linalg.norm(2 * change.seen[-1])
    assert ours.history["gradient_norm"][-1] == pytest.approx(norm, rel=1e-12)


def test_clipping_by_norm_is_the_optimizer_s():
    data = batches([7, 3, 11])
    ours = trained(data, None, SGD(lr=0.5), callbacks=[ClipGradients(0.1)])
    theirs = trained(data, None, SGD(lr=0.5, max_norm=0.1))
    assert_allclose(ours.model.parameters, theirs.model.parameters, rtol=1e-13)
    assert ours.history["gradient_norm"][0] == pytest.approx(0.1, rel=1e-4)
    assert theirs.history["gradient_norm"][0] > 0.12
    loose = trained(data, None, SGD(lr=0.5), callbacks=[ClipGradients(1e3)])
    assert_array_equal(loose.model.parameters, trained(data, None, SGD(lr=0.5)).model.parameters)


@pytest.mark.parametrize("options", [{"max_norm": 0.1}, {"max_value": 0.02}])
def test_clipping_as_pytorch_has_it(options):
    seen = []

    class Look(Callback):
        def on_gradients(self, trainer, gradients):
            seen.append([a.copy() for entry in gradients for a in entry.values()])

    trained(batches([7, 3]), None, SGD(lr=0.1), epochs=1,
            callbacks=[Look(), ClipGradients(**options), Look()])  # fmt: skip
    changed = []
    for before, after in zip(seen[::2], seen[1::2], strict=True):
        tensors = [torch.zeros(array.shape, dtype=torch.float64) for array in before]
        for tensor, array in zip(tensors, before, strict=True):
            tensor.grad = torch.tensor(array)
        if "max_norm" in options:
            torch.nn.utils.clip_grad_norm_(tensors, options["max_norm"])
        else:
            torch.nn.utils.clip_grad_value_(tensors, options["max_value"])
        for tensor, array, old in zip(tensors, after, before, strict=True):
            assert_allclose(array, tensor.grad.numpy(), rtol=1e-12)
            changed.append(not np.array_equal(array, old))
    assert any(changed)


def test_clipping_needs_a_bound():
    for arguments in ({}, {"max_norm": 0.0}, {"max_value": -1.0}, {"max_norm": np.nan}):
        with pytest.raises(ArgumentError, match="ClipGradients"):
            ClipGradients(**arguments)


# Steps of one's own


class Averaged(TrainStep):
    """The gradient of two machines, one of which has the other half of each batch."""

    def __call__(self, x, y, weights):
        half = len(y) // 3  # not half: the counts differ
        result, saved = self.differentiate(x[:half], y[:half], weights)
        flat = self.gradients.flat
        mine, value = flat * result.weight, result.value * result.weight
        other, saved = self.differentiate(x[half:], y[half:], weights)
        total = result.weight + other.weight
        flat[...] = (mine + flat * other.weight) / total
        value = (value + other.value * other.weight) / total
        self.accept(value, saved)
        self.update()
        both = np.concatenate([result.predictions, other.predictions])
        return other._replace(value=value, weight=total, predictions=both)


def test_a_step_that_averages_over_machines():
    data = batches([12, 9, 30])
    ours, theirs = trained(data, Averaged()), trained(data)
    assert_allclose(ours.model.parameters, theirs.model.parameters, rtol=0, atol=1e-12)
    assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-12)


def test_a_step_of_one_s_own_is_saved(tmp_path):
    trained(batches([12]), Averaged()).save(tmp_path)
    assert isinstance(Trainer.resume(tmp_path, classes=[Averaged]).step, Averaged)


def test_a_step_starts_once_an_epoch():
    class Counted(TrainStep):
        starts = 0

        def start(self, *arguments):
            self.starts += 1
            super().start(*arguments)

    assert trained(batches([4, 5]), step := Counted(), epochs=3).step is step
    assert step.starts == 3


@pytest.mark.parametrize("step", [TrainStep, 3, lambda x, y, weights: None])
class Forgetful:
    """All that a step needs, except that no state can be given back to it."""

    start = __call__ = finish = state_dict = lambda *given: None


@pytest.mark.parametrize("step", [TrainStep, 3, lambda x, y, weights: None, Forgetful()])
def test_what_is_no_step(step):
    with pytest.raises(ArgumentError, match="the step of a Trainer"):
        Trainer(network(), MSELoss(), SGD(lr=0.1), step=step)


# What a step touches


class Once(Component):
    """Counts how often it is run."""

    def __init__(self):
        self.calls = []

    def apply(self, x):
        self.calls.append("apply")
        return x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        self.calls.append("pullback")
        return dy, {}

    def update_buffers(self, saved):
        self.calls.append("update_buffers")


def test_each_part_of_a_step_runs_once():
    once, loss, names = Once(), MSELoss(), []

    class Loss(MSELoss):
        def __call__(self, *args):
            raise AssertionError("a trainer needs no loss that remembers")

        def apply(self, *args):
            names.append("apply")
            return loss.apply(*args)

        def pullback(self, saved):
            names.append("pullback")
            return loss.pullback(saved)

    mean = Mean(D)
    model = Model([Linear(D, D), once, mean])
    x = np.random.default_rng(0).standard_normal((N, D))
    Trainer(model, Loss(), SGD(lr=0.1)).fit([(x, x)] * 3, epochs=1, progress=False)
    assert once.calls == ["apply", "pullback", "update_buffers"] * 3
    assert names == ["apply", "pullback"] * 3
    assert model._remembered is None


class Doubles(TrainStep):
    """Puts other arrays into the gradients' places, without a callback."""

    def __call__(self, x, y, weights):
        result, saved = self.differentiate(x, y, weights)
        self.accept(result.value, saved)
        for entry in self.gradients:
            for name in entry:
                entry[name] = 2 * entry[name]
        self.update()
        return result


def test_a_step_of_one_s_own_may_put_other_arrays_into_place():
    data = batches([7, 3, 11, 5])
    ours = trained(data, Doubles(), SGD(lr=0.1))
    assert_array_equal(ours.model.parameters, trained(data, None, SGD(lr=0.2)).model.parameters)


def test_a_vector_of_another_shape_is_refused():
    model = network()
    model.forward(np.ones((2, D)))
    gradients = model.backward(np.ones((2, K)))
    with pytest.raises(ShapeError, match=r"shape \(1,\)"):
        gradients.flat = [1.0]


@pytest.mark.parametrize("returned", ["out", "either"])
def test_gradients_that_nobody_has_written_are_told(returned):
    class Forgets(Residual):
        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = self.inner.pullback(dy, saved)  # and offers it nothing
            return dy + dx, out if returned == "out" or out is not None else {"inner": gradients}

    model = Model([Forgets(Linear(D, D)), Linear(D, K)])
    before = model.parameters.copy()
    with pytest.raises(TrainingError, match=r"gradient of 0\.inner\.weights, as it is returned"):
        trained(batches([7, 3]), model=model)
    assert_array_equal(model.parameters, before)


def test_divergence_is_seen_where_the_first_batch_counts_nothing():
    data = [(x, x, np.full(7, i > 0)) for i, (x, _) in enumerate(batches([7] * 20))]
    with pytest.raises(TrainingError, match=r"epoch 1, .*where it was [0-9.]+ at first"):
        trained(data, None, SGD(lr=1e3), MSELoss(), model=Model([Linear(D, D)]))


def test_an_infinite_target_is_told_as_such():
    (x, y), *_ = batches([7])
    rows = np.eye(K)[y]
    with pytest.raises(TrainingError, match="not finite: the targets, at row 2 of the batch"):
        trained([(x, rows), (x, np.where(np.arange(7)[:, None] == 2, np.inf, rows))])
