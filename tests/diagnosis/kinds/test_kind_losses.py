"""Losses under other conventions, and what goes wrong in them."""

import numpy as np

from handgrad import (
    diagnose,
)
from handgrad.diagnosis import Status, Verdict
from students import conventions, loss, softmax, verdicts


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


def test_two_axes_alone_are_right_with_a_note():
    cls = loss(
        lambda x, y: np.sum((x - y) ** 2) / x.shape[0] / x.shape[1],
        lambda x, y: 2 * (x - y) / x.size,
    )
    diagnosis = diagnose(cls, "mse")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis) == {"value": Verdict.RIGHT, "gradient": Verdict.RIGHT}
    assert diagnosis.notes[0] == "it takes arrays of two axes alone, no vectors"


def test_a_minibatch_of_another_size_has_to_run():
    def value(x, y):
        assert len(x) != 11
        return np.mean((x - y) ** 2)

    diagnosis = diagnose(loss(value, lambda x, y: 2 * (x - y) / x.size), "mse")
    assert diagnosis.status is Status.WRONG
    assert verdicts(diagnosis)["runs"] is Verdict.WRONG
    assert "N = 11" in diagnosis.failure.doing
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
            r = self.r.copy()
            r *= 2 / r.size
            return r

    diagnosis = diagnose(InPlace, "mse")
    assert diagnosis.status is Status.WRONG
    assert "integers" in diagnosis.failure.hint
