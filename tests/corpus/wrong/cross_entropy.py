"""Wrong gradients of the cross-entropy that no catalogue knows."""

import numpy as np


class Base:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, logits, targets):
        z = logits - logits.max(axis=1, keepdims=True)
        self.o, self.y = logits, targets
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        self.n = len(logits) if self.average else 1
        return -(targets * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum() / self.n


class SmoothedLabels(Base):
    def grad(self):
        K = self.p.shape[1]
        return (self.p - 0.9 * self.y - 0.1 / K) / self.n


class Temperature(Base):
    def grad(self):
        e = np.exp(self.o / 1.5)
        return (e / e.sum(axis=1, keepdims=True) - self.y) / self.n


class FirstClassForgotten(Base):
    def grad(self):
        g = (self.p - self.y) / self.n
        g[:, 0] = 0
        return g


class HalfPrecision(Base):
    def grad(self):
        return ((self.p - self.y) / self.n).astype(np.float16).astype(float)


class RowsReversed(Base):
    def grad(self):
        return ((self.p - self.y) / self.n)[::-1]


class Decay(Base):
    def grad(self):
        return (self.p - self.y) / self.n + 0.01 * self.o


class ClassWeights(Base):
    def grad(self):
        return (self.p - self.y) * np.arange(1, self.p.shape[1] + 1) / self.n


class NegativeLogitsOnly(Base):
    def grad(self):
        return np.where(self.o < 0, 0.5, 1.0) * (self.p - self.y) / self.n


class ClippedProbabilities(Base):
    def grad(self):
        return (np.clip(self.p, 0.2, 0.6) - self.y) / self.n


class LargeBatch(Base):
    def grad(self):
        g = (self.p - self.y) / self.n
        if len(g) > 4:
            g[4:] *= 0.9
        return g


CASES = {
    "SmoothedLabels": "cross_entropy",
    "Temperature": "cross_entropy",
    "FirstClassForgotten": "cross_entropy",
    "HalfPrecision": "cross_entropy",
    "RowsReversed": "cross_entropy",
    "Decay": "cross_entropy",
    "ClassWeights": "cross_entropy",
    "NegativeLogitsOnly": "cross_entropy",
    "ClippedProbabilities": "cross_entropy",
    "LargeBatch": "cross_entropy",
}
