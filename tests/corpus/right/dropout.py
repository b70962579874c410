"""Right implementations of inverted dropout, as students write them."""

import numpy as np


class Dropout:
    def __init__(self, layer, p):
        self.layer = layer
        self.p = p

    def __call__(self, x):
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape) / (1 - self.p)
        return out * self.mask

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)


class WithModes:
    def __init__(self, layer, p=0.5):
        self.layer = layer
        self.p = p
        self.training = True

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def __call__(self, x):
        out = self.layer(x)
        if not self.training:
            self.mask = None
            return out
        self.mask = np.random.rand(*out.shape) > self.p
        return out * self.mask / (1.0 - self.p)

    def grad(self, in_gradient):
        if self.mask is not None:
            in_gradient = in_gradient * self.mask / (1.0 - self.p)
        return self.layer.grad(in_gradient)


class KeepProbability:
    """Its own generator, and the probability to keep."""

    def __init__(self, layer, p):
        self.layer = layer
        self.keep_prob = 1 - p
        self.rng = np.random.default_rng()

    def __call__(self, x):
        z = self.layer(x)
        self.kept = (self.rng.random(z.shape) < self.keep_prob).astype(z.dtype)
        return np.multiply(z, self.kept) / self.keep_prob

    def grad(self, g):
        g = np.multiply(g, self.kept)
        g = g / self.keep_prob
        dw, dx = self.layer.grad(g)
        return dw, dx


class IndicesOfTheDropped:
    def __init__(self, layer, p):
        self.layer, self.p = layer, p

    def __call__(self, x):
        y = np.array(self.layer(x))
        self.dropped = np.random.uniform(size=y.shape) < self.p
        y[self.dropped] = 0
        return y / (1 - self.p)

    def grad(self, in_gradient):
        g = in_gradient.copy()
        g[self.dropped] = 0
        return self.layer.grad(g / (1 - self.p))


class Choice:
    """np.random.choice, and a mode that is an attribute only."""

    def __init__(self, layer, probability):
        self.layer = layer
        self.probability = probability
        self.training = True

    def __call__(self, x):
        a = self.layer(x)
        if self.training:
            scale = 1 / (1 - self.probability)
            self.m = np.random.choice([0, scale], a.shape, p=[self.probability, 1 - self.probability])
        else:
            self.m = np.ones(a.shape)
        return self.m * a

    def grad(self, in_gradient):
        return self.layer.grad(self.m * in_gradient)


CASES = {
    "Dropout": ("dropout", "right"),
    "WithModes": ("dropout", "right"),
    "KeepProbability": ("dropout", "right"),
    "IndicesOfTheDropped": ("dropout", "right"),
    "Choice": ("dropout", "right"),
}
