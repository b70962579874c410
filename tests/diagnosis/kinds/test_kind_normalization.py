"""Norms as people write them: right ones in several styles, and what only special input shows."""

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict
from students import conventions


class Norm:
    """Layer normalization of tables; subclasses take their statistics in another way."""

    axis = 1

    def __init__(self, features, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(features), np.zeros(features), eps

    def statistics(self, x):
        return x.mean(axis=self.axis, keepdims=True), x.var(axis=self.axis, keepdims=True)

    def root(self, variance):
        return np.sqrt(variance + self.eps)

    def __call__(self, x):
        mean, variance = self.statistics(x)
        self.std = self.root(variance)
        self.normal = (x - mean) / self.std
        return self.gamma * self.normal + self.beta

    def grad(self, dy):
        h, normal, axis = dy * self.gamma, self.normal, self.axis
        self.dgamma, self.dbeta = (dy * normal).sum(axis=0), dy.sum(axis=0)
        mean = h.mean(axis=axis, keepdims=True)
        return (h - mean - normal * (h * normal).mean(axis=axis, keepdims=True)) / self.std


class RowByRow(Norm):
    """A loop over the rows, and the gradient with sums in place of means."""

    def grad(self, dy):
        N, D = dy.shape
        super().grad(dy)
        dx = np.empty_like(dy)
        for n in range(N):
            h, normal = dy[n] * self.gamma, self.normal[n]
            terms = D * h - h.sum() - normal * (h @ normal)
            dx[n] = terms / (D * self.std[n])
        return dx


class RMS:
    def __init__(self, dim, eps=1e-6):
        self.scale, self.eps = np.ones(dim), eps

    def forward(self, x):
        self.x, self.r = x, 1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.eps)
        return x * self.r * self.scale

    def backward(self, dy):
        h = dy * self.scale
        self.grad_scale = (dy * self.x * self.r).sum(axis=0)
        return self.r * h - self.x * self.r**3 * (h * self.x).mean(axis=-1, keepdims=True)


class Group:
    """Group normalization, the groups an axis of their own."""

    def __init__(self, num_groups, num_channels, eps=1e-5):
        self.G, self.eps = num_groups, eps
        self.weight, self.bias = np.ones(num_channels), np.zeros(num_channels)

    def means(self, x):
        grouped = x.reshape(*x.shape[:-1], self.G, -1)
        means = grouped.mean(axis=(1, 2, 4), keepdims=True)
        return np.broadcast_to(means, grouped.shape).reshape(x.shape)

    def __call__(self, x):
        centred = x - self.means(x)
        self.r = 1 / np.sqrt(self.means(centred**2) + self.eps)
        self.normal = centred * self.r
        return self.weight * self.normal + self.bias

    def grad(self, dy):
        h, normal = dy * self.weight, self.normal
        dx = self.r * (h - self.means(h) - normal * self.means(h * normal))
        return dx, (dy * normal).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))


@pytest.mark.parametrize(
    ("cls", "kind"),
    [(Norm, "layer_norm"), (RowByRow, "layer_norm"), (RMS, "rms_norm"), (Group, "group_norm")],
)
def test_a_norm_that_is_right_is_called_so(cls, kind):
    diagnosis = diagnose(cls, kind)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == set()


class Unbiased(Norm):
    """The sum of squares divided by one less, in both passes."""

    def statistics(self, x):
        return x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True, ddof=1)

    def grad(self, dy):
        D = dy.shape[1]
        h, normal = dy * self.gamma, self.normal
        super().grad(dy)
        products = (h * normal).sum(axis=1, keepdims=True) / (D - 1)
        return (h - h.mean(axis=1, keepdims=True) - normal * products) / self.std


class Outside(Norm):
    """Epsilon added to the standard deviation."""

    def root(self, variance):
        self.plain = np.sqrt(variance)
        return self.plain + self.eps

    def grad(self, dy):
        h, normal = dy * self.gamma, self.normal
        super().grad(dy)
        products = (h * normal).mean(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            part = np.where(self.plain > 0, normal * self.std / self.plain, 0)
        return (h - h.mean(axis=1, keepdims=True) - part * products) / self.std


@pytest.mark.parametrize(
    ("cls", "name"),
    [(Unbiased, "the unbiased variance"), (Outside, "epsilon outside the root")],
)
def test_another_root_is_a_convention(cls, name):
    assert conventions(diagnose(cls, "layer_norm")) == {name}


class OnePass(Norm):
    def statistics(self, x):
        mean = x.mean(axis=1, keepdims=True)
        return mean, (x * x).mean(axis=1, keepdims=True) - mean**2


class OnePassInOtherSums(Norm):
    """As exact as the other, and rounded in other places."""

    def statistics(self, x):
        mean = (x @ np.ones(x.shape[1]) / x.shape[1])[:, None]
        return mean, np.einsum("nd,nd->n", x, x)[:, None] / x.shape[1] - mean**2


class NoEpsilon(Norm):
    def root(self, variance):
        return np.sqrt(variance)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (OnePass, "the variance is a difference of two large numbers"),
        (OnePassInOtherSums, "the variance is a difference of two large numbers"),
        (NoEpsilon, "epsilon is left out"),
    ],
)
def test_what_only_special_input_shows_is_named(cls, name):
    diagnosis = diagnose(cls, "layer_norm")
    assert diagnosis.status is Status.WRONG
    assert [cause.name for cause in diagnosis.causes] == [name], str(diagnosis)


