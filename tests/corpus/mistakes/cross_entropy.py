"""The cross-entropy, with the catalogue's mistakes written by hand."""

import numpy as np


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


class Right:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, predictions, targets):
        self.N = predictions.shape[0]
        self.y = targets
        z = predictions - predictions.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        loss = -(targets * log_p).sum()
        return loss / self.N if self.average else loss

    def scale(self, g):
        return g / self.N if self.average else g


class NoMean(Right):
    def grad(self):
        return self.p - self.y


class DividedByAllEntries(Right):
    def grad(self):
        return (self.p - self.y) / self.p.size if self.average else self.p - self.y


class OneHotForgotten(Right):
    def grad(self):
        return self.scale(self.p.copy())


class JacobianLeftOut(Right):
    def grad(self):
        return self.scale(-self.y / self.p)


class DiagonalOnly(Right):
    def grad(self):
        dp = -self.y / self.p
        return self.scale(dp * self.p * (1 - self.p))


class ExtraSlope(Right):
    """The softmax' derivative once more."""

    def grad(self):
        return self.scale((self.p - self.y) * self.p * (1 - self.p))


class WrongAxis:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, predictions, targets):
        self.p = softmax(predictions, axis=0)
        self.y = targets
        losses = -np.sum(targets * np.log(self.p), axis=1)
        return losses.mean() if self.average else losses.sum()

    def grad(self):
        g = self.p - self.y
        return g / len(g) if self.average else g


class Overflows:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, predictions, targets):
        e = np.exp(predictions)
        self.p = e / e.sum(axis=1, keepdims=True)
        self.y = targets
        losses = -np.sum(targets * np.log(self.p), axis=1)
        return losses.mean() if self.average else losses.sum()

    def grad(self):
        g = self.p - self.y
        return g / len(g) if self.average else g


class SignFlipped(Right):
    def grad(self):
        return self.scale(self.y - self.p)


class ThroughTheJacobian:
    """dL/dp first, then the Jacobian of the softmax, row by row."""

    def __init__(self, average=True):
        self.average = average

    def __call__(self, logits, y):
        self.y = y
        self.p = softmax(logits)
        z = logits - logits.max(1)[:, None]
        losses = -(y * (z - np.log(np.exp(z).sum(1))[:, None])).sum(1)
        self.n = len(losses) if self.average else 1
        return losses.sum() / self.n

    def grad(self):
        out = np.empty_like(self.p)
        for n in range(len(self.p)):
            p = self.p[n].reshape(-1, 1)
            jacobian = np.diagflat(p) - p @ p.T
            dp = -self.y[n] / self.p[n]
            out[n] = jacobian @ dp / self.n
        return out


class SoftmaxTwice:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, predictions, targets):
        self.p = softmax(softmax(predictions))
        self.y = targets
        losses = -np.sum(targets * np.log(self.p), axis=1)
        return losses.mean() if self.average else losses.sum()

    def grad(self):
        g = self.p - self.y
        return g / len(g) if self.average else g


class AlwaysMeanGradient(Right):
    def grad(self):
        return (self.p - self.y) / self.N


class NoMeanAndFlipped(Right):
    def grad(self):
        return self.y - self.p


class WholeColumns(Right):
    def grad(self):
        g = self.p.copy()
        g[:, self.y.argmax(axis=1)] -= 1
        return self.scale(g)


class PlusInTheJacobian(Right):
    def grad(self):
        g = np.empty_like(self.p)
        for i, (p, y) in enumerate(zip(self.p, self.y, strict=True)):
            g[i] = (np.diag(p) + np.outer(p, p)) @ (-y / p)
        return self.scale(g)


CASES = {
    "WholeColumns": ("cross_entropy", ["1 is subtracted from whole columns"]),
    "PlusInTheJacobian": (
        "cross_entropy",
        ["a wrong sign beside the diagonal of the softmax's Jacobian"],
    ),
    "SoftmaxTwice": ("cross_entropy", ["the softmax is applied twice"]),
    "AlwaysMeanGradient": ("cross_entropy", ["the mean is taken whatever `average` says"]),
    "NoMeanAndFlipped": ("cross_entropy", ["the mean is left out of the gradient", "the sign is flipped"]),
    "ThroughTheJacobian": ("cross_entropy", ["overflows"]),
    "NoMean": ("cross_entropy", ["the mean is left out of the gradient"]),
    "DividedByAllEntries": ("cross_entropy", ["divided by rows and classes"]),
    "OneHotForgotten": ("cross_entropy", ["the target is not subtracted"]),
    "JacobianLeftOut": ("cross_entropy", ["the softmax is left out of the derivative"]),
    "DiagonalOnly": ("cross_entropy", ["only the diagonal of the softmax's Jacobian"]),
    "ExtraSlope": ("cross_entropy", ["an extra factor p(1-p)"]),
    "WrongAxis": ("cross_entropy", ["the softmax runs over the wrong axis"]),
    "Overflows": ("cross_entropy", ["no maximum subtracted"]),
    "SignFlipped": ("cross_entropy", ["the sign is flipped"]),
}
