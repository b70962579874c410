"""The diagnosis, piece by piece: what the catalogue's test and the corpus do not reach."""

import copy
import json
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import handgrad
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
from handgrad.diagnosis import Diagnosis, Example, Finding, Status, Verdict
from handgrad.diagnosis.closeness import distance, mask
from handgrad.diagnosis.engine import behaviour, gradcheck
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds import kind_of
from handgrad.diagnosis.student.arrays import meaning, walk
from handgrad.diagnosis.student.exceptions import explain
from handgrad.errors import ArgumentError, DtypeError


class Base:
    """A layer that is right, to be spoiled or written in another way."""

    def __init__(self, D, K):
        self.weights = np.random.randn(D, K)
        self.bias = np.random.randn(1, K)

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, dy):
        self.gradients = {"bias": dy.sum(axis=0, keepdims=True)}
        return self.x.T @ dy, dy @ self.weights.T


def verdicts(diagnosis):
    return {f.quantity: f.verdict for f in diagnosis.findings}


def conventions(diagnosis):
    return {
        cause.name
        for f in diagnosis.findings
        if f.verdict is Verdict.CONVENTION
        for cause in f.causes
    }


# Our own.


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


def test_generators_of_the_student_are_left_as_they_were():
    class Own(Base):
        rng = np.random.default_rng(3)

        def __init__(self, D, K):
            self.weights = self.rng.standard_normal((D, K))
            self.bias = self.rng.standard_normal((1, K))

    state = copy.deepcopy(Own.rng.bit_generator.state)
    assert diagnose(Own, "linear").status is Status.RIGHT
    assert Own.rng.bit_generator.state == state


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
    with pytest.raises(ArgumentError, match="kind 'tanh'"):
        diagnose(Thing, "tanh")
    assert [kind_of(n) for n in ("MLP", "DropoutLinear", "Dense", "softmax_loss", "X")] == [
        "model", "dropout", "linear", "cross_entropy", None,
    ]  # fmt: skip


# Layouts and conventions.


class OutIn(Base):
    def __init__(self, D, K):
        self.w = np.zeros((K, D))
        self.b = np.zeros(K)

    def __call__(self, x):
        self.x = x
        return x @ self.w.T + self.b

    def grad(self, dy):
        self.db = dy.sum(axis=0)
        return dy.T @ self.x, dy @ self.w


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
        (Swapped, {"returned in the other order"}),
        (Triple, set()),
    ],
)
def test_another_layout_is_right_and_is_named(cls, names):
    diagnosis = diagnose(cls, "linear")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == names
    assert verdicts(diagnosis).keys() == {"output", "dW", "db", "dx"}


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


# Losses.


def loss(value, gradient, takes_average=False):
    class Loss:
        def __call__(self, x, y):
            self.x, self.y = x, y
            return value(x, y)

        def grad(self):
            return gradient(self.x, self.y)

    return Loss


def test_a_factor_of_ones_own_is_another_convention():
    cls = loss(lambda x, y: 0.125 * np.mean((x - y) ** 2), lambda x, y: 0.25 * (x - y) / x.size)
    diagnosis = diagnose(cls, "mse")
    assert conventions(diagnosis) == {"a factor of 0.125"}
    # Where the gradient does not go with it, it is a mistake, and not known which.
    cls = loss(lambda x, y: 0.125 * np.mean((x - y) ** 2), lambda x, y: 0.5 * (x - y) / x.size)
    assert diagnose(cls, "mse").status is Status.WRONG


def test_a_convention_and_a_mistake_at_once():
    cls = loss(lambda x, y: np.sum((x - y) ** 2), lambda x, y: 2 * (y - x))
    diagnosis = diagnose(cls, "mse")
    assert verdicts(diagnosis)["value"] is Verdict.CONVENTION
    assert [c.name for c in diagnosis.causes] == ["target minus prediction"]


def test_the_gradient_of_a_mean_for_a_sum():
    cls = loss(lambda x, y: np.sum((x - y) ** 2), lambda x, y: 2 * (x - y) / x.size)
    assert [c.name for c in diagnose(cls, "mse").causes] == ["averaged once too often"]