def test_single_precision_is_no_mistake():
    class Single(Norm):
        def __call__(self, x):
            return super().__call__(np.asarray(x, np.float32))

    diagnosis = diagnose(Single, "layer_norm")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


class Batch(Norm):
    """Running statistics that begin in the first call; an attribute `training` for the mode."""

    axis, training = 0, True

    def __init__(self, features, eps=1e-5, momentum=0.9):
        super().__init__(features, eps)
        self.momentum = momentum
        self.running_mean, self.running_var = np.zeros(features), np.zeros(features)

    def statistics(self, x):
        if not self.training:
            return self.running_mean, self.running_var
        mean, variance = x.mean(axis=0), x.var(axis=0)
        kept = self.momentum
        self.running_mean = kept * self.running_mean + (1 - kept) * mean
        self.running_var = kept * self.running_var + (1 - kept) * variance
        return mean, variance


def test_running_statistics_may_begin_elsewhere():
    diagnosis = diagnose(Batch, "batch_norm")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    (found,) = (f for f in diagnosis.findings if f.quantity == "first")
    assert found.verdict is Verdict.CONVENTION
    assert found.summary == "the running variance begins at 0"


def test_a_batch_norm_that_uses_the_batch_in_evaluation_is_told_so():
    class Wrong(Batch):
        def statistics(self, x):
            return x.mean(axis=0), x.var(axis=0)

    named = {cause.name for cause in diagnose(Wrong, "batch_norm").causes}
    assert named == {
        "the batch's statistics are used in evaluation",
        "the running statistics never move",
    }


STEPS = """
def grad(self, dy):
    N = len(dy)
    self.dgamma = (dy * self.normal).sum(axis=0)
    self.dbeta = dy.sum(axis=0)
    dnormal = dy * self.gamma
    dcentred = dnormal / self.std
    dstd = -(dnormal * self.normal).sum(axis=0) / self.std
    dvariance = dstd / (2 * self.std)
    dcentred += 2 * self.normal * self.std * dvariance / N
    return dcentred - dcentred.sum(axis=0) / N
"""


def _with(step, other):
    """Return a batch norm in steps, one of which is another."""
    names = {}
    assert step in STEPS
    exec(STEPS.replace(step, other), names)
    methods = {"axis": 0, "grad": names["grad"]}
    return type("Steps", (Norm,), methods)


def test_a_batch_norm_in_steps_is_right():
    diagnosis = diagnose(_with("N = len(dy)", "N = dy.shape[0]"), "batch_norm")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


@pytest.mark.parametrize(
    ("step", "other", "name"),
    [
        (" - dcentred.sum(axis=0) / N", "", "the path through the mean is left out"),
        (
            "dcentred.sum(axis=0) / N",
            "dcentred.sum(axis=0)",
            "the path through the mean is not averaged",
        ),
        ("2 * self.normal * self", "self.normal * self", "the 2 of the square is missing"),
        ("dvariance / N", "0 * dvariance", "the path through the variance is left out"),
        ("dnormal = dy * self.gamma", "dnormal = dy", "gamma is left out of the input's gradient"),
        ("-(dnormal", "(dnormal", "the path through the variance has the wrong sign"),
        (
            "sum(axis=0) / self.std",
            "sum(axis=0)",
            "a power of the standard deviation too few through the variance",
        ),
        (
            "dnormal / self.std",
            "dnormal",
            "the direct path is not divided by the standard deviation",
        ),
        (
            "dcentred = dnormal / self.std",
            "dcentred = 0 * dnormal",
            "only the path through the variance is there",
        ),
        (
            "-(dnormal *",
            "-(dy *",
            "gamma is left out of the path through the variance",
        ),
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "beta's gradient is averaged over the minibatch"),
    ],
)
def test_a_step_that_is_wrong_is_named(step, other, name):
    diagnosis = diagnose(_with(step, other), "batch_norm")
    assert [cause.name for cause in diagnosis.causes] == [name], str(diagnosis)
