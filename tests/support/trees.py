"""Components of one's own that hold others, keep buffers, or take inputs of other forms."""

from __future__ import annotations

import numpy as np

from handgrad import Component, Parameter


class Residual(Component):
    """``y = x + inner(x)``."""

    def __init__(self, inner):
        self.inner = inner

    def apply(self, x):
        y, saved = self.inner.apply(x)
        return x + y, saved

    def pullback(self, dy, saved, need_dx=True, out=None):
        offered = (out or {}).get("inner")
        dx, gradients = self.inner.pullback(dy, saved, need_dx, offered)
        return dy + dx if need_dx else None, {"inner": gradients}

    def update_buffers(self, saved):
        self.inner.update_buffers(saved)

    def __repr__(self):
        return f"Residual({self.inner!r})"


class Pair(Component):
    """``y = left(x) + right(x)``, in whose gradients nothing is written where it is offered."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def apply(self, x):
        (y, one), (z, two) = self.left.apply(x), self.right.apply(x)
        return y + z, (one, two)

    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, left = self.left.pullback(dy, saved[0])
        dz, right = self.right.pullback(dy, saved[1])
        return dx + dz, {"left": left, "right": right}

    def update_buffers(self, saved):
        self.left.update_buffers(saved[0])
        self.right.update_buffers(saved[1])


class Mean(Component):
    """Takes the mean of the batch off while training, a running mean in evaluation mode.

    The mean counts as a constant in the gradient only where it is one.
    """

    def __init__(self, D, momentum=0.1):
        self.D, self.momentum = D, momentum
        self.buffers = {"mean": np.zeros(D)}

    def apply(self, x):
        mean = x.mean(axis=0) if self.training else self.buffers["mean"]
        return x - mean, (mean if self.training else None)

    def pullback(self, dy, saved, need_dx=True, out=None):
        return (dy if saved is None else dy - dy.mean(axis=0)), {}

    def update_buffers(self, saved):
        if saved is not None:
            mean = self.buffers["mean"]
            mean += self.momentum * (saved - mean)


class Table(Component):
    """Rows of a table by their numbers."""

    weights = Parameter()
    takes_integers = True

    def __init__(self, K, D, seed=0):
        self.K, self.D, self.seed = K, D, seed
        self.parameters = {"weights": np.random.default_rng(seed).standard_normal((K, D))}

    def apply(self, x):
        return self.weights[x], x

    def pullback(self, dy, saved, need_dx=True, out=None):
        gradient = np.zeros_like(self.weights)
        np.add.at(gradient, saved, dy)
        return None, {"weights": gradient}

    def __repr__(self):
        return f"Table({self.K}, {self.D})"
