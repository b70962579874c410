"""The template's body is still there."""

import numpy as np


class Sigmoid:
    def __call__(self, x):
        return 1 / (1 + np.exp(-x))

    def grad(self, in_gradient):
        raise NotImplementedError
