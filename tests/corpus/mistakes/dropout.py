"""Inverted dropout, with the catalogue's mistakes written by hand."""

import numpy as np


class Right:
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
            self.mask = np.ones_like(out)
            self.scale = 1.0
            return out
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape)
        self.scale = 1 / (1 - self.p)
        return out * self.mask * self.scale


class ScaleForgotten(Right):
    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)


class MaskForgotten(Right):
    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.scale)


class MaskAndScaleForgotten(Right):
    def grad(self, in_gradient):
        return self.layer.grad(in_gradient)


class FreshMask(Right):
    def grad(self, in_gradient):
        if not self.training:
            return self.layer.grad(in_gradient)
        mask = np.random.binomial(1, 1 - self.p, size=in_gradient.shape)
        return self.layer.grad(in_gradient * mask * self.scale)


class ScaledTwice(Right):
    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask * self.scale * self.scale)


class PForKeep(Right):
    """p for 1 - p in the scale of the backward pass."""

    def grad(self, in_gradient):
        if not self.training:
            return self.layer.grad(in_gradient)
        return self.layer.grad(in_gradient * self.mask / self.p)


class AlwaysOn(Right):
    def eval(self):
        self.training = True

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask * self.scale)


class NotInverted(Right):
    def __call__(self, x):
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape) if self.training else 1
        return out * self.mask

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)


class DropsTheRest(Right):
    """Keeps with probability p."""

    def __call__(self, x):
        out = self.layer(x)
        if not self.training:
            self.mask = np.ones_like(out)
            return out
        self.mask = np.random.binomial(1, self.p, size=out.shape) / self.p
        return out * self.mask

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)


class ScalesTheUpstreamInPlace(Right):
    """Right, but for what it does to the array that it was given."""

    def grad(self, in_gradient):
        in_gradient *= self.mask
        in_gradient /= 1 - self.p if self.training else 1
        return self.layer.grad(in_gradient)


class MaskPerFeature(Right):
    def __call__(self, x):
        out = super().__call__(x)
        if not self.training:
            return out
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape[1])
        return out * self.mask * self.scale

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask * self.scale)


CASES = {
    "ScalesTheUpstreamInPlace": ("dropout", ["writes to the upstream gradient"]),
    "MaskPerFeature": ("dropout", ["one mask for all rows"]),
    "ScaleForgotten": ("dropout", ["no scale in the backward pass"]),
    "MaskForgotten": ("dropout", ["no mask in the backward pass"]),
    "MaskAndScaleForgotten": ("dropout", ["the backward pass does nothing"]),
    "FreshMask": ("dropout", ["a fresh mask in the backward pass"]),
    "ScaledTwice": ("dropout", ["scaled twice in the backward pass"]),
    "PForKeep": ("dropout", ["divided by p in the backward pass"]),
    "AlwaysOn": ("dropout", ["active in evaluation mode"]),
    "NotInverted": ("dropout", ["not inverted: no scale while training"]),
    "DropsTheRest": ("dropout", ["p is the probability to keep"]),
}
