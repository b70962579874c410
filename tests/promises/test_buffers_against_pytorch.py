"""Running statistics are PyTorch's after 50 steps, whatever comes between: float64, 1e-10."""

import copy
import signal

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from handgrad import Component, CrossEntropy, Linear, Model, Parameter, Sigmoid
from handgrad.errors import TrainingError
from handgrad.optimizers import SGD
from handgrad.training import Callback, EarlyStopping, ModelCheckpoint, Trainer
from handgrad.walk import buffers, snapshot
from helpers import D, H, K, generator, random
from trees import Residual

N, BATCH, EPOCHS = 77, 8, 5  # 10 steps an epoch, of which the last has 5 rows
LR = 0.2


class Norm(Component):
    """Batch normalisation: ``y = (x - mean) / sqrt(variance + epsilon) * gamma + beta``."""

    gamma, beta = Parameter(), Parameter()

    def __init__(self, D, momentum=0.1, epsilon=1e-5):
        self.D, self.momentum, self.epsilon = D, momentum, epsilon
        self.parameters = {"gamma": np.ones(D), "beta": np.zeros(D)}
        self.buffers = {"mean": np.zeros(D), "variance": np.ones(D)}

    def apply(self, x):
        seen = (x.mean(axis=0), x.var(axis=0), len(x)) if self.training else None
        mean, variance = seen[:2] if seen else self.buffers.values()
        scale = 1 / np.sqrt(variance + self.epsilon)
        z = (x - mean) * scale
        return z * self.gamma + self.beta, (z, scale, seen)

    def pullback(self, dy, saved, need_dx=True, out=None):
        z, scale, seen = saved
        dz = dy * self.gamma
        if seen:  # the mean and the variance depend on the input as well
            dz = dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)
        return dz * scale, {"gamma": (dy * z).sum(axis=0), "beta": dy.sum(axis=0)}

    def update_buffers(self, saved):
        mean, variance, rows = saved[2]
        now = {"mean": mean, "variance": variance * rows / (rows - 1)}
        for name, buffer in self.buffers.items():
            buffer += self.momentum * (now[name] - buffer)


def network():
    """Return a model with a normalisation of the input, one at depth, and one that is shared."""
    first, second, last = (Linear(*s, init="he", rng=generator()) for s in ((D, H), (H, H), (H, K)))
    norm = Norm(H)
    block = Residual(Model([norm, Sigmoid(), second, Norm(H)]))
    return Model([Norm(D), first, block, norm, last])


