"""Right implementations of the mean squared error, as students write them."""

import math

import numpy as np


class MSELoss:
    def __call__(self, y_pred, y_true):
        self.y_pred = y_pred
        self.y_true = y_true
        return np.mean((y_pred - y_true) ** 2)

    def grad(self):
        return 2 * (self.y_pred - self.y_true) / self.y_pred.size


class TargetMinusPrediction:
    """The sign is taken care of in the gradient."""

    def __call__(self, predictions, labels):
        self.error = labels - predictions
        return np.square(self.error).mean()

    def grad(self):
        return -2.0 * self.error / np.prod(self.error.shape)


class Loops:
    def __call__(self, y_pred, y_true):
        self.p = np.array(y_pred, dtype=float)
        self.t = np.array(y_true, dtype=float)
        total = 0.0
        count = 0
        for p, t in zip(self.p.flatten(), self.t.flatten()):
            total += (p - t) ** 2
            count += 1
        self.count = count
        return total / count

    def grad(self):
        g = np.zeros(self.p.shape)
        it = np.nditer(self.p, flags=["multi_index"])
        for value in it:
            i = it.multi_index
            g[i] = 2 * (float(value) - self.t[i]) / self.count
        return g


class DotProduct:
    def __call__(self, a, b):
        d = np.asarray(a, dtype=np.float64) - np.asarray(b)
        self._cache = d
        v = d.ravel()
        return np.dot(v, v) / v.shape[0]

    def grad(self):
        d = self._cache
        return (2.0 / d.size) * d


class Norm:
    def __call__(self, y_hat, y):
        self.r = np.subtract(y_hat, y)
        return np.linalg.norm(self.r) ** 2 / self.r.size

    def grad(self):
        return np.multiply(self.r, 2) / self.r.size


class MeanOfMeans:
    """The mean over the features, then over the rows: the same number."""

    def __call__(self, y_pred, y_true):
        self.y_pred, self.y_true = np.atleast_1d(y_pred), np.atleast_1d(y_true)
        error = (self.y_pred - self.y_true) ** 2
        while error.ndim > 0:
            error = error.mean(axis=-1)
        return float(error)

    def grad(self):
        n_elements = math.prod(self.y_pred.shape)
        return (self.y_pred - self.y_true) * 2 / n_elements


class Expanded:
    """a^2 - 2ab + b^2, and its derivative term by term."""

    def __call__(self, a, b):
        self.a, self.b = np.array(a, float), np.array(b, float)
        return float(np.mean(self.a**2 - 2 * self.a * self.b + self.b**2))

    def grad(self):
        return (2 * self.a - 2 * self.b) / self.a.size


class Sum:
    """A sum in place of a mean, in the value and in the gradient."""

    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.sum(self.diff**2)

    def grad(self):
        return 2 * self.diff


class HalfMean:
    """The 1/2 of the textbooks."""

    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return 0.5 * np.mean(self.diff**2)

    def grad(self):
        return self.diff / self.diff.size


class HalfSum:
    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return (self.diff * self.diff).sum() / 2

    def grad(self):
        return self.diff


class MeanOverRowsOnly:
    """The squared distance of a row, averaged over the rows."""

    def __call__(self, y_pred, y_true):
        self.diff = np.asarray(y_pred - y_true, dtype=float)
        self.N = len(self.diff)
        return (self.diff**2).sum() / self.N

    def grad(self):
        return 2 / self.N * self.diff


CASES = {
    "MSELoss": ("mse", "right"),
    "TargetMinusPrediction": ("mse", "right"),
    "Loops": ("mse", "right"),
    "DotProduct": ("mse", "right"),
    "Norm": ("mse", "right"),
    "MeanOfMeans": ("mse", "right"),
    "Expanded": ("mse", "right"),
    "Sum": ("mse", "convention"),
    "HalfMean": ("mse", "convention"),
    "HalfSum": ("mse", "convention"),
    "MeanOverRowsOnly": ("mse", "convention"),
}