def test_a_value_that_is_none_of_ours_and_agrees_with_its_gradient():
    cls = loss(lambda x, y: np.mean((x - y) ** 4), lambda x, y: 4 * (x - y) ** 3 / x.size)
    diagnosis = diagnose(cls, "mse")
    assert verdicts(diagnosis) == {"value": Verdict.WRONG, "gradient": Verdict.RIGHT}
    assert diagnosis.causes == ()
    assert "agrees with the numerical derivative of your own" in str(diagnosis)


def test_a_value_that_is_not_a_number_for_a_loss():
    cls = loss(lambda x, y: (x - y) ** 2, lambda x, y: 2 * (x - y) / x.size)
    diagnosis = diagnose(cls, "mse")
    assert verdicts(diagnosis)["value"] is Verdict.WRONG
    assert "has shape (7, 3)" in str(diagnosis)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_a_small_number_in_the_logarithm_is_no_mistake():
    cls = loss(
        lambda x, y: -np.sum(y * np.log(softmax(x) + 1e-8)) / len(x),
        lambda x, y: (softmax(x) - y) / len(x),
    )
    diagnosis = diagnose(cls, "cross_entropy")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == {"an epsilon of 1e-08 in the logarithm"}


def test_one_maximum_for_all_rows_overflows_and_is_not_a_missing_maximum():
    def p(x):
        e = np.exp(x - x.max())
        return e / e.sum(axis=1, keepdims=True)

    cls = loss(lambda x, y: -np.sum(y * np.log(p(x))) / len(x), lambda x, y: (p(x) - y) / len(x))
    assert {c.name for c in diagnose(cls, "cross_entropy").causes} == {"overflows"}


def test_an_object_that_is_asked_for_the_sum():
    class Sum:
        average = False

        def __call__(self, x, y):
            self.g = softmax(x) - y
            return -np.sum(y * np.log(softmax(x)))

        def grad(self):
            return self.g

    assert diagnose(Sum(), "cross_entropy").headline == "Sum is right"


def test_only_vectors_fail():
    cls = loss(
        lambda x, y: np.sum((x - y) ** 2) / x.shape[0] / x.shape[1],
        lambda x, y: 2 * (x - y) / x.size,
    )
    diagnosis = diagnose(cls, "mse")
    assert diagnosis.status is Status.WRONG
    assert verdicts(diagnosis) == {
        "runs": Verdict.WRONG, "value": Verdict.RIGHT, "gradient": Verdict.RIGHT,
    }  # fmt: skip
    assert "a vector of 13" in diagnosis.failure.doing
    assert diagnosis.failure.lines


def test_integers_are_tried():
    class Into:
        def __call__(self, x, y):
            self.r = np.zeros_like(x)
            self.r[...] = x - y
            return np.mean(self.r**2)

        def grad(self):
            gradient = np.zeros_like(self.r)
            gradient[...] = 2 * self.r / self.r.size
            return gradient

    diagnosis = diagnose(Into, "mse")
    assert [c.name for c in diagnosis.causes] == ["rounded to whole numbers"]

    class InPlace(Into):
        def grad(self):
            self.r *= 2 / self.r.size
            return self.r

    diagnosis = diagnose(InPlace, "mse")
    assert diagnosis.status is Status.WRONG
    assert "integers" in diagnosis.failure.hint


# Activations.


def activation(output, dx):
    class Activation:
        def __call__(self, x):
            self.x = x
            return output(x)

        def grad(self, dy):
            return dx(self.x, dy)

    return Activation


def relu(x):
    return np.maximum(x, 0)


def test_the_kink_is_probed_on_its_own():
    one = activation(relu, lambda x, dy: dy * (x >= 0))
    assert conventions(diagnose(one, "relu")) == {"1 at the kink"}
    half = activation(relu, lambda x, dy: dy * (np.sign(x) + 1) / 2)
    assert conventions(diagnose(half, "relu")) == {"1/2 at the kink"}
    nan = activation(relu, lambda x, dy: dy * (x / np.abs(x) + 1) / 2)
    diagnosis = diagnose(nan, "relu")
    assert diagnosis.status is Status.WRONG
    assert "are not finite" in str(diagnosis)


