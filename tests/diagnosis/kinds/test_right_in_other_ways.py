"""Right code that is written in another way than ours, with the conventions that are named."""

import math

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status
from students import activation, conventions, loss

erf = np.vectorize(math.erf)
ROOT = np.sqrt(2 * np.pi)


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def jacobians(x, dy):
    pairs = zip(softmax(x), dy, strict=True)
    return np.array([(np.diag(p) - np.outer(p, p)) @ g for p, g in pairs])


def swish(x, times):
    s = sigmoid(times * x)
    return s + times * x * s * (1 - s)


ACTIVATIONS = [
    ("tanh", lambda x: 2 * sigmoid(2 * x) - 1, lambda x, dy: dy * (1 - np.tanh(x) ** 2), None),
    ("tanh", np.tanh, lambda x, dy: dy / np.cosh(np.clip(x, -300, 300)) ** 2, None),
    (
        "leaky_relu",
        lambda x: np.maximum(0.01 * x, x),
        lambda x, dy: np.where(x > 0, 1, 0.01) * dy,
        None,
    ),
    (
        "leaky_relu",
        lambda x: x * (x > 0) + 0.2 * x * (x <= 0),
        lambda x, dy: dy * ((x > 0) + 0.2 * (x <= 0)),
        "another slope below the kink",
    ),
    (
        "leaky_relu",
        lambda x: np.maximum(0.01 * x, x),
        lambda x, dy: np.where(x >= 0, dy, 0.01 * dy),
        "1 at the kink",
    ),
    (
        "elu",
        lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
        lambda x, dy: dy * np.exp(np.minimum(x, 0)),
        None,
    ),
    (
        "elu",
        lambda x: np.where(x > 0, x, 1.5 * (np.exp(np.minimum(x, 0)) - 1)),
        lambda x, dy: dy * np.where(x > 0, 1, 1.5 * np.exp(np.minimum(x, 0))),
        "another alpha",
    ),
    (
        "gelu",
        lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
        lambda x, dy: dy * (0.5 * (1 + erf(x / np.sqrt(2))) + x * np.exp(-x * x / 2) / ROOT),
        None,
    ),
    (
        "gelu",
        lambda x: x * sigmoid(1.702 * x),
        lambda x, dy: dy * swish(x, 1.702),
        "the form with a sigmoid",
    ),
    ("silu", lambda x: x * sigmoid(x), lambda x, dy: dy * swish(x, 1), None),
    ("softplus", lambda x: np.logaddexp(0, x), lambda x, dy: dy * sigmoid(x), None),
    (
        "softplus",
        lambda x: np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20)))),
        lambda x, dy: dy - dy * sigmoid(-x),
        None,
    ),
    (
        "hard_tanh",
        lambda x: np.clip(x, -1, 1),
        lambda x, dy: dy * ((x >= -1) & (x <= 1)),
        "1 at the kink",
    ),
    (
        "hard_tanh",
        lambda x: np.maximum(-1, np.minimum(1, x)),
        lambda x, dy: dy * (np.abs(x) < 1),
        None,
    ),
    ("softmax", lambda x: np.array([softmax(row) for row in x]), jacobians, None),
    (
        "log_softmax",
        lambda x: x - x.max(1)[:, None] - np.log(np.exp(x - x.max(1)[:, None]).sum(1))[:, None],
        lambda x, dy: dy - softmax(x) * dy.sum(axis=1, keepdims=True),
        None,
    ),
]


def svm(x, y):
    """The loops of CS231n's first assignment."""
    value, gradient = 0.0, np.zeros(x.shape)
    for i, right in enumerate(y):
        for j in range(x.shape[1]):
            lacking = x[i, j] - x[i, right] + 1
            if j != right and lacking > 0:
                value += lacking
                gradient[i, j] += 1
                gradient[i, right] -= 1
    return value / len(x), gradient / len(x)


def huber(r):
    return np.where(np.abs(r) <= 1, 0.5 * r * r, np.abs(r) - 0.5)


def label(p, y):
    return np.take_along_axis(p, y[..., None], axis=-1)[..., 0]


LOSSES = [
    ("hinge", lambda x, y: svm(x, y)[0], lambda x, y: svm(x, y)[1], None),
    (
        "hinge",
        lambda x, y: svm(x, y)[0] * len(x),
        lambda x, y: svm(x, y)[1] * len(x),
        "a sum in place of a mean",
    ),
    (
        "l1",
        lambda x, y: np.abs(x - y).sum() / len(x),
        lambda x, y: np.sign(x - y) / len(x),
        "a mean over the rows alone",
    ),
    (
        "huber",
        lambda x, y: huber(x - y).mean(),
        lambda x, y: np.where(np.abs(x - y) <= 1, x - y, np.sign(x - y)) / x.size,
        None,
    ),
    (
        "huber",
        lambda x, y: huber(x - y).sum(),
        lambda x, y: np.clip(x - y, -1, 1),
        "a sum in place of a mean",
    ),
    (
        "binary_cross_entropy",
        lambda x, y: np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))),
        lambda x, y: (sigmoid(x) - y) / x.size,
        None,
    ),
    (
        "binary_cross_entropy",
        lambda p, y: -np.mean(y * np.log(p + 1e-8) + (1 - y) * np.log(1 - p + 1e-8)),
        lambda p, y: ((1 - y) / (1 - p + 1e-8) - y / (p + 1e-8)) / p.size,
        "a small number inside",
    ),
    (
        "binary_cross_entropy",
        lambda p, y: -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)) / len(p),
        lambda p, y: (p - y) / (p * (1 - p)) / len(p),
        "a mean over the rows alone",
    ),
]


@pytest.mark.parametrize(
    ("kind", "cls", "convention"),
    [
        *((kind, activation(output, dx), name) for kind, output, dx, name in ACTIVATIONS),
        *((kind, loss(value, gradient), name) for kind, value, gradient, name in LOSSES),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_right(kind, cls, convention):
    diagnosis = diagnose(cls, kind)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == ({convention} if convention else set())


def test_a_mean_over_the_steps_that_count():
    class Temporal:
        def __call__(self, x, y, mask):
            p = softmax(x)
            self.g = (p - np.eye(x.shape[-1])[y]) * mask[..., None] / mask.sum()
            return -(np.log(label(p, y)) * mask).sum() / mask.sum()

        def grad(self):
            return self.g

    diagnosis = diagnose(Temporal, "sequence_cross_entropy")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == {"divided by the number of steps that count"}


def test_an_embedding_as_a_product_of_one_hot_rows():
    class Embedding:
        def __init__(self, words, features):
            self.W = np.random.randn(words, features)

        def __call__(self, x):
            self.rows = np.eye(len(self.W))[x]
            return self.rows @ self.W

        def grad(self, dy):
            self.dW = np.einsum("ntv,ntd->vd", self.rows, dy)
            return self.dW

    assert diagnose(Embedding, "embedding").headline == "Embedding is right"
