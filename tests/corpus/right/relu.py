"""Right implementations of ReLU, as students write them."""

import numpy as np


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(0, x)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0)


class Where:
    def __call__(self, inputs):
        self.mask = inputs > 0
        return np.where(self.mask, inputs, 0.0)

    def grad(self, upstream):
        return np.where(self.mask, upstream, 0.0)


class CopyAndAssign:
    def __call__(self, x):
        self.cache = x.copy()
        out = x.copy()
        out[out < 0] = 0
        return out

    def grad(self, dout):
        dx = np.array(dout, copy=True)
        dx[self.cache <= 0] = 0
        return dx


class NestedLoops:
    def __call__(self, x):
        self.x = x
        out = np.zeros_like(x, dtype=float)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                if x[i, j] > 0:
                    out[i, j] = x[i, j]
        return out

    def grad(self, g):
        out = np.zeros_like(self.x, dtype=float)
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                out[i][j] = g[i][j] if self.x[i][j] > 0 else 0
        return out


class FromTheOutput:
    """Keeps the output only; sign(output) is the slope."""

    def __call__(self, x):
        self.output = x * (x > 0)
        return self.output

    def grad(self, in_gradient):
        return in_gradient * np.sign(self.output)


class OneAtZero:
    """x >= 0, so the slope at exactly 0 is 1."""

    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        return in_gradient * (self.x >= 0).astype(float)


class HalfAtZero:
    """(x + |x|) / 2, whose slope is (1 + sign(x)) / 2: a half at exactly 0."""

    def __call__(self, x):
        self.s = np.sign(x)
        return (x + np.abs(x)) / 2

    def grad(self, in_gradient):
        return in_gradient * (1 + self.s) / 2


CASES = {
    "ReLU": ("relu", "right"),
    "Where": ("relu", "right"),
    "CopyAndAssign": ("relu", "right"),
    "NestedLoops": ("relu", "right"),
    "FromTheOutput": ("relu", "right"),
    "OneAtZero": ("relu", "convention"),
    "HalfAtZero": ("relu", "convention"),
}