def test_a_kink_that_is_a_little_aside_is_seen():
    aside = activation(relu, lambda x, dy: dy * (x > 1e-3))
    assert [f.quantity for f in diagnose(aside, "relu").wrong] == ["close"]


def test_what_happens_in_large_minibatches_alone_is_seen():
    large = activation(relu, lambda x, dy: dy * (x > 0) * (1 if len(x) < 50 else 1.01))
    diagnosis = diagnose(large, "relu")
    assert [f.quantity for f in diagnosis.wrong] == ["large"]
    assert diagnosis.causes == ()


def test_what_is_said_of_an_unknown_mistake():
    rows = activation(relu, lambda x, dy: dy * (x > 0) * np.arange(1, len(x) + 1)[:, None])
    assert "each row of your dx has a factor of its own" in str(diagnose(rows, "relu"))
    columns = activation(relu, lambda x, dy: dy * (x > 0) * np.arange(1, x.shape[1] + 1))
    assert "each column of your dx" in str(diagnose(columns, "relu"))
    factor = activation(relu, lambda x, dy: dy * (x > 0) * 2 * len(x))
    text = str(diagnose(factor, "relu"))
    assert "14.000000 times the truth at N = 7, D = 3" in text
    assert "the factor is 2·N each time" in text
    below = activation(relu, lambda x, dy: dy * np.where(x > 0, 1, 0.3))
    diagnosis = diagnose(below, "relu")
    assert "they are those with a negative input" in str(diagnosis)
    assert "are not 0 where the truth is" in str(diagnosis)
    assert diagnosis.headline.endswith("is wrong, and I don't know why")
    above = activation(relu, lambda x, dy: dy * (x > 0) * (1 + x))
    assert "they are those with a positive input" in str(diagnose(above, "relu"))


def test_what_is_too_much_is_said():
    decay = activation(relu, lambda x, dy: dy * (x > 0) + 0.25 * x)
    assert "your dx is the truth plus 0.250000 times the input" in str(diagnose(decay, "relu"))
    assert diagnose(decay, "relu").causes == ()


def test_evidence_is_of_a_shape_where_something_is_wrong():
    def dx(x, dy):
        return dy * (x > 0) * np.where(np.arange(len(x)) > 6, 0, 1)[:, None]

    finding = diagnose(activation(relu, dx), "relu").findings[1]
    assert finding.verdict is Verdict.WRONG
    assert "at N = 11, D = 5" in finding.evidence[0]
    assert finding.example.differs.any()


def test_what_is_not_finite_has_no_size():
    nan = activation(relu, lambda x, dy: np.where(x > 0, dy, np.nan))
    evidence = diagnose(nan, "relu").findings[1].evidence[0]
    assert "12 are not finite" in evidence
    assert "inf" not in evidence.replace("not finite", "")


def test_a_displayed_result_gives_no_truth_and_no_mend():
    diagnosis = diagnose(activation(relu, lambda x, dy: dy), "relu")
    for text in (str(diagnosis), repr(diagnosis)):
        assert "hint 2 (no mask)" in text
        assert "hint 3" not in text
        assert "array(" not in text


def test_what_is_not_linear_is_said():
    square = activation(relu, lambda x, dy: dy**2 * (x > 0))
    diagnosis = diagnose(square, "relu")
    assert "linearity of dx" in verdicts(diagnosis)
    constant = activation(relu, lambda x, dy: 0.5 * (x > 0))
    assert "does not change when dy is multiplied" in str(diagnose(constant, "relu"))


