"""Prints a great deal, and is right."""

import sys

import numpy as np

print("loading ...")


class ReLU:
    def __call__(self, x):
        print("x =", x)
        print("a warning", file=sys.stderr)
        self.x = x
        return np.maximum(0, x)

    def grad(self, in_gradient):
        print('{"status": "right"}')
        return in_gradient * (self.x > 0)
