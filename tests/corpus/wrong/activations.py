"""Wrong gradients of ReLU and the sigmoid that no catalogue knows."""

import numpy as np


class BaseReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)


class Threshold(BaseReLU):
    def grad(self, g):
        return g * (self.x > 0.3)


class UpstreamClipped(BaseReLU):
    def grad(self, g):
        return np.clip(g, -1, 1) * (self.x > 0)


class EveryTenthCall(BaseReLU):
    calls = 0

    def grad(self, g):
        self.calls += 1
        if self.calls % 10 == 0:
            return g * (self.x > 0) * 0.5
        return g * (self.x > 0)


class EvenColumns(BaseReLU):
    def grad(self, g):
        mask = self.x > 0
        mask[:, ::2] = True
        return g * mask


class Steep(BaseReLU):
    def grad(self, g):
        return g / (1 + np.exp(-30 * self.x))


class CappedSlope(BaseReLU):
    def grad(self, g):
        return g * np.clip(self.x, 0, 0.8)


class FirstColumn(BaseReLU):
    def grad(self, g):
        dx = g * (self.x > 0)
        dx[:, 0] = 0
        return dx


class NegativeUpstream(BaseReLU):
    """Wrong where the upstream gradient is negative."""

    def grad(self, g):
        return np.where(g < 0, 0.3 * g, g) * (self.x > 0)


class BaseSigmoid:
    def __call__(self, x):
        self.x = x
        self.s = 1 / (1 + np.exp(-x))
        return self.s


class PlusConstant(BaseSigmoid):
    def grad(self, g):
        return g * (self.s * (1 - self.s) + 0.01)


class NegativeInputs(BaseSigmoid):
    def grad(self, g):
        return g * np.where(self.x < 0, self.s, self.s * (1 - self.s))


class HalfPrecision(BaseSigmoid):
    def grad(self, g):
        s = self.s.astype(np.float16).astype(float)
        return g * s * (1 - s)


class WrongPower(BaseSigmoid):
    def grad(self, g):
        return g * self.s**1.3 * (1 - self.s)


class OneSample(BaseSigmoid):
    """The slope of the first row for the second."""

    def grad(self, g):
        slope = self.s * (1 - self.s)
        slope[1] = slope[0]
        return g * slope


class AverageSlope(BaseSigmoid):
    def grad(self, g):
        slope = self.s * (1 - self.s)
        return g * slope.mean()


CASES = {
    "Threshold": "relu",
    "UpstreamClipped": "relu",
    "EveryTenthCall": "relu",
    "EvenColumns": "relu",
    "Steep": "relu",
    "CappedSlope": "relu",
    "FirstColumn": "relu",
    "NegativeUpstream": "relu",
    "PlusConstant": "sigmoid",
    "NegativeInputs": "sigmoid",
    "HalfPrecision": "sigmoid",
    "WrongPower": "sigmoid",
    "OneSample": "sigmoid",
    "AverageSlope": "sigmoid",
}