class Theirs(torch.nn.Module):
    """The same in PyTorch, with its own normalisation."""

    def __init__(self, model):
        super().__init__()
        self.first, self.second = torch.nn.Linear(D, H), torch.nn.Linear(H, H)
        self.last = torch.nn.Linear(H, K)
        self.norms = torch.nn.ModuleList([torch.nn.BatchNorm1d(n) for n in (D, H, H)])
        self.double()
        with torch.no_grad():
            for name, array in snapshot(model).items():
                self.arrays()[name].copy_(torch.tensor(array))

    def arrays(self):
        """Return parameters and buffers by our names."""
        found = {}
        places = {"1": self.first, "2.inner.2": self.second, "4": self.last}
        for place, layer in places.items():
            found |= {f"{place}.weights": layer.weight.T, f"{place}.bias": layer.bias[None]}
        for place, norm in zip(("0", "2.inner.0", "2.inner.3"), self.norms, strict=True):
            found |= {f"{place}.gamma": norm.weight, f"{place}.beta": norm.bias}
            found |= {f"{place}.mean": norm.running_mean, f"{place}.variance": norm.running_var}
        return found

    def forward(self, x):
        whole, shared, inner = self.norms
        h = self.first(whole(x))
        return self.last(shared(h + inner(self.second(torch.sigmoid(shared(h))))))

    def epochs(self, x, y, epochs=EPOCHS):
        """Train, and yield the loss after each step, with True at the end of an epoch."""
        optimizer = torch.optim.SGD(self.parameters(), lr=LR)
        rng = generator(2)
        for _ in range(epochs):
            order = rng.permutation(N)
            for begin in range(0, N, BATCH):
                rows = order[begin : begin + BATCH]
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(self(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                yield loss.item(), begin + BATCH >= N

    def validation(self, x, y):
        self.eval()
        with torch.no_grad():
            loss = torch.nn.functional.cross_entropy(self(x), y)
        self.train()
        return loss.item()


@pytest.fixture
def data():
    x = 2 * random(N, D) + 3
    return x, (x @ random(D, K, seed=1)).argmax(axis=1)


@pytest.fixture
def held_out():
    x = 2 * random(19, D, seed=3) + 3
    return x, generator(4).integers(0, K, 19)


def make(model):
    return Trainer(model, CrossEntropy(), SGD(lr=LR), rng=generator(2))


def fit(trainer, data, callbacks=(), **options):
    return trainer.fit(
        *data, epochs=EPOCHS, batch_size=BATCH, callbacks=callbacks, progress=False, **options
    )


def agree(model, theirs):
    ours = snapshot(model)
    assert ours.keys() == theirs.arrays().keys()
    for name, array in theirs.arrays().items():
        assert_allclose(ours[name], array.detach().numpy(), rtol=1e-10, atol=1e-11, err_msg=name)


class Stop(Callback):
    """Ctrl-C after a step."""

    def __init__(self, epoch, step):
        self.at = epoch, step

    def on_step(self, trainer):
        if (trainer.epochs_done + 1, trainer.steps_done) == self.at:
            signal.raise_signal(signal.SIGINT)


def test_through_a_break_in_the_middle_of_an_epoch(data, held_out, tmp_path):
    theirs = Theirs(network())
    expected = [loss for loss, _ in theirs.epochs(*map(torch.tensor, data))]
    assert len(expected) == 50
    trainer = make(network())
    for at in ((2, 1), (4, 7)):
        history = fit(trainer, data, [Stop(*at), ModelCheckpoint(tmp_path)])
        assert history.interrupted
        trainer = Trainer.resume(tmp_path, classes=[Norm, Residual])
    trainer.save(tmp_path)  # in the middle of an epoch, by hand
    trainer = Trainer.resume(tmp_path, classes=[Norm, Residual])
    history = fit(trainer, data)
    agree(trainer.model, theirs)
    rows = np.tile([BATCH] * 9 + [5], EPOCHS).reshape(EPOCHS, 10)
    means = (np.reshape(expected, (EPOCHS, 10)) * rows).sum(axis=1) / N
    assert_allclose(history["loss"], means, rtol=1e-10)
    validation = theirs.validation(*map(torch.tensor, held_out))
    assert_allclose(trainer.evaluate(*held_out)["loss"], validation, rtol=1e-10)


def test_through_early_stopping(data, held_out, tmp_path):
    theirs, seen, states = Theirs(network()), [], []
    for _, ends in theirs.epochs(*map(torch.tensor, data)):
        if ends:
            seen.append(theirs.validation(*map(torch.tensor, held_out)))
            states.append(copy.deepcopy(theirs))
    best = int(np.argmin(seen))
    assert best < EPOCHS - 1  # or there would be nothing to put back
    stopping = EarlyStopping(patience=EPOCHS)
    trainer = make(network())
    callbacks = [stopping, Stop(best + 3, 3), ModelCheckpoint(tmp_path)]
    assert fit(trainer, data, callbacks, validation_data=held_out).interrupted
    trainer = Trainer.resume(tmp_path, classes=[Norm, Residual])
    stopping = EarlyStopping(patience=EPOCHS)
    history = fit(trainer, data, [stopping], validation_data=held_out)
    assert_allclose(history["validation_loss"], seen, rtol=1e-10)
    assert stopping.best_epoch == best + 1
    agree(trainer.model, states[best])


def test_through_a_step_that_is_refused(data):
    x, y = data
    theirs = Theirs(network())
    steps = theirs.epochs(*map(torch.tensor, data))
    trainer = make(network())
    batches, rng = [], generator(2)
    for _ in range(EPOCHS):
        order = rng.permutation(N)
        batches += [(x[order[i : i + BATCH]], y[order[i : i + BATCH]]) for i in range(0, N, BATCH)]
    spoiled = np.where(np.arange(D) == 1, np.inf, x[:BATCH]), y[:BATCH]
    with pytest.raises(TrainingError, match="the inputs"):
        trainer.fit([*batches[:23], spoiled], epochs=1, progress=False)
    for _ in range(23):
        next(steps)
    agree(trainer.model, theirs)
    trainer.fit(batches[23:], epochs=1, progress=False)
    assert len([*steps]) == 27
    agree(trainer.model, theirs)
    assert [place.name for place in buffers(trainer.model)][:2] == ["0.mean", "0.variance"]
