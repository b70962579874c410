"""The class is called something else."""

import numpy as np


class MyRelu:
    def __call__(self, x):
        self.x = x
        return np.maximum(0, x)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0)
