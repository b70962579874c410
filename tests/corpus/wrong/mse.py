"""Wrong gradients of the mean squared error that no catalogue knows."""

import numpy as np


class Base:
    def __call__(self, y_pred, y_true):
        self.diff = np.asarray(y_pred - y_true, dtype=float)
        return np.mean(self.diff**2)


class OffByEpsilon(Base):
    def grad(self):
        return 2 * self.diff / self.diff.size + 1e-3


class SlightlyTooLong(Base):
    def grad(self):
        return 2.002 * self.diff / self.diff.size


class Clipped(Base):
    def grad(self):
        return np.clip(2 * self.diff / self.diff.size, -0.05, 0.05)


class OneEntry(Base):
    def grad(self):
        g = 2 * self.diff / self.diff.size
        g.flat[0] += 0.25
        return g


class LastRowZero(Base):
    def grad(self):
        g = 2 * self.diff / self.diff.size
        g[-1] = 0
        return g


class Rolled(Base):
    def grad(self):
        return np.roll(2 * self.diff / self.diff.size, 1, axis=-1)


class ThreeDecimals(Base):
    def grad(self):
        return np.round(2 * self.diff / self.diff.size, 3)


class Noisy(Base):
    def grad(self):
        return 2 * self.diff / self.diff.size + 1e-4 * np.random.randn(*self.diff.shape)


class SizePlusOne(Base):
    def grad(self):
        return 2 * self.diff / (self.diff.size + 1)


class EveryTenthCall(Base):
    calls = 0

    def __call__(self, y_pred, y_true):
        self.calls += 1
        return super().__call__(y_pred, y_true)

    def grad(self):
        g = 2 * self.diff / self.diff.size
        return 1.7 * g if self.calls % 10 == 0 else g


class HalfHalf(Base):
    """Some of it with a mean, some of it without."""

    def grad(self):
        return 0.5 * (2 * self.diff / self.diff.size) + 0.5 * (2 * self.diff)


class ValueOfAnotherPower(Base):
    """Neither the value nor the gradient is a square."""

    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.mean(np.abs(self.diff) ** 1.5)

    def grad(self):
        return 2 * np.sign(self.diff) * np.abs(self.diff) ** 0.7 / self.diff.size


CASES = {
    "OffByEpsilon": "mse",
    "SlightlyTooLong": "mse",
    "Clipped": "mse",
    "OneEntry": "mse",
    "LastRowZero": "mse",
    "Rolled": "mse",
    "ThreeDecimals": "mse",
    "Noisy": "mse",
    "SizePlusOne": "mse",
    "EveryTenthCall": "mse",
    "HalfHalf": "mse",
    "ValueOfAnotherPower": "mse",
}
