"""The mean squared error, with the catalogue's mistakes written by hand."""

import numpy as np


class NoMean:
    def __call__(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return ((y_pred - y_true) ** 2).mean()

    def grad(self):
        return 2 * (self.y_pred - self.y_true)


class DividedByRows:
    def __call__(self, y_pred, y_true):
        self.error = y_pred - y_true
        return np.mean(np.square(self.error))

    def grad(self):
        n = self.error.shape[0]
        return (2 / n) * self.error


class TwoMissing:
    def __call__(self, y_pred, y_true):
        self.error = y_pred - y_true
        return np.average(self.error * self.error)

    def grad(self):
        return self.error / self.error.size


class TwoMissingAndByRows:
    def __call__(self, y_pred, y_true):
        self.error = y_pred - y_true
        return np.mean(self.error**2)

    def grad(self):
        return self.error / len(self.error)


class TwoAndMeanMissing:
    def __call__(self, y_pred, y_true):
        self.error = y_pred - y_true
        return np.mean(self.error**2)

    def grad(self):
        return self.error


class WrongWayRound:
    def __call__(self, y_pred, y_true):
        self.y_pred = y_pred
        self.y_true = y_true
        return np.mean((y_true - y_pred) ** 2)

    def grad(self):
        return 2 * (self.y_true - self.y_pred) / self.y_true.size


class Broadcasts:
    """The targets as a column, whatever they were."""

    def __call__(self, y_pred, y_true):
        self.shape = y_pred.shape
        self.diff = y_pred.reshape(-1) - y_true.reshape(-1, 1)
        return np.mean(self.diff**2)

    def grad(self):
        return 2 * self.diff / self.diff.size


class WritesToItsInput:
    def __call__(self, y_pred, y_true):
        y_pred -= y_true
        self.d = y_pred
        return np.mean(y_pred**2)

    def grad(self):
        return 2 * self.d / self.d.size


class WritesToItsTargets:
    def __call__(self, y_pred, y_true):
        y_true -= y_pred
        self.minus = y_true.copy()
        return np.mean(y_true**2)

    def grad(self):
        return -2 * self.minus / self.minus.size


class SumWithoutTwo:
    """The value is a sum, which is no mistake; the 2 is missing, which is one."""

    def __call__(self, y_pred, y_true):
        self.d = y_pred - y_true
        return (self.d**2).sum()

    def grad(self):
        return self.d


class HalfWithTwo:
    def __call__(self, y_pred, y_true):
        self.d = y_pred - y_true
        return 0.5 * (self.d**2).mean()

    def grad(self):
        return 2 * self.d / self.d.size


class TargetForgotten:
    def __call__(self, y_pred, y_true):
        self.y_pred = y_pred
        return ((y_pred - y_true) ** 2).mean()

    def grad(self):
        return 2 * self.y_pred / self.y_pred.size


CASES = {
    "WritesToItsTargets": ("mse", ["writes to its input"]),
    "SumWithoutTwo": ("mse", ["the 2 is missing"]),
    "HalfWithTwo": ("mse", ["doubled"]),
    "TargetForgotten": ("mse", ["the target is not subtracted"]),
    "NoMean": ("mse", ["the mean is left out of the gradient"]),
    "DividedByRows": ("mse", ["divided by the rows only"]),
    "TwoMissing": ("mse", ["the 2 is missing"]),
    "TwoMissingAndByRows": ("mse", ["the 2 is missing", "divided by the rows only"]),
    "TwoAndMeanMissing": ("mse", ["the 2 is missing", "the mean is left out of the gradient"]),
    "WrongWayRound": ("mse", ["target minus prediction"]),
    "Broadcasts": ("mse", ["everything is compared with everything, targets down the rows"]),
    "WritesToItsInput": ("mse", ["writes to its input"]),
}
