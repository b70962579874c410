import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.W = 0.05 * np.random.randn(in_features, out_features)
        self.b = np.zeros((1, out_features))

    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b

    def grad(self, in_gradient):
        m = self.x.shape[0]
        dW = self.x.T @ in_gradient / m
        self.gradients = {"bias": in_gradient.sum(axis=0, keepdims=True) / m}
        return dW, in_gradient @ self.W.T
