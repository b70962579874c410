"""ReLU and the sigmoid, with the catalogue's mistakes written by hand."""

import numpy as np


class BaseReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(0, x)


class MasksByUpstream(BaseReLU):
    def grad(self, in_gradient):
        return np.maximum(0, in_gradient)


class NoMask(BaseReLU):
    def grad(self, in_gradient):
        return in_gradient


class Inverted(BaseReLU):
    def grad(self, in_gradient):
        dx = in_gradient.copy()
        dx[self.x > 0] = 0
        return dx


class UpstreamIgnored(BaseReLU):
    def grad(self, in_gradient):
        return (self.x > 0).astype(float)


class WritesToItsInput:
    def __call__(self, x):
        self.mask = x > 0
        x[x < 0] = 0
        return x

    def grad(self, in_gradient):
        return in_gradient * self.mask


class MasksUpstreamInPlace(BaseReLU):
    def grad(self, in_gradient):
        in_gradient[self.x <= 0] = 0
        return in_gradient


class BaseSigmoid:
    def __call__(self, x):
        self.x = x
        self.y = 1 / (1 + np.exp(-x))
        return self.y


class SlopeOfTheInput(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient * self.x * (1 - self.x)


class SigmoidTwice(BaseSigmoid):
    def grad(self, in_gradient):
        s = 1 / (1 + np.exp(-self.y))
        return in_gradient * s * (1 - s)


class SlopeLeftOut(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient


class SigmoidUpstreamIgnored(BaseSigmoid):
    def grad(self, in_gradient):
        return self.y * (1 - self.y)


class SlopeIsTheOutput(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient * self.y


class QuotientRule:
    def __call__(self, x):
        self.e = np.exp(-x)
        return 1.0 / (1.0 + self.e)

    def grad(self, dy):
        return dy * self.e / np.square(1.0 + self.e)


class Leaks(BaseReLU):
    def grad(self, in_gradient):
        return np.where(self.x > 0, in_gradient, 0.01 * in_gradient)


class TanhSlope(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient * (1 - self.y**2)


class PlusInTheSlope(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient * self.y * (1 + self.y)


class BracketsMissing(BaseSigmoid):
    def grad(self, in_gradient):
        return in_gradient * self.y * 1 - self.y


CASES = {
    "PlusInTheSlope": ("sigmoid", ["a plus in the second factor"]),
    "BracketsMissing": ("sigmoid", ["the brackets around the second factor are missing"]),
    "Leaks": ("relu", ["a leak of 0.01 in the backward pass"]),
    "TanhSlope": ("sigmoid", ["the derivative of tanh"]),
    "QuotientRule": ("sigmoid", ["overflows"]),
    "MasksByUpstream": ("relu", ["masked by the sign of the upstream gradient"]),
    "NoMask": ("relu", ["no mask"]),
    "Inverted": ("relu", ["the mask is inverted"]),
    "UpstreamIgnored": ("relu", ["the upstream gradient is ignored"]),
    "WritesToItsInput": ("relu", ["writes to its input"]),
    "MasksUpstreamInPlace": ("relu", ["writes to the upstream gradient"]),
    "SlopeOfTheInput": ("sigmoid", ["the input in place of the output"]),
    "SigmoidTwice": ("sigmoid", ["the derivative at the output"]),
    "SlopeLeftOut": ("sigmoid", ["the derivative is left out"]),
    "SigmoidUpstreamIgnored": ("sigmoid", ["the upstream gradient is ignored"]),
    "SlopeIsTheOutput": ("sigmoid", ["only the first factor"]),
}
