"""Affine layers in other layouts, and where their parameters are found."""

from dataclasses import dataclass

import numpy as np
import pytest

from handgrad import (
    diagnose,
)
from handgrad.diagnosis import Status, Verdict
from handgrad.diagnosis.student.arrays import meaning, walk
from students import Base, OutIn, conventions, verdicts


class Column(Base):
    def __init__(self, D, K):
        super().__init__(D, K)
        self.bias = np.zeros((K, 1))

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias.T

    def grad(self, dy):
        self.grad_b = dy.sum(axis=0)[:, None]
        return self.x.T @ dy, dy @ self.weights.T


class Joined:
    def __init__(self, D, K):
        self.theta = np.random.randn(D + 1, K)

    def __call__(self, x):
        self.x = np.hstack([x, np.ones((len(x), 1))])
        return self.x @ self.theta

    def grad(self, dy):
        return self.x.T @ dy, dy @ self.theta[:-1].T


class Swapped(Base):
    def grad(self, dy):
        return super().grad(dy)[::-1]


class Triple(Base):
    def grad(self, dy):
        dW, dx = super().grad(dy)
        return dW, self.gradients.pop("bias"), dx


class Named(Base):
    def grad(self, dy):
        dW, dx = super().grad(dy)
        return {"dx": dx, "dW": dW, "db": self.gradients.pop("bias"), "other": 0}


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Named, set()),
        (OutIn, {"weights stored (out, in)", "a bias of shape (out,)"}),
        (Column, {"a bias of shape (out, 1)"}),
        (Joined, {"weights and bias in one matrix"}),
        (Triple, set()),
    ],
)
def test_another_layout_is_right_and_is_named(cls, names):
    diagnosis = diagnose(cls, "linear")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == names
    assert verdicts(diagnosis).keys() == {"output", "dW", "db", "dx"}


def test_the_other_order_than_the_exercise_unpacks_is_a_mistake():
    diagnosis = diagnose(Swapped, "linear")
    assert diagnosis.headline == "Swapped is wrong: returned in the other order"
    assert {f.quantity for f in diagnosis.wrong} == {"order"}, str(diagnosis)


@pytest.mark.parametrize("sizes", [(3, 5), (4, 4)])
def test_an_object_with_another_layout_is_right(sizes):
    diagnosis = diagnose(OutIn(*sizes), "linear")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


def test_a_gradient_that_does_not_fit_the_stored_layout_is_transposed():
    class Wrong(OutIn):
        def grad(self, dy):
            dW, dx = super().grad(dy)
            return dW.T, dx

    diagnosis = diagnose(Wrong, "linear")
    assert [c.name for c in diagnosis.causes] == ["the gradient of the weights is transposed"]
    assert "it should have" in diagnosis.wrong[0].evidence[0]


@dataclass
class Parameter:
    value: np.ndarray
    grad: object = None


class Nested(Base):
    __slots__ = ("cache", "params")

    def __init__(self, D, K):
        self.params = [{"kernel": Parameter(np.zeros((D, K)))}, {"beta": Parameter(np.zeros(K))}]

    def __call__(self, x):
        self.cache = x
        kernel, beta = self.params[0]["kernel"], self.params[1]["beta"]
        return x @ kernel.value + beta.value

    def grad(self, dy):
        kernel, beta = self.params[0]["kernel"], self.params[1]["beta"]
        kernel.grad, beta.grad = self.cache.T @ dy, dy.sum(0)
        return dy @ kernel.value.T


class Lists:
    """Without NumPy."""

    def __init__(self, D, K):
        self.w = [[0.1 * (i - k) for k in range(K)] for i in range(D)]
        self.b = [0.5] * K

    def __call__(self, x):
        self.x = [list(map(float, row)) for row in x]
        return [
            [
                self.b[k] + sum(row[d] * self.w[d][k] for d in range(len(row)))
                for k in range(len(self.b))
            ]
            for row in self.x
        ]

    def grad(self, dy):
        rows, D, K = range(len(dy)), range(len(self.w)), range(len(self.b))
        self.db = [sum(float(dy[n][k]) for n in rows) for k in K]
        dW = [[sum(self.x[n][d] * float(dy[n][k]) for n in rows) for k in K] for d in D]
        dx = [[sum(float(dy[n][k]) * self.w[d][k] for k in K) for d in D] for n in rows]
        return dW, dx


class Lazy(Base):
    """Makes its parameters in the first call."""

    def __init__(self, D, K):
        self.sizes = D, K

    def __call__(self, x):
        if not hasattr(self, "weights"):
            super().__init__(*self.sizes)
        return super().__call__(x)


