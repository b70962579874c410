"""Keeps its parameters where nobody finds them."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        w = np.random.randn(in_features, out_features)
        b = np.random.randn(1, out_features)
        self.layers = [lambda x: x @ w + b, lambda g: g @ w.T]

    def __call__(self, x):
        self.x = x
        return self.layers[0](x)

    def grad(self, in_gradient):
        return self.x.T @ in_gradient, self.layers[1](in_gradient)