def test_what_depends_on_chance_is_wrong():
    chance = activation(
        lambda x: relu(x) + 1e-3 * np.random.randn(*x.shape), lambda x, dy: dy * (x > 0)
    )
    diagnosis = diagnose(chance, "relu")
    assert verdicts(diagnosis)["output"] is Verdict.WRONG

    class Sometimes:
        calls = 0

        def __call__(self, x):
            self.x = x
            return relu(x)

        def grad(self, dy):
            self.calls += 1
            return dy * (self.x > 0) * (0.5 if self.calls % 10 == 0 else 1)

    diagnosis = diagnose(Sometimes, "relu")
    assert diagnosis.causes == ()
    assert "is wrong in 4, first in call 10" in str(diagnosis)

    class Fails(Sometimes):
        def grad(self, dy):
            self.calls += 1
            if self.calls > 3:
                raise RuntimeError("worn out")
            return dy * (self.x > 0)

    diagnosis = diagnose(Fails, "relu")
    assert "call 4 of one object: RuntimeError: worn out" in str(diagnosis)


def test_writing_to_what_was_given_is_said_with_the_number_of_entries():
    class Writes:
        def __call__(self, x):
            self.on = x > 0
            x[~self.on] = 0
            return x

        def grad(self, dy):
            dy[~self.on] = 0
            return dy

    diagnosis = diagnose(Writes, "relu")
    assert {c.name for c in diagnosis.causes} == {
        "writes to its input", "writes to the upstream gradient",
    }  # fmt: skip
    assert "of 21 entries" in str(diagnosis)


@given(st.floats(-5, 5), st.sampled_from(["relu", "sigmoid", "mse"]))
@settings(deadline=None, max_examples=40)
def test_a_factor_that_no_mistake_gives_gets_no_name(factor, kind):
    assume(min(abs(factor - known) for known in (-2, -1, -0.5, 0, 0.5, 1, 2)) > 1e-4)
    ours = {"relu": ReLU, "sigmoid": Sigmoid, "mse": MSELoss}[kind]

    class Scaled(ours):
        def grad(self, *dy):
            return factor * super().grad(*dy)

    diagnosis = diagnose(Scaled)
    assert diagnosis.status is Status.WRONG
    assert diagnosis.causes == ()
    assert f"{factor:.6f} times the truth" in str(diagnosis)


# Dropout.


def test_a_mask_of_a_few_numbers_that_keeps_all_by_chance_is_seen_as_shared():
    class PerFeature(handgrad.Dropout):
        def apply(self, x):
            y, inner = self.layer.apply(x)
            mask = np.random.binomial(1, 1 - self.p, y.shape[1]) / (1 - self.p)
            return y * mask, (mask, inner)

        def pullback(self, dy, saved, need_dx=True, out=None):
            mask, inner = saved
            return self.layer.pullback(dy * mask, inner, need_dx, out)

    for seed in range(30):
        diagnosis = diagnose(PerFeature, "dropout", seed=seed)
        assert [c.name for c in diagnosis.causes][-1:] == ["one mask for all rows"], seed


def test_masks_of_a_generator_of_ones_own_are_right():
    class Own:
        def __init__(self, layer, probability):
            self.layer, self.keep_prob = layer, 1 - probability
            self.rng = np.random.default_rng()

        def forward(self, x):
            y = self.layer.forward(x)
            self.mask = (self.rng.random(y.shape) < self.keep_prob) / self.keep_prob
            return y * self.mask

        def backward(self, dy):
            return self.layer.backward(dy * self.mask)

    assert diagnose(Own, "dropout").status is Status.RIGHT
    assert diagnose(Own(Linear(3, 4), 0.3), "dropout").status is Status.RIGHT

    class Alone(Own):
        def __init__(self, layer, probability):
            self.inside, self.what = layer, probability

        forward = Own.forward

    found = diagnose(Alone(Linear(3, 4), 0.3), "dropout")
    assert found.status is Status.FAILED

    class Nothing:
        def __init__(self, layer, p):
            pass

    assert "which Nothing" not in str(diagnose(Nothing(None, 0.3), "dropout"))
    assert "no attribute holds a number" in diagnose(Nothing(None, 0.3), "dropout").failure.error


def test_a_dropout_without_its_layer_is_a_clear_error():
    class Loose:
        def __init__(self, p):
            self.p = p

    assert "no attribute holds an object" in diagnose(Loose(0.3), "dropout").failure.error


