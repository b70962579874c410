"""Right implementations of the sigmoid, as students write them."""

import math

import numpy as np


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Sigmoid:
    def __call__(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def grad(self, in_gradient):
        return in_gradient * self.out * (1 - self.out)


class Recomputes:
    def __call__(self, x):
        self.x = x
        return _sigmoid(x)

    def grad(self, in_gradient):
        return in_gradient * _sigmoid(self.x) * (1 - _sigmoid(self.x))


class Stable:
    """One formula for each sign."""

    def __call__(self, x):
        out = np.zeros(x.shape)
        pos = x >= 0
        out[pos] = 1 / (1 + np.exp(-x[pos]))
        ex = np.exp(x[~pos])
        out[~pos] = ex / (1 + ex)
        self.s = out
        return out.copy()

    def grad(self, dy):
        return dy * (self.s - self.s**2)


class Tanh:
    def __call__(self, x):
        self.t = np.tanh(x / 2)
        return 0.5 + 0.5 * self.t

    def grad(self, dy):
        return dy * 0.25 * (1 - self.t**2)


class MathModule:
    """The scalar formula of the lecture, entry by entry."""

    def __call__(self, x):
        self.shape = x.shape
        self.values = []
        for v in x.flatten():
            if v > -700:
                self.values.append(1 / (1 + math.exp(-v)))
            else:
                self.values.append(0.0)
        return np.array(self.values).reshape(self.shape)

    def grad(self, in_gradient):
        flat = in_gradient.flatten()
        result = []
        for i in range(len(flat)):
            s = self.values[i]
            result.append(flat[i] * s * (1 - s))
        return np.array(result).reshape(self.shape)


CASES = {
    "Sigmoid": ("sigmoid", "right"),
    "Recomputes": ("sigmoid", "right"),
    "Stable": ("sigmoid", "right"),
    "Tanh": ("sigmoid", "right"),
    "MathModule": ("sigmoid", "right"),
}
