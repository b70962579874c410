"""The gradient of the weights multiplies in the wrong order."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.weights = np.random.randn(in_features, out_features)
        self.bias = np.random.randn(1, out_features)

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        gradient_weights = self.x @ in_gradient
        gradient_input = in_gradient @ self.weights.T
        return gradient_weights, gradient_input
