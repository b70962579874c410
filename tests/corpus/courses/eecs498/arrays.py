"""Right, in the interface of EECS 498, with NumPy's arrays inside."""

import numpy as np


class Linear:
    @staticmethod
    def forward(x, w, b):
        return x.reshape(len(x), -1) @ w + b, (x, w)

    @staticmethod
    def backward(dout, cache):
        x, w = cache
        dx = (dout @ w.T).reshape(x.shape)
        return dx, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


class ReLU:
    @staticmethod
    def forward(x):
        return np.maximum(x, 0), x

    @staticmethod
    def backward(dout, cache):
        return np.where(cache > 0, dout, 0)


def softmax_loss(x, y):
    probs = np.exp(x - x.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    N = len(x)
    loss = -np.log(probs[np.arange(N), y]).sum() / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    return loss, dx / N
