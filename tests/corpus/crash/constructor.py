"""Wants an argument that nobody gives."""

import numpy as np


class ReLU:
    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        self.x = x
        return np.maximum(0, x)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0)
