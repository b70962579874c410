import numpy as np


class Sigmoid:
    def __call__(self, x):
        self.output = 1.0 / (1.0 + np.exp(-x))
        return self.output

    def grad(self, in_gradient):
        return in_gradient * self.output * (1 - self.output)