class Unbiased(Base):
    def __init__(self, D, K):
        self.weights = np.random.randn(D, K)

    def __call__(self, x):
        self.x = x
        return x @ self.weights

    def grad(self, dy):
        return self.x.T @ dy, dy @ self.weights.T


@pytest.mark.parametrize("cls", [Nested, Lists, Lazy, Unbiased])
def test_parameters_are_found_wherever_they_are(cls):
    diagnosis = diagnose(cls, "linear")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["dW"] in (Verdict.RIGHT, Verdict.CONVENTION)


def test_a_bias_without_a_gradient_is_let_be_and_weights_without_one_are_not():
    class NoBias(Base):
        def grad(self, dy):
            return self.x.T @ dy, dy @ self.weights.T

    class NoWeights(Base):
        def grad(self, dy):
            return dy @ self.weights.T

    diagnosis = diagnose(NoBias, "linear")
    assert diagnosis.status is Status.RIGHT
    assert verdicts(diagnosis)["db"] is Verdict.UNKNOWN

    class NoInput(Base):
        def grad(self, dy):
            return (super().grad(dy)[0],)

    class OnlyInput(NoWeights):
        def grad(self, dy):
            return (super().grad(dy),)

    assert verdicts(diagnose(NoInput, "linear"))["dx"] is Verdict.WRONG
    assert verdicts(diagnose(OnlyInput, "linear"))["dW"] is Verdict.WRONG
    diagnosis = diagnose(NoWeights, "linear")
    assert diagnosis.status is Status.WRONG
    assert verdicts(diagnosis)["dW"] is Verdict.WRONG
    assert "gives no gradient of the weights" in str(diagnosis)


def test_weights_that_are_nowhere_are_a_clear_error():
    class Hidden(Base):
        def __init__(self, D, K):
            W = np.random.randn(D, K)
            self.call = lambda x: x @ W
            self.numbers = np.zeros(2)

        def __call__(self, x):
            return self.call(x)

    diagnosis = diagnose(Hidden, "linear")
    assert diagnosis.exit_code == 2
    assert "numbers (2,)" in diagnosis.failure.error
    assert "self.weights" in diagnosis.failure.hint
    diagnosis = diagnose(Hidden(3, 4), "linear")
    assert diagnosis.exit_code == 2
    assert "no matrix in it fits an input" in diagnosis.failure.error


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("gradients", "bias"), ("b", True)),
        (("dW",), ("W", True)),
        (("dWeights",), ("W", True)),
        (("grad_w",), ("W", True)),
        (("gradWeights",), ("W", True)),
        (("weights", "grad"), ("W", True)),
        (("delta_b",), ("b", True)),
        (("kernel",), ("W", False)),
        (("data",), ("", False)),
        (("momentum", "w"), ("W", False)),
    ],
)
def test_what_a_name_means(path, expected):
    assert meaning(path) == expected


def test_walking_survives_cycles_and_odd_things():
    class Odd:
        __slots__ = "only"

    odd, thing = Odd(), Base(2, 3)
    odd.only = np.ones(2)
    thing.me, thing.module, thing.cls = thing, np, Base
    thing.pair = (np.ones(2), [np.ones(3)])
    thing.odd, thing.text = odd, np.array(["a"])
    names = {slot.name for slot in walk(thing)}
    assert names == {"weights", "bias", "pair.1.0", "odd.only"}


class RightUnlessSquare(Base):
    def grad(self, in_gradient):
        dW, dx = super().grad(in_gradient)
        square = len(set(self.weights.shape)) == 1
        return dW, in_gradient @ self.weights if square else dx


class TransposedWhereItFits(Base):
    def grad(self, in_gradient):
        dW, dx = super().grad(in_gradient)
        return dW.T if dW.T.shape == dW.shape else dW, dx


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (RightUnlessSquare, "the weights are not transposed for the gradient of the input"),
        (TransposedWhereItFits, "the gradient of the weights is transposed"),
    ],
)
def test_a_square_layer_is_tried_too(cls, name):
    diagnosis = diagnose(cls, "linear")
    assert [c.name for c in diagnosis.causes] == [name], str(diagnosis)


class OneAveragedTheOtherScaled(Base):
    def grad(self, in_gradient):
        dW, dx = super().grad(in_gradient)
        self.gradients["bias"] = 3.3 * in_gradient.sum(axis=0, keepdims=True)
        return dW / len(in_gradient), dx


def test_a_name_for_two_gradients_is_not_given_to_one():
    said = diagnose(OneAveragedTheOtherScaled, "linear").headline
    assert said.endswith(
        "the weights' gradient is averaged over the minibatch (dW); and I don't know why db is"
    )
