"""Classes that call their parameters what people call them are judged as ours are."""

import numpy as np
import pytest

import handgrad
from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict

OURS = [
    "Conv1d",
    "Conv2d",
    "AvgPool2d",
    "MaxPool2d",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "BatchNorm",
]


@pytest.mark.parametrize("name", [*OURS, "LayerNorm", "GroupNorm", "RMSNorm"])
def test_our_own_components_are_right(name):
    diagnosis = diagnose(getattr(handgrad, name))
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert {finding.verdict for finding in diagnosis.findings} == {Verdict.RIGHT}


def test_our_batch_norm_is_right_for_images_too():
    assert str(diagnose(handgrad.BatchNorm, "spatial_batch_norm").headline) == "BatchNorm is right"


FINISHED = [
    handgrad.BatchNorm(3),
    handgrad.BatchNorm(4, momentum=0.3, epsilon=1e-3),
    handgrad.RMSNorm(5),
    handgrad.GroupNorm(2, 6),
    handgrad.Conv2d(2, 3, 3, stride=2, padding=1),
    handgrad.Conv2d(2, 3, (2, 3)),
    handgrad.Conv1d(2, 3, 2, padding=1),
    handgrad.MaxPool2d(3, stride=2),
    handgrad.AvgPool2d((2, 3), stride=1),
]


@pytest.mark.parametrize("thing", FINISHED, ids=repr)
def test_a_finished_object_is_tried_with_its_own_sizes(thing):
    diagnosis = diagnose(thing)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert {finding.verdict for finding in diagnosis.findings} == {Verdict.RIGHT}


def test_parameters_of_another_shape_are_said_to_be_so():
    diagnosis = diagnose(handgrad.LayerNorm((3, 4)))
    assert diagnosis.exit_code == 2
    assert "self.parameters.gamma has shape (3, 4)" in diagnosis.failure.error


class Staged:
    """A batch norm in steps, its gradients in attributes."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = np.ones((1, num_features)), np.zeros((1, num_features))
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

    def __call__(self, x):
        if not self.training:
            normal = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
            return self.gamma * normal + self.beta
        N = len(x)
        mean = x.sum(axis=0) / N
        self.centred = x - mean
        self.var = (self.centred**2).sum(axis=0) / N
        self.std = np.sqrt(self.var + self.eps)
        self.normal = self.centred / self.std
        self.move(mean, self.var * N / (N - 1))
        return self.gamma * self.normal + self.beta

    def move(self, mean, var):
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var

    def grad(self, dout):
        N = len(dout)
        self.dgamma, self.dbeta = (dout * self.normal).sum(axis=0), dout.sum(axis=0)
        dnormal = dout * self.gamma
        dcentred = dnormal / self.std
        dstd = -(dnormal * self.centred).sum(axis=0) / self.std**2
        dvar = dstd / (2 * self.std)
        dcentred += 2 * self.centred * dvar / N
        return dcentred - dcentred.sum(axis=0) / N


class Returned(Staged):
    """The same, all three gradients returned."""

    def grad(self, dout):
        dx = super().grad(dout)
        return dx, vars(self).pop("dgamma"), vars(self).pop("dbeta")


class Dictionary(Returned):
    """The same, with a dictionary beside the gradient of the input."""

    def grad(self, dout):
        dx, dgamma, dbeta = super().grad(dout)
        return dx, {"grad_gamma": dgamma, "grad_beta": dbeta}


class Kept(Staged):
    """The same, in a dictionary of the object."""

    def grad(self, dout):
        dx = super().grad(dout)
        self.grads = {"gamma": vars(self).pop("dgamma"), "beta": vars(self).pop("dbeta")}
        return dx


class WithoutModes(Staged):
    """No running statistics, and other names for its parameters."""

    def __init__(self, D):
        super().__init__(D)
        self.weight, self.bias = vars(self).pop("gamma"), vars(self).pop("beta")
        del self.running_mean, self.running_var, self.training

    def __call__(self, x):
        normal = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + self.eps)
        self.normal, self.r = normal, 1 / np.sqrt(x.var(axis=0) + self.eps)
        return self.weight * normal + self.bias

    def grad(self, dout):
        self.dweight, self.dbias = (dout * self.normal).sum(axis=0), dout.sum(axis=0)
        terms = dout - self.dbias / len(dout) - self.normal * self.dweight / len(dout)
        return self.weight * self.r * terms


@pytest.mark.parametrize("cls", [Staged, Returned, Dictionary, Kept, WithoutModes])
def test_gradients_are_found_wherever_they_are(cls):
    diagnosis = diagnose(cls, "batch_norm")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert {finding.verdict for finding in diagnosis.findings} == {Verdict.RIGHT}
    assert {"dx", "dgamma", "dbeta"} <= {finding.quantity for finding in diagnosis.findings}


class MomentumOfTheOld(Staged):
    def move(self, mean, var):
        share = 1 - self.momentum
        self.running_mean = self.momentum * self.running_mean + share * mean
        self.running_var = self.momentum * self.running_var + share * self.var


class Fixed:
    """An epsilon of its own, and a share of its own."""

    def __init__(self, num_features):
        self.inner = Staged(num_features)
        del self.inner.training

    def __call__(self, x):
        self.inner.training, self.inner.eps, self.inner.momentum = True, 1e-3, 0.1
        return self.inner(x)

    def grad(self, dout):
        return self.inner.grad(dout)


def test_other_running_statistics_and_another_epsilon_are_conventions():
    diagnosis = diagnose(Fixed, "batch_norm")
    assert _named(diagnosis) == {"an epsilon of 0.001", "a share of 0.1 of the newest"}
    old = "momentum is the share of the old, and the running variance is biased"
    assert _named(diagnose(MomentumOfTheOld, "batch_norm")) == {old}


def _named(diagnosis):
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    return {finding.summary for finding in diagnosis.findings if finding.summary}


def test_parameters_without_a_name_that_is_known_are_asked_for():
    class Hidden(Staged):
        def __init__(self, D):
            super().__init__(D)
            self.apples = vars(self).pop("gamma")

    diagnosis = diagnose(Hidden, "batch_norm")
    assert diagnosis.exit_code == 2
    assert "self.gamma" in diagnosis.failure.hint
