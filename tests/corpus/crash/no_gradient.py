"""The gradient is not written yet."""

import numpy as np


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(0, x)
