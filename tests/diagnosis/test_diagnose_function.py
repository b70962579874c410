"""Plain functions with a gradient written by hand."""

import numpy as np
import pytest

from handgrad import (
    diagnose_function,
)
from handgrad.diagnosis import Status, Verdict
from handgrad.errors import DtypeError
from students import relu

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
