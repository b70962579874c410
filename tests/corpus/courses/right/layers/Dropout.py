import numpy as np

from .Linear import Linear


class Dropout:
    def __init__(self, layer, p):
        if not isinstance(layer, Linear):
            raise TypeError("only linear layers can be wrapped")
        self.layer = layer
        self.p = p

    def __call__(self, x):
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape) / (1 - self.p)
        return out * self.mask

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)
