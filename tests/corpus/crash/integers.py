"""Divides an integer array in place."""

import numpy as np


class MSELoss:
    def __call__(self, y_pred, y_true):
        self.difference = np.round(y_pred - y_true).astype(int)
        return np.mean((y_pred - y_true) ** 2)

    def grad(self):
        g = 2 * self.difference
        g /= g.size
        return g
