"""Wrong gradients of the affine layer that no catalogue knows."""

import numpy as np


class Base:
    def __init__(self, in_features, out_features):
        self.weights = 0.05 * np.random.randn(in_features, out_features)
        self.bias = 0.05 * np.random.randn(1, out_features)
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def right(self, g):
        return self.x.T @ g, g @ self.weights.T, g.sum(axis=0, keepdims=True)

    def grad(self, g):
        dW, dx, db = self.change(*self.right(g), g)
        self.gradients = {"weights": dW, "bias": db}
        return dW, dx


class LastFeatureZero(Base):
    def change(self, dW, dx, db, g):
        dW[-1] = 0
        return dW, dx, db


class OffByEpsilon(Base):
    def change(self, dW, dx, db, g):
        return dW, dx + 1e-3, db


class SecondRowDropped(Base):
    def change(self, dW, dx, db, g):
        return np.delete(self.x, 1, axis=0).T @ np.delete(g, 1, axis=0), dx, db


class MedianBias(Base):
    def change(self, dW, dx, db, g):
        return dW, dx, np.median(g, axis=0, keepdims=True)


class ColumnsShifted(Base):
    def change(self, dW, dx, db, g):
        return dW, np.roll(dx, 1, axis=1), db


class NoisyWeights(Base):
    def change(self, dW, dx, db, g):
        return dW + 1e-3 * np.random.standard_normal(dW.shape), dx, db


class LargeBatch(Base):
    """Wrong only for more than four rows."""

    def change(self, dW, dx, db, g):
        return (dW * 1.25, dx, db) if len(g) > 4 else (dW, dx, db)


class ClippedWeights(Base):
    def change(self, dW, dx, db, g):
        return dW, g @ np.clip(self.weights, -0.02, 0.02).T, db


class RandomMask(Base):
    """A tenth of the entries at random."""

    def change(self, dW, dx, db, g):
        return dW, dx * (np.random.rand(*dx.shape) < 0.9), db


class EverythingALittle(Base):
    def change(self, dW, dx, db, g):
        return 1.01 * dW, 0.98 * dx, 1.03 * db


class Mixture(Base):
    """Half averaged, half not."""

    def change(self, dW, dx, db, g):
        return 0.5 * dW + 0.5 * dW / len(g), dx, db


class Rounded(Base):
    def change(self, dW, dx, db, g):
        return np.round(dW, 2), np.round(dx, 2), np.round(db, 2)


class NegativeInputsOnly(Base):
    def change(self, dW, dx, db, g):
        return dW, dx * np.where(self.x < 0, -0.5, 1.0), db


class Swapped(Base):
    """Two entries of the bias' gradient change places."""

    def change(self, dW, dx, db, g):
        db = db.copy()
        db[0, [0, 1]] = db[0, [1, 0]]
        return dW, dx, db


class RandomGradient(Base):
    def change(self, dW, dx, db, g):
        rng = np.random.default_rng(3)
        return rng.standard_normal(dW.shape), dx, db


class SquaredForward(Base):
    """The forward pass is no affine map at all."""

    def __call__(self, x):
        self.x = x
        return x @ self.weights**2 + self.bias

    def change(self, dW, dx, db, g):
        return dW, dx, db


class WeightDecay(Base):
    def change(self, dW, dx, db, g):
        return dW + 0.01 * self.weights, dx, db


CASES = {
    "WeightDecay": "linear",
    "LastFeatureZero": "linear",
    "OffByEpsilon": "linear",
    "SecondRowDropped": "linear",
    "MedianBias": "linear",
    "ColumnsShifted": "linear",
    "NoisyWeights": "linear",
    "LargeBatch": "linear",
    "ClippedWeights": "linear",
    "RandomMask": "linear",
    "EverythingALittle": "linear",
    "Mixture": "linear",
    "Rounded": "linear",
    "NegativeInputsOnly": "linear",
    "Swapped": "linear",
    "RandomGradient": "linear",
    "SquaredForward": "linear",
}