def test_a_share_that_is_neither_p_nor_its_rest():
    class Half(Dropout):
        def _keep(self, shape):
            return np.random.binomial(1, 0.5, size=shape)

    diagnosis = diagnose(Half, "dropout")
    assert [f.quantity for f in diagnosis.wrong] == ["mask"]
    assert diagnosis.causes == ()
    assert "entries are kept; with p = 0.3 it should be 70%" in str(diagnosis)


def test_a_training_attribute_is_enough_for_evaluation():
    class Flag:
        def __init__(self, layer, p):
            self.layer, self.p, self.training = layer, p, True

        def __call__(self, x):
            y = self.layer(x)
            scale = 1 / (1 - self.p)
            self.mask = np.random.binomial(1, 1 - self.p, y.shape) * scale if self.training else 1
            return y * self.mask

        def grad(self, dy):
            return self.layer.grad(dy * self.mask)

    assert verdicts(diagnose(Flag, "dropout"))["evaluation"] is Verdict.RIGHT


# Models.


class Walk:
    def __init__(self, components):
        self.components = components

    def forward(self, x):
        for component in self.components:
            x = component.forward(x)
        return x

    def backward(self, dy):
        found = []
        for component in self.components[::-1]:
            dy = component.backward(dy)
            if isinstance(dy, tuple):
                dW, dy = dy
                found.append((dW, component.gradients["bias"]))
        return found

    def update_parameters(self, gradients, lr):
        layers = [c for c in self.components if hasattr(c, "weights")]
        for layer, (dW, db) in zip(reversed(layers), gradients, strict=True):
            layer.weights -= lr * dW
            layer.bias -= lr * db


