"""What an object remembers and shares, which one call of one object does not show."""

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status


class Layer:
    def __init__(self, in_features, out_features):
        self.weights = np.random.randn(in_features, out_features)
        self.bias = np.random.randn(1, out_features)
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class InputOnTheClass(Layer):
    def __call__(self, x):
        type(self).x = x
        return x @ self.weights + self.bias


class DefaultArgument(Layer):
    def __init__(self, in_features, out_features, gradients={}):  # noqa: B006
        super().__init__(in_features, out_features)
        self.gradients = gradients


class DictInTheClass:
    gradients = {}  # noqa: RUF012
    __call__, grad = Layer.__call__, Layer.grad

    def __init__(self, in_features, out_features):
        self.weights = np.random.randn(in_features, out_features)
        self.bias = np.random.randn(1, out_features)


class ScalesWhatItSaved(Layer):
    def grad(self, in_gradient):
        gradients = super().grad(in_gradient)
        self.x = self.x * 3
        return gradients


class PilesUpUntilTheNextForwardPass(Layer):
    def __call__(self, x):
        self.dW = np.zeros_like(self.weights)
        return super().__call__(x)

    def grad(self, in_gradient):
        dW, dx = super().grad(in_gradient)
        self.dW += dW
        return self.dW.copy(), dx


class Previous(Layer):
    def __call__(self, x):
        self.old = getattr(self, "x", x)
        return super().__call__(x)

    def grad(self, in_gradient):
        return self.old.T @ in_gradient, super().grad(in_gradient)[1]


class First(Previous):
    def __call__(self, x):
        old = getattr(self, "old", x)
        y = super().__call__(x)
        self.old = old
        return y


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        dx = in_gradient * (self.x > 0)
        self.x = -self.x
        return dx


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (InputOnTheClass, "all objects share one memory"),
        (DefaultArgument, "all objects share one memory"),
        (DictInTheClass, "all objects share one memory"),
        (ScalesWhatItSaved, "the backward pass changes what the forward pass has saved"),
        (ReLU, "the backward pass changes what the forward pass has saved"),
        (PilesUpUntilTheNextForwardPass, "gradients pile up"),
        (Previous, "remembers the call before"),
        (First, "remembers the first call"),
    ],
)
def test_what_is_remembered_or_shared_is_named(cls, name):
    diagnosis = diagnose(cls, "relu" if cls is ReLU else "linear")
    assert diagnosis.headline == f"{cls.__name__} is wrong: {name}", str(diagnosis)


class OnlyOnce(Layer):
    def __call__(self, x):
        self.saved = [x]
        return super().__call__(x)

    def grad(self, in_gradient):
        self.x = self.saved.pop()
        return super().grad(in_gradient)


class Counts(Layer):
    calls = []  # noqa: RUF012

    def __call__(self, x):
        self.calls.append(float(x.sum()))
        return super().__call__(x)


@pytest.mark.parametrize("cls", [Layer, OnlyOnce, Counts])
def test_one_that_refuses_to_answer_twice_or_shares_other_things_is_right(cls):
    assert diagnose(cls, "linear").status is Status.RIGHT
