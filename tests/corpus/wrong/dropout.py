"""Wrong gradients of dropout that no catalogue knows."""

import numpy as np


class Base:
    def __init__(self, layer, p):
        self.layer, self.p = layer, p

    def __call__(self, x):
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape) / (1 - self.p)
        return out * self.mask


class FirstRowsMask(Base):
    def grad(self, g):
        return self.layer.grad(g * self.mask[:1])


class ShiftedMask(Base):
    def grad(self, g):
        return self.layer.grad(g * np.roll(self.mask, 1, axis=1))


class SharePresent(Base):
    """Scaled by the share that happened to be kept."""

    def grad(self, g):
        kept = self.mask > 0
        return self.layer.grad(g * kept / kept.mean())


class TenPercent(Base):
    def grad(self, g):
        return self.layer.grad(1.1 * g * self.mask)


class RowsReversed(Base):
    def grad(self, g):
        return self.layer.grad(g * self.mask[::-1])


class LeakyMask(Base):
    def grad(self, g):
        return self.layer.grad(g * np.maximum(self.mask, 0.05))


CASES = {
    "FirstRowsMask": "dropout",
    "ShiftedMask": "dropout",
    "SharePresent": "dropout",
    "TenPercent": "dropout",
    "RowsReversed": "dropout",
    "LeakyMask": "dropout",
}