def test_gradients_from_the_last_to_the_first_are_another_convention():
    diagnosis = diagnose(Walk, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == {"gradients from the last component to the first"}


def test_a_model_that_keeps_its_gradients_to_itself_is_judged_by_its_step():
    class Private(Walk):
        def backward(self, dy):
            self.found = super().backward(dy)

        def update_parameters(self, gradients, lr):
            assert gradients is None
            super().update_parameters(self.found, lr)

    diagnosis = diagnose(Private, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["dW"] is Verdict.UNKNOWN

    class Odd(Walk):
        def backward(self, dy):
            self.found = super().backward(dy)
            return [1, 2]

        def update_parameters(self, gradients, lr):
            super().update_parameters(self.found, lr)

    assert verdicts(diagnose(Odd, "model"))["dW"] is Verdict.UNKNOWN


class Affine(OutIn):
    """Only takes part in `OnlyOwn`."""


class OnlyOwn(Walk):
    """Takes no layers but its own."""

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def backward(self, dy):
        self.db = []
        found = []
        for component in reversed(self.components):
            if isinstance(component, Affine):
                dW, dy = component.grad(dy)
                found.insert(0, {"w": dW, "b": component.db})
            else:
                dy = component.grad(dy)
                found.insert(0, {})
        return found

    def update_parameters(self, gradients, lr):
        for component, gradient in zip(self.components, gradients, strict=True):
            for name, array in gradient.items():
                setattr(component, name, getattr(component, name) - lr * array)


def test_a_model_that_takes_only_its_own_layers_gets_them():
    diagnosis = diagnose(OnlyOwn, "model")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["dW"] is Verdict.RIGHT


def test_a_model_whose_own_layers_are_wrong_is_told_to_mend_them_first(monkeypatch):
    monkeypatch.setattr(Affine, "grad", lambda self, dy: (self.w, dy))
    diagnosis = diagnose(OnlyOwn, "model")
    assert diagnosis.status is Status.FAILED
    assert "its own Affine is not right: mend that one first" in diagnosis.notes


def test_a_dropout_that_takes_only_its_own_layer_gets_it():
    class Strict:
        def __init__(self, layer, p):
            assert isinstance(layer, Affine)
            self.layer, self.p = layer, p

        def __call__(self, x):
            y = self.layer(x)
            self.mask = np.random.binomial(1, 1 - self.p, y.shape) / (1 - self.p)
            return y * self.mask

        def grad(self, dy):
            return self.layer.grad(dy * self.mask)

    assert diagnose(Strict, "dropout").status is Status.RIGHT


# Failures.


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("np.ones((2, 3)) @ np.ones((2, 3))", "inner sizes"),
        ("np.ones((2, 3)).dot(np.ones((2, 3)))", "inner sizes"),
        ("np.ones((2, 3)) + np.ones((3, 2))", "different shapes"),
        ("np.ones(3).sum(axis=1)", "vector has axis 0"),
        ("np.ones(3)[5]", "outside the array"),
        ("np.ones(3)[np.ones(2)]", "one-hot"),
        ("np.ones(3)[1.5]", "no whole number"),
        ("np.ones(3)[0, 0]", "more indices than the array has axes"),
        ("np.ones(3).shape[1]", "that of a vector has only one"),
        ("handgrad.Linear(9, 2)(x)", "gradient_weights first"),
        ("handgrad.ReLU().grad(x)", "before its forward pass"),
        ("np.add(np.ones(3, int), 0.5, out=np.ones(3, int))", "integers"),
        ("bool(np.ones(3))", "np.where"),
        ("np.array([[1, 2], [3]])", "rectangular"),
        ("None.shape", "None here"),
        ("None + 1", "None here"),
        ("(lambda a: a)()", "more arguments"),
        ("(lambda a: a)(1, 2)", "other arguments"),
        ("x.thing", "attribute"),
        ("nothing", "not defined"),
        ("{}['a']", "no such key"),
        ("1 / 0", "is 0"),
        ("(_ for _ in ()).throw(NotImplementedError)", "not written yet"),
        ("exit()", "leave out"),
        ("(_ for _ in ()).throw(OSError('odd'))", "by hand"),
    ],
)
def test_a_known_exception_comes_with_a_hint(code, part):
    class Broken:
        def __call__(self, x):
            return eval(code, {"np": np, "x": x, "exit": exit, "handgrad": handgrad})

        def grad(self, dy):
            return dy

    diagnosis = diagnose(Broken, "relu")
    assert diagnosis.status is Status.FAILED
    assert diagnosis.exit_code == 2
    assert part in diagnosis.failure.hint
    assert all(str(np.__path__[0]) not in file for file, _, _ in diagnosis.failure.lines)
    assert diagnosis.failure.doing == "calling Broken on N = 7, D = 3"
    assert "could not run" in str(diagnosis.status)
    assert "return eval(code" in str(diagnosis)


def test_missing_methods_and_answers_are_said():
    class Empty:
        pass

    failure = diagnose(Empty, "relu").failure
    assert failure.doing == "looking for Empty.__call__"

    class Silent:
        def __call__(self, x):
            pass

        def grad(self, dy):
            return dy

    assert "NoneType in place of the output" in diagnose(Silent, "relu").failure.error

    class Texts(Silent):
        def __call__(self, x):
            return np.array(["a"])

    assert "not real numbers" in diagnose(Texts, "relu").failure.error

    class Picky(Silent):
        def __init__(self, name):
            pass

    failure = diagnose(Picky, "relu").failure
    assert failure.doing == "calling Picky()"
    assert "more arguments" in failure.hint


def test_warnings_of_the_student_are_not_ours():
    class Warns(Sigmoid):
        def __call__(self, x):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            np.log(np.zeros(1))
            return super().__call__(x)

    assert diagnose(Warns).status is Status.RIGHT


def test_an_exception_that_cannot_be_printed_is_explained():
    class AngryError(Exception):
        def __str__(self):
            raise RuntimeError

    assert explain(AngryError(), "testing").error == "AngryError"


def test_what_cannot_be_copied_is_used_as_it_is():
    class Stuck(Sigmoid):
        def __deepcopy__(self, memo):
            raise TypeError("no")

    assert diagnose(Stuck()).status is Status.RIGHT


# The cost, with a clock that counts rows.


