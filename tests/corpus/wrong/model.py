"""Wrong models that no catalogue knows."""

import numpy as np


class Base:
    def __init__(self, components):
        self.components = list(components)

    def forward(self, x):
        for c in self.components:
            x = c(x)
        return x

    def backward(self, g):
        grads = []
        for c in reversed(self.components):
            r = c.grad(g)
            if isinstance(r, tuple):
                grads.insert(0, {"weights": r[0], "bias": c.gradients["bias"]})
                g = r[1]
            else:
                grads.insert(0, {})
                g = r
            g = self.between(g)
        return grads

    def between(self, g):
        return g

    def update_parameters(self, grads, lr):
        for c, d in zip(self.components, grads):
            for name, array in d.items():
                setattr(c, name, getattr(c, name) - lr * self.step(array, getattr(c, name)))

    def step(self, gradient, parameter):
        return gradient


class Shrinks(Base):
    """Every component takes a tenth away."""

    def between(self, g):
        return 0.9 * g


class ClipsBetween(Base):
    def between(self, g):
        return np.clip(g, -0.1, 0.1)


class WeightDecay(Base):
    def step(self, gradient, parameter):
        return gradient + 0.01 * parameter


class SignStep(Base):
    def step(self, gradient, parameter):
        return np.sign(gradient)


class Normalised(Base):
    def step(self, gradient, parameter):
        return gradient / (np.linalg.norm(gradient) + 1e-8)


class NoisyUpdate(Base):
    def step(self, gradient, parameter):
        return gradient + 1e-3 * np.random.randn(*gradient.shape)


class OneEntryStays(Base):
    def step(self, gradient, parameter):
        gradient = np.array(gradient)
        gradient.flat[-1] = 0
        return gradient


class Momentum(Base):
    """Right for the first step, and something else from the second on."""

    velocities = None

    def update_parameters(self, grads, lr):
        if self.velocities is None:
            self.velocities = [{n: np.zeros_like(a) for n, a in d.items()} for d in grads]
        for c, d, v in zip(self.components, grads, self.velocities):
            for name, array in d.items():
                v[name] = 0.9 * v[name] + array
                setattr(c, name, getattr(c, name) - lr * v[name])


CASES = {
    "Shrinks": "model",
    "ClipsBetween": "model",
    "WeightDecay": "model",
    "SignStep": "model",
    "Normalised": "model",
    "NoisyUpdate": "model",
    "OneEntryStays": "model",
    "Momentum": "model",
}
