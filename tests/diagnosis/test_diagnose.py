"""Our own classes, objects and kinds: what is right is called right."""

import copy

import numpy as np
import pytest

from handgrad import (
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    MSELoss,
    ReLU,
    Sigmoid,
    diagnose,
    diagnose_function,
)
from handgrad.diagnosis import Status, Verdict
from handgrad.diagnosis.kinds import kind_of
from handgrad.errors import ArgumentError
from students import Base


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "thing",
    [
        MSELoss, CrossEntropy, Linear, ReLU, Sigmoid, Dropout, Model, MSELoss(), CrossEntropy(),
        CrossEntropy(average=False), Linear(3, 4), Linear(4, 4), Linear(3, 4, dtype=np.float32),
        ReLU(), Sigmoid(), Dropout(Linear(3, 4), 0.25), Dropout(ReLU(), 0.7),
        Model([Linear(3, 4), ReLU()]),
    ],
    ids=lambda thing: thing.__name__ if isinstance(thing, type) else " ".join(repr(thing).split()),
)  # fmt: skip
def test_our_own_are_right(thing, seed):
    diagnosis = diagnose(thing, seed=seed)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert {f.verdict for f in diagnosis.findings} == {Verdict.RIGHT}, str(diagnosis)
    assert diagnosis.headline == f"{diagnosis.subject} is right"


def test_an_object_is_left_as_it_was():
    layer = Linear(3, 4)
    before = copy.deepcopy(layer.parameters)
    state = np.random.get_state()[1].copy()
    diagnose(layer)
    assert all(np.array_equal(layer.parameters[n], before[n]) for n in before)
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_generators_of_the_student_are_left_as_they_were(make):
    class Own(Base):
        rng = make(3)

        def __init__(self, D, K):
            self.weights = self.rng.standard_normal((D, K))
            self.bias = self.rng.standard_normal((1, K))

    assert diagnose(Own, "linear").status is Status.RIGHT
    assert Own.rng.standard_normal() == make(3).standard_normal()


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_generators_around_a_function_are_left_as_they_were(make):
    names = {"np": np, "rng": make(3)}
    exec("def f(x):\n    return (x * x).sum() + 0 * rng.standard_normal()", names)
    x = np.array([[1.0, -2.0, 3.0]])
    assert diagnose_function(names["f"], lambda x: 2 * x, x).status is Status.RIGHT
    assert names["rng"].standard_normal() == make(3).standard_normal()


def test_a_seed_gives_one_diagnosis():
    one, other, third = (diagnose(Linear, seed=s).to_dict() for s in (4, 4, 5))
    for found in (one, other, third):
        del found["seconds"]
    assert one == other != third


def test_the_kind_is_in_the_name_or_must_be_given():
    class Thing:
        def __call__(self, x):
            self.y = 1 / (1 + np.exp(-x))
            return self.y

        def grad(self, dy):
            return dy * self.y * (1 - self.y)

    class Derived(Sigmoid):
        pass

    assert diagnose(Thing, "sigmoid").status is Status.RIGHT
    assert diagnose(Derived).kind == "sigmoid"
    with pytest.raises(ArgumentError, match="of no known kind"):
        diagnose(Thing)
    with pytest.raises(ArgumentError, match="kind 'arctan'"):
        diagnose(Thing, "arctan")
    assert [kind_of(n) for n in ("MLP", "DropoutLinear", "Dense", "softmax_loss", "X")] == [
        "model", "dropout", "linear", "cross_entropy", None,
    ]  # fmt: skip
