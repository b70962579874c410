"""Seeing a model in evaluation mode without a write to it."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from handgrad import Component, Dropout, Linear, Model, MSELoss, ReLU, evaluating
from handgrad.optimizers import SGD
from handgrad.training import Trainer
from handgrad.walk import buffers, walk
from helpers import D, H, K, N, OwnLinear, generator, random, snapshot
from trees import Mean, Residual


def build():
    block = Residual(Model([Dropout(Linear(H, H, rng=generator(1)), 0.5), Mean(H)]))
    return Model([Linear(D, H, rng=generator()), ReLU(), block, Linear(H, K, rng=generator(2))])


def test_in_the_context_everything_is_in_evaluation_mode_and_nothing_is_written():
    model, x = build(), random(N, D)
    model.forward(x)
    before = snapshot(model)
    with evaluating():
        assert not model.training
        assert not model.components[2].inner.components[0].training
        y, _ = model.apply(x)
        assert_array_equal(model.apply(x)[0], y)  # no mask is drawn
    assert snapshot(model) == before
    assert model.training
    assert_array_equal(model.eval().apply(x)[0], y)


def test_an_error_ends_the_context():
    model = build()
    with pytest.raises(ValueError, match="for Linear"), evaluating():
        model.apply(random(N, H))
    assert model.training


def test_other_threads_go_on_training():
    model, seen = build(), []
    with evaluating():
        thread = threading.Thread(target=lambda: seen.append(model.training))
        thread.start()
        thread.join()
    assert seen == [True]


class Switchable(OwnLinear):
    """A student's layer that is doubled while it trains, and says so in an attribute."""

    training = True

    def __call__(self, x):
        return super().__call__(x) * (2 if self.training else 1)


class Methodical(Switchable):
    """The same, with methods."""

    def train(self):
        self.training = True

    def eval(self):
        self.training = False


@pytest.mark.parametrize("own", [Switchable, Methodical])
def test_somebody_elses_object_is_not_written_to_either(own):
    theirs = own(D, K, generator())
    model, x, dy = Model([theirs]), random(N, D), random(N, K, seed=1)
    y = model.forward(x)
    before = snapshot(vars(theirs))
    with evaluating():
        other = random(N, D, seed=5)
        assert_array_equal(model.apply(other)[0], other @ theirs.weights + theirs.bias)
        assert_array_equal(model.apply(x)[0], x @ theirs.weights + theirs.bias)
    assert snapshot(vars(theirs)) == before
    assert np.shares_memory(theirs.weights, model.parameters)
    assert_array_equal(y, 2 * (x @ theirs.weights + theirs.bias))
    model.backward(dy)  # what the training pass remembers is still there
    model.eval()
    assert theirs.training is False
    model.train()
    assert theirs.training is True


def test_an_array_that_is_not_trained_is_told_once():
    class Kernel:
        def __init__(self):
            self.kernel = random(D, K)

        def __call__(self, x):
            self.x = x
            return x @ self.kernel

        def grad(self, in_gradient):
            return in_gradient @ self.kernel.T

    model = Model([Kernel()])
    with pytest.warns(UserWarning, match="kernel of Kernel.. is not known as a parameter"):
        model.forward(random(N, D))
    model.forward(random(N, D))  # warnings are errors here

    class Declared(Kernel):
        def __init__(self):
            super().__init__()
            self.parameters = {}

    Model([Declared()]).forward(random(N, D))

    class Contract:
        kernel = None

        def __init__(self):
            self.parameters = {"kernel": random(D)}

        def apply(self, x):
            return x * self.parameters["kernel"], x

        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy * self.parameters["kernel"], {"kernel": (dy * saved).sum(axis=0)}

    model, x, dy = Model([Contract()]), random(N, D), random(N, D, seed=1)
    model.forward(x)
    assert_array_equal(model.backward(dy).flat, (x * dy).sum(axis=0))


def test_modes_are_set_and_read_on_every_component():
    class Own(Component):
        def apply(self, x):
            return x, self.training

        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy, {}

    own = Own()
    assert own.apply(1)[1] is True
    assert own.eval().apply(1)[1] is False
    own.training = True
    with evaluating():
        assert own.apply(1)[1] is False
    assert own.apply(1)[1] is True


class Frozen(Residual):
    """What it holds stays in evaluation mode."""

    def train(self):
        return self.eval()


class Counts(Mean):
    def update_buffers(self, saved):
        self.buffers["mean"] += 1


def test_what_overrides_train_stays_as_it_is():
    model = Model([Frozen(Counts(3)), Dropout(Frozen(Counts(3)), 0.1), Counts(3)])
    model.train()
    assert [place for place, c in walk(model) if c.training] == ["", "1", "2"]
    trainer = Trainer(model, MSELoss(), SGD(lr=0.1))
    trainer.fit(np.ones((4, 3)), np.ones((4, 3)), epochs=2, progress=False)
    means = [place.array[0] for place in buffers(model)]
    assert means == [0, 0, 2]


def test_a_training_gives_each_component_its_own_mode_back():
    inner = Mean(3)
    model = Model([inner, Residual(inner), Linear(3, 3)])
    inner.eval()
    trainer = Trainer(model, MSELoss(), SGD(lr=0.1))
    trainer.fit(np.ones((4, 3)), np.ones((4, 3)), epochs=1, progress=False)
    assert [place for place, c in walk(model) if c.training] == ["", "1", "2"]
