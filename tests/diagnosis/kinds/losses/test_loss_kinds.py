"""Losses: how students write them, their conventions, and their kinks."""

import numpy as np
import pytest

from handgrad import BinaryCrossEntropy, HuberLoss, L1Loss, diagnose
from handgrad.diagnosis import Status
from students import conventions, loss


def svm(x, y, inclusive=False):
    """The hinge loss as CS231n's students write it; value and gradient."""
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1.0)
    margins[rows, y] = 0
    near = x - x[rows, y][:, None] + 1.0 >= 0 if inclusive else margins > 0
    gradient = near.astype(float)
    gradient[rows, y] = 0
    gradient[rows, y] = -gradient.sum(axis=1)
    return margins.sum() / len(x), gradient / len(x)


def of(function, scale=1.0):
    return loss(lambda x, y: scale * function(x, y)[0], lambda x, y: scale * function(x, y)[1])


def test_the_hinge_loss_and_its_kink():
    assert diagnose(of(svm), "hinge").status is Status.RIGHT
    assert conventions(diagnose(of(svm), "hinge")) == set()
    inclusive = of(lambda x, y: svm(x, y, inclusive=True))
    assert conventions(diagnose(inclusive, "hinge")) == {"1 at the margin"}


def test_a_value_is_wrong_that_is_scaled_beside_a_gradient_that_is_right():
    thrice = loss(lambda x, y: 3 * svm(x, y)[0], lambda x, y: svm(x, y)[1])
    diagnosis = diagnose(thrice, "hinge")
    assert [finding.quantity for finding in diagnosis.wrong] == ["value"], str(diagnosis)
    assert conventions(diagnose(of(svm, 3.0), "hinge")) == {"a factor of 3"}


def test_a_margin_that_the_class_takes():
    class Hinge:
        def __init__(self, margin):
            self.margin = margin

        def __call__(self, x, y):
            value, self.g = svm(x / self.margin, y)
            return self.margin * value

        def grad(self):
            return self.g

    assert diagnose(Hinge, "hinge").headline == "Hinge is right"


def test_a_delta_that_the_class_takes():
    class Huber:
        def __init__(self, delta=1.0):
            self.delta = delta

        def __call__(self, x, y):
            r, d = x - y, self.delta
            self.g = np.where(np.abs(r) > d, d * np.sign(r), r) / r.size
            return np.where(np.abs(r) > d, d * (np.abs(r) - d / 2), r * r / 2).mean()

        def grad(self):
            return self.g

    assert diagnose(Huber).headline == "Huber is right"


@pytest.mark.parametrize("slope", [1, -1])
def test_the_kink_of_the_absolute_error(slope):
    cls = loss(
        lambda x, y: np.abs(x - y).mean(),
        lambda x, y: np.where(x == y, slope, np.sign(x - y)) / x.size,
    )
    assert conventions(diagnose(cls, "l1")) == {f"{slope} where the prediction is right"}


def test_the_binary_cross_entropy_that_takes_the_logarithm_of_0():
    def p(x):
        return 1 / (1 + np.exp(-x))

    cls = loss(
        lambda x, y: -np.mean(y * np.log(p(x)) + (1 - y) * np.log(1 - p(x))),
        lambda x, y: (p(x) - y) / x.size,
    )
    diagnosis = diagnose(cls, "binary_cross_entropy")
    assert diagnosis.status is Status.RIGHT
    assert "the logarithm is taken of a probability that has become 0" in diagnosis.notes[0]


def of_probabilities(clip=0.0, backwards=lambda p, y: (p - y) / (p * (1 - p)) / p.size):
    def value(p, y):
        p = np.clip(p, clip, 1 - clip) if clip else p
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    return loss(value, backwards)


@pytest.mark.parametrize("clip", [0, 1e-12, 1e-7])
def test_a_binary_cross_entropy_of_probabilities_is_right_too(clip):
    diagnosis = diagnose(of_probabilities(clip), "binary_cross_entropy")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == set()


def test_the_gradient_of_logits_where_probabilities_are_taken():
    cls = of_probabilities(backwards=lambda p, y: (p - y) / p.size)
    (cause,) = diagnose(cls, "binary_cross_entropy").causes
    assert cause.name == "the gradient of the logits"


@pytest.mark.parametrize("kind", ["l1", "huber", "binary_cross_entropy"])
def test_the_mean_of_all_entries_is_a_convention(kind):
    ours = {"l1": L1Loss, "huber": HuberLoss, "binary_cross_entropy": BinaryCrossEntropy}[kind]

    class Sum:
        def __call__(self, x, y):
            self.loss = ours(average=False)
            return self.loss(x, y)

        def grad(self):
            return self.loss.grad()

    assert conventions(diagnose(Sum, kind)) == {"a sum in place of a mean"}
