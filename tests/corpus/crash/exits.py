"""Leaves in the middle."""

import sys

import numpy as np


class Sigmoid:
    def __call__(self, x):
        self.s = 1 / (1 + np.exp(-x))
        return self.s

    def grad(self, in_gradient):
        print("done")
        sys.exit(0)
