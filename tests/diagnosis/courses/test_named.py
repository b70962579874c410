"""Classes that call their parameters what people call them are judged as ours are."""

import numpy as np
import pytest

import handgrad
from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict

OURS = ["Conv1d", "Conv2d", "AvgPool2d", "MaxPool2d", "BatchNorm", "LayerNorm", "GroupNorm"]


@pytest.mark.parametrize("name", [*OURS, "RMSNorm"])
def test_our_own_components_are_right(name):
    diagnosis = diagnose(getattr(handgrad, name))
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert {finding.verdict for finding in diagnosis.findings} == {Verdict.RIGHT}


def test_our_batch_norm_is_right_for_images_too():
    assert str(diagnose(handgrad.BatchNorm, "spatial_batch_norm").headline) == "BatchNorm is right"


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


class Dictionary(Staged):
    """The same, with a dictionary beside the gradient of the input."""

    def grad(self, dout):
        dx, dgamma, dbeta = Returned.grad(self, dout)
        return dx, {"gamma": dgamma, "beta": dbeta}


Dictionary.__mro__  # noqa: B018


class MomentumOfTheOld(Staged):
    def move(self, mean, var):
        biased = self.var
        self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mean
        self.running_var = self.momentum * self.running_var + (1 - self.momentum) * biased


class OwnEpsilon(Staged):
    def __init__(self, num_features):
        super().__init__(num_features)
        self.e = 1e-8
        del self.eps

    eps = property(lambda self: 1e-8, lambda self, value: None, lambda self: None)
