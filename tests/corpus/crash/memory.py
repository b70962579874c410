"""Asks for more memory than there is."""

import numpy as np


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.ones((10**7, 10**9)) * x

    def grad(self, in_gradient):
        return in_gradient
