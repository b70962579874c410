"""What a tree may hold, and under which names: nothing in it is lost without a word."""

import numpy as np
import pytest

from handgrad import Activation, Component, CrossEntropy, Linear, Model
from handgrad.errors import ArgumentError, DtypeError
from handgrad.optimizers import SGD
from handgrad.training import EarlyStopping, Trainer
from handgrad.walk import parameters, restore, snapshot, walk
from helpers import D, K, N, generator, random


def linear(seed=0):
    return Linear(D, K, rng=generator(seed))


class Sum(Component):
    """The sum of all that it holds, in whatever form."""

    def __init__(self, parts):
        self.parts = parts

    def apply(self, x):
        outputs = [child.apply(x) for child in self.children().values()]
        return sum(y for y, _ in outputs), [saved for _, saved in outputs]

    def pullback(self, dy, saved, need_dx=True, out=None):
        pairs = zip(self.children().items(), saved, strict=True)
        found = {name: child.pullback(dy, kept) for (name, child), kept in pairs}
        return sum(dx for dx, _ in found.values()), {n: g for n, (_, g) in found.items()}


class Scaled(Activation):
    """``x * scale``; what it holds is given."""

    def __init__(self, parameters, buffers=None):
        self.parameters = parameters
        if buffers is not None:
            self.buffers = buffers

    def apply(self, x):
        return x * self.parameters["scale"], x

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy * self.parameters["scale"], {"scale": np.sum(dy * saved)}

    def update_buffers(self, saved):
        self.buffers["mean"] = 0.9 * self.buffers["mean"] + 0.1 * saved.mean()


def test_what_stands_in_lists_in_lists_is_trained():
    parts = [[linear(1), linear(2)], {"a": (linear(3), [linear(4)])}]
    parts.append(parts)  # a list may hold itself
    model = Model([Sum(parts)])
    names = ["parts.0.0", "parts.0.1", "parts.1.a.0", "parts.1.a.1.0"]
    assert [place for place, _ in walk(model)][2:] == [f"0.{name}" for name in names]
    model.forward(random(N, D))
    dy = random(N, K, seed=5)
    gradients = model.backward(dy)
    assert [*gradients[0]] == names
    for name in names:
        np.testing.assert_allclose(gradients[0][name]["bias"][0], dy.sum(axis=0))


def test_what_was_saved_is_no_child():
    class Keeps(Sum):
        def apply(self, x):
            y, saved = super().apply(x)
            return y, [saved, linear()]

    keeps = Keeps([linear()])
    keeps(random(N, D))
    assert [*keeps.children()] == ["parts.0"]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Sum({1: linear(1), "1": linear(2)}), "parts.1"),
        (lambda: Sum({"0": Model([linear(1)]), "0.0": linear(2)}), "0.parts.0.0.weights"),
        (lambda: Scaled({"scale": np.ones(D)}, {"scale": np.zeros(D)}), "0.scale"),
    ],
)
def test_two_of_one_name_are_refused(make, name):
    with pytest.raises(ArgumentError, match=f"both called '{name}'"):
        Model([make()])


@pytest.mark.parametrize("scale", [[1.0, 2.0, 3.0], 1.0, np.arange(D), np.ones(D) > 0, None])
def test_a_parameter_that_is_no_array_of_floats_is_refused(scale):
    with pytest.raises(DtypeError, match=r"as the parameter '0\.scale'"):
        Model([Scaled({"scale": scale})])


@pytest.mark.parametrize("mean", [0, 0.0, [0.0], None, "0"])
def test_a_buffer_that_is_no_array_is_refused(mean):
    with pytest.raises(DtypeError, match=r"as the buffer '0\.mean'"):
        Model([Scaled({"scale": np.ones(D)}, {"mean": mean})])


@pytest.mark.parametrize("zero", [np.float64(0), np.array(0.0)])
def test_arithmetic_may_make_scalars_of_buffers_without_axes(zero):
    scaled = Scaled({"scale": np.float64(1)}, {"mean": zero})
    model = Model([scaled, linear()])
    before = snapshot(model)
    trainer = Trainer(model, CrossEntropy(), SGD(lr=0.1))
    y = generator(1).integers(0, K, N)
    trainer.fit(random(N, D), y, epochs=3, callbacks=[EarlyStopping()], progress=False)
    assert scaled.buffers["mean"] != 0
    restore(model, before)
    assert scaled.buffers["mean"] == 0
    assert all(place.array.base is not None for place in parameters(model))


def test_a_matrix_and_its_transpose_are_one_array():
    first = Linear(D, D)
    second = Linear(D, D)
    vars(second)["parameters"]["weights"] = first.weights.T
    with pytest.raises(ArgumentError, match="a part of it, as a parameter of two components"):
        Model([first, second])
    whole = np.arange(12.0).reshape(D, 4)  # columns in turn do not overlap
    vars(second)["parameters"]["weights"] = whole[:, ::2]
    vars(first)["parameters"]["weights"] = whole[:, 1::2]
    assert Model([Sum([first, second])]).layout.size == 4 * D + 2 * D
