import numpy as np


class MSELoss:
    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.mean(self.diff**2)

    def grad(self):
        return 2 * self.diff / self.diff.size
