import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.weights = 0.05 * np.random.randn(in_features, out_features)
        self.bias = 0.05 * np.random.randn(1, out_features)
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T
