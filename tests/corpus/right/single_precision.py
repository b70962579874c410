"""Right formulas that are computed in single precision."""

import numpy as np


class Sigmoid:
    def __call__(self, x):
        x = x.astype("float32")
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def grad(self, in_gradient):
        return in_gradient.astype("float32") * self.y * (1 - self.y)


class MSELoss:
    def __call__(self, y_pred, y_true):
        self.d = np.asarray(y_pred, dtype=np.float32) - np.asarray(y_true, dtype=np.float32)
        return np.mean(self.d**2)

    def grad(self):
        return 2 * self.d / self.d.size


CASES = {
    "Sigmoid": ("sigmoid", "right"),
    "MSELoss": ("mse", "right"),
}