@pytest.mark.parametrize(("tick", "noted"), [(1, True), (0, False)])
def test_a_loop_is_right_and_told_its_cost(monkeypatch, tick, noted):
    clock = [0.0]
    monkeypatch.setattr(behaviour, "perf_counter", lambda: clock[0])

    class Loops(Base):
        def __call__(self, x):
            clock[0] += 1e-6 * (tick * len(x) + 5 * (1 - tick))
            self.x = x
            return np.array([row @ self.weights for row in x]) + self.bias

    diagnosis = diagnose(Loops, "linear")
    assert diagnosis.status is Status.RIGHT
    assert bool(diagnosis.notes) == noted
    if noted:
        assert "8 times as many rows take 8.0 times as long" in diagnosis.notes[0]
        assert "1.0 µs a row at N = 16, 1.0 µs a row at N = 128" in diagnosis.notes[0]


def test_slow_code_is_called_less_often(monkeypatch):
    clock, calls = [0.0], [0]
    for module in (behaviour, gradcheck):
        monkeypatch.setattr(module, "perf_counter", lambda: clock[0])

    class Slow(Base):
        def __call__(self, x):
            clock[0] += 0.1
            calls[0] += 1
            return super().__call__(x)

    assert diagnose(Slow, "linear").status is Status.RIGHT
    assert calls[0] < 100


# Plain functions.

X = np.array([[0.3, -1.0, 2.0], [1.5, 0.2, -0.7]])


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (lambda x: (x**2).sum(), lambda x: 2 * x),
        (lambda x: (x**2).mean(), lambda x: 2 * x / x.size),
        (lambda x: float((x**2).sum()), lambda x, dy: 2 * x * dy),
        (np.tanh, lambda x, dy: dy * (1 - np.tanh(x) ** 2)),
        (lambda x: x @ x[0], lambda x, dy: np.outer(dy, x[0]) + np.eye(len(x))[:, :1] * (x.T @ dy)),
        (lambda x: np.sin(x).astype(np.float32), lambda x, dy: dy * np.cos(x)),
        (lambda x: x * np.array([[1.0], [2.0]]), lambda x, dy: dy * np.array([[1.0], [2.0]])),
        (lambda x: x + np.random.randn(), lambda x, dy: dy),
    ],
)
def test_a_right_gradient_of_a_function(f, g):
    diagnosis = diagnose_function(f, g, X)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert diagnosis.kind == "function"


@pytest.mark.parametrize(
    ("f", "g", "name"),
    [
        (lambda x: (x**2).sum(), lambda x: -2 * x, "the sign is flipped"),
        (lambda x: (x**2).sum(), lambda x: 4 * x, "doubled"),
        (lambda x: (x**2).sum(), lambda x: x, "halved"),
        (lambda x: (x**2).sum(), lambda x: 0 * x, "the gradient is zero"),
        (lambda x: (x**2).sum(), lambda x: 2 * x.T, "transposed"),
        (lambda x: (x**2).sum(), lambda x: 2 * x / len(x), "averaged over the rows"),
        (lambda x: (x**2).sum(), lambda x: 2 * x / x.size, "averaged over all entries"),
        (lambda x: (x**2).mean(), lambda x: 2 * x, "the mean over all entries is left out"),
        (lambda x: (x**2).sum() / len(x), lambda x: 2 * x, "the mean over the rows is left out"),
        (np.tanh, lambda x, dy: 1 - np.tanh(x) ** 2, "the upstream gradient is ignored"),
        (np.tanh, lambda x, dy: dy, "the upstream gradient is passed on"),
        (lambda x: 9 * x**2, lambda x, dy: np.trunc(18 * x * dy), "rounded to whole numbers"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_mistake_in_the_gradient_of_a_function(f, g, name, seed):
    diagnosis = diagnose_function(f, g, X, seed=seed)
    assert [cause.name for cause in diagnosis.causes] == [name], str(diagnosis)
    assert diagnosis.exit_code == 1


def test_a_slope_of_0_at_x_is_right_although_the_numerical_one_is_not_quite_0():
    diagnosis = diagnose_function(lambda x: (x**3).sum(), lambda x: 3 * x**2, np.zeros(3))
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert not diagnosis.findings[-1].example.differs.any()
    wrong = diagnose_function(lambda x: (x**3).sum(), lambda x: 3 * x**2 + 1e-6, np.zeros(3))
    assert wrong.status is Status.WRONG


def test_other_things_that_a_function_can_do():
    def writes(x, dy):
        x *= 2
        dy *= x
        return dy

    diagnosis = diagnose_function(np.square, writes, X)
    assert {c.name for c in diagnosis.causes} == {
        "writes to its input", "writes to the upstream gradient",
    }  # fmt: skip
    unknown = diagnose_function(np.tanh, lambda x, dy: dy**2 * (1 - np.tanh(x) ** 2), X)
    assert unknown.causes == ()
    assert {f.quantity for f in unknown.wrong} == {"gradient", "linearity"}
    relu_dx = lambda x, dy: dy * (x > 0)  # noqa: E731
    assert diagnose_function(relu, relu_dx, np.array([0.0, 1.0])).exit_code == 0
    rough = diagnose_function(lambda x: np.abs(np.sin(1e4 * x)), relu_dx, np.ones(9))
    assert rough.findings[-1].verdict is Verdict.UNKNOWN
    assert rough.status is Status.FAILED
    rng = np.random.default_rng()
    chance = diagnose_function(lambda x: x + rng.random(), lambda x, dy: dy, np.ones(2))
    assert chance.exit_code in (0, 2)
    outside = diagnose_function(lambda x: np.log(-np.abs(x)).sum(), lambda x: 1 / x, X)
    assert outside.status is Status.FAILED
    assert "no slope there" in outside.headline
    failed = diagnose_function(lambda x: x @ x, lambda x: x, X)
    assert failed.status is Status.FAILED
    assert "inner sizes" in failed.failure.hint
    with pytest.raises(DtypeError):
        diagnose_function(np.tanh, np.tanh, "text")


# Results.


def test_a_result_as_json_hides_the_truth_below_the_last_level():
    class Half(ReLU):
        def grad(self, in_gradient):
            return super().grad(in_gradient) / 2

    diagnosis = diagnose(Half)
    full, capped = diagnosis.to_dict(), diagnosis.to_dict(3)
    assert json.loads(json.dumps(full, allow_nan=False)) == full
    wrong = next(f for f in full["findings"] if f["verdict"] == "wrong")
    assert np.shape(wrong["example"]["truth"]) == np.shape(wrong["example"]["student"])
    assert [hint["level"] for hint in capped["hints"]] == [1, 2, 3]
    for finding in capped["findings"]:
        assert finding["example"] is None or finding["example"]["truth"] is None
        assert finding["example"] is None or finding["example"]["difference"] is None
    assert diagnosis.hints(0) == ()


def test_what_json_cannot_hold_becomes_a_string():
    example = Example("x", np.array([np.nan, 1.0]), None, np.array([True, False]))
    finding = Finding("dx", "gradient", Verdict.WRONG, example=example)
    found = Diagnosis("x", "relu", Status.WRONG, (finding,)).to_dict()
    assert found["findings"][0]["example"]["student"] == ["nan", 1.0]
    assert found["findings"][0]["example"]["difference"] is None


def test_nothing_could_be_compared():
    assert Diagnosis("x", "relu", Status.FAILED).headline.endswith("nothing could be compared")


def test_distances():
    nan, inf = np.array([np.nan, 1.0]), np.array([np.inf, 1.0])
    assert distance(nan, nan) == 0
    assert distance(nan, np.ones(2)) == np.inf
    assert distance(inf, -inf) == np.inf
    assert distance(np.ones(2), np.ones(3)) == np.inf
    assert distance(np.zeros(2), np.zeros(2)) == 0
    assert mask(np.ones((2, 1)), np.ones(2), 1e-9).all()
    assert not mask(nan, nan, 1e-9).any()
    trial = Trial(Given("N = 1", {}, {"x": np.ones((1, 1))}), {"v": np.array(2.0)}, {})
    assert (
        "your v differs by" in describe("v", [trial, trial], [np.array(0.0), np.array(1.0)], 0)[0]
    )
