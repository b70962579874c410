"""Components beyond the exercise's seven, as classes with its calls, in other formulas than ours."""

import math

import numpy as np


class Tanh:
    def __call__(self, x):
        self.e = np.exp(-2 * np.abs(x))
        self.y = np.sign(x) * (1 - self.e) / (1 + self.e)
        return self.y

    def grad(self, in_gradient):
        return in_gradient * 4 * self.e / (1 + self.e) ** 2


class LeakyReLU:
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def __call__(self, x):
        self.slope = np.ones(x.shape)
        self.slope[x <= 0] = self.negative_slope
        return self.slope * x

    def grad(self, in_gradient):
        return self.slope * in_gradient


class ELU:
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def __call__(self, x):
        self.x = x
        self.y = np.where(x > 0, x, self.alpha * (np.exp(np.minimum(x, 0)) - 1))
        return self.y

    def grad(self, in_gradient):
        return np.where(self.x > 0, in_gradient, in_gradient * (self.y + self.alpha))


class GELU:
    def __call__(self, x):
        self.x = x
        erf = np.vectorize(math.erf)
        self.cdf = 0.5 * (1 + erf(x / np.sqrt(2)))
        return x * self.cdf

    def grad(self, in_gradient):
        density = np.exp(-self.x * self.x / 2) / np.sqrt(2 * np.pi)
        return in_gradient * self.cdf + in_gradient * self.x * density


class SiLU:
    def __call__(self, x):
        self.x = x
        self.s = 0.5 * np.tanh(x / 2) + 0.5
        return x * self.s

    def grad(self, in_gradient):
        swish = self.x * self.s
        return in_gradient * (swish + self.s * (1 - swish))


class Softplus:
    def __call__(self, x):
        self.x = x
        return np.logaddexp(0, x)

    def grad(self, in_gradient):
        return in_gradient / (1 + np.exp(-self.x))


class Softmax:
    def __call__(self, x):
        shifted = x - x.max(axis=-1, keepdims=True)
        self.y = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
        return self.y

    def grad(self, in_gradient):
        jacobians = self.y[:, :, None] * (np.eye(self.y.shape[1]) - self.y[:, None, :])
        return np.einsum("nij,nj->ni", jacobians, in_gradient)


class LogSoftmax:
    def __call__(self, x):
        top = x.max(axis=-1, keepdims=True)
        self.y = x - top - np.log(np.exp(x - top).sum(axis=-1, keepdims=True))
        return self.y

    def grad(self, in_gradient):
        total = in_gradient.sum(axis=-1, keepdims=True)
        return in_gradient - np.exp(self.y) * total


class L1Loss:
    def __call__(self, y_pred, y_true):
        self.difference = y_pred - y_true
        return np.abs(self.difference).mean()

    def grad(self):
        slopes = (self.difference > 0).astype(float) - (self.difference < 0)
        return slopes / self.difference.size


class HuberLoss:
    def __init__(self, delta=1.0):
        self.delta = delta

    def __call__(self, y_pred, y_true):
        self.r = y_pred - y_true
        size = np.abs(self.r)
        small = size <= self.delta
        values = np.where(small, 0.5 * size**2, self.delta * size - 0.5 * self.delta**2)
        return values.mean()

    def grad(self):
        return np.clip(self.r, -self.delta, self.delta) / self.r.size


class BinaryCrossEntropy:
    def __call__(self, logits, targets):
        self.z, self.t = logits, targets
        losses = np.maximum(self.z, 0) - self.z * self.t + np.log1p(np.exp(-np.abs(self.z)))
        return losses.mean()

    def grad(self):
        e = np.exp(-np.abs(self.z))
        s = np.where(self.z >= 0, 1 / (1 + e), e / (1 + e))
        return (s - self.t) / self.z.size


class HingeLoss:
    def __call__(self, scores, labels):
        self.rows, self.labels = np.arange(len(labels)), labels
        margins = scores - scores[self.rows, labels][:, np.newaxis] + 1
        margins[self.rows, labels] = 0
        self.counted = margins > 0
        self.n = len(labels)
        return margins[self.counted].sum() / self.n

    def grad(self):
        gradient = self.counted.astype(float)
        gradient[self.rows, self.labels] -= self.counted.sum(axis=1)
        return gradient / self.n


class BatchNorm:
    def __init__(self, features, momentum=0.1, epsilon=1e-5):
        self.gamma, self.beta = np.ones(features), np.zeros(features)
        self.momentum, self.epsilon = momentum, epsilon
        self.running_mean, self.running_variance = np.zeros(features), np.ones(features)
        self.training = True

    def __call__(self, x):
        if self.training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            n = len(x)
            a = self.momentum
            self.running_mean = (1 - a) * self.running_mean + a * mean
            self.running_variance = (1 - a) * self.running_variance + a * var * n / (n - 1)
        else:
            mean, var = self.running_mean, self.running_variance
        self.inverse = 1 / np.sqrt(var + self.epsilon)
        self.normal = (x - mean) * self.inverse
        return self.normal * self.gamma + self.beta

    def grad(self, in_gradient):
        n = len(in_gradient)
        dgamma = np.sum(in_gradient * self.normal, axis=0)
        dbeta = np.sum(in_gradient, axis=0)
        self.gradients = {"gamma": dgamma, "beta": dbeta}
        projection = np.outer(np.ones(n), dbeta) + self.normal * dgamma
        return self.gamma * self.inverse * (in_gradient - projection / n)


class LayerNorm:
    def __init__(self, features, epsilon=1e-5):
        self.gamma, self.beta, self.epsilon = np.ones(features), np.zeros(features), epsilon

    def __call__(self, x):
        d = x.shape[-1]
        centred = x - x.sum(axis=-1, keepdims=True) / d
        self.std = np.sqrt((centred * centred).sum(axis=-1, keepdims=True) / d + self.epsilon)
        self.normal = centred / self.std
        return self.gamma * self.normal + self.beta

    def grad(self, in_gradient):
        d = in_gradient.shape[-1]
        self.gradients = {
            "gamma": (in_gradient * self.normal).sum(axis=0),
            "beta": in_gradient.sum(axis=0),
        }
        g = in_gradient * self.gamma
        along = (g * self.normal).sum(axis=-1, keepdims=True)
        return (d * g - g.sum(axis=-1, keepdims=True) - self.normal * along) / (d * self.std)


class RMSNorm:
    def __init__(self, features, epsilon=1e-5):
        self.gamma, self.epsilon = np.ones(features), epsilon

    def __call__(self, x):
        self.x = x
        self.r = 1 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + self.epsilon)
        return x * self.r * self.gamma

    def grad(self, in_gradient):
        self.gradients = {"gamma": np.sum(in_gradient * self.x * self.r, axis=0)}
        g = in_gradient * self.gamma
        return self.r * g - self.x * self.r**3 * np.mean(g * self.x, axis=-1, keepdims=True)


class Embedding:
    def __init__(self, vocabulary, features):
        self.weights = 0.1 * np.random.randn(vocabulary, features)

    def __call__(self, indices):
        self.indices = indices
        return self.weights[indices]

    def grad(self, in_gradient):
        one_hot = np.eye(len(self.weights))[self.indices.ravel()]
        flat = in_gradient.reshape(-1, self.weights.shape[1])
        self.gradients = {"weights": one_hot.T @ flat}


class RNN:
    def __init__(self, inputs, hidden):
        self.input_weights = 0.1 * np.random.randn(inputs, hidden)
        self.recurrent_weights = 0.1 * np.random.randn(hidden, hidden)
        self.bias = np.zeros(hidden)

    def __call__(self, x):
        n, steps, _ = x.shape
        self.x = x
        self.h = [np.zeros((n, len(self.bias)))]
        for t in range(steps):
            a = x[:, t] @ self.input_weights + self.h[-1] @ self.recurrent_weights + self.bias
            self.h.append(np.tanh(a))
        return np.stack(self.h[1:], axis=1)

    def grad(self, in_gradient):
        dx = np.zeros_like(self.x)
        dW, dU = np.zeros_like(self.input_weights), np.zeros_like(self.recurrent_weights)
        db, carried = np.zeros_like(self.bias), 0
        for t in range(self.x.shape[1] - 1, -1, -1):
            da = (in_gradient[:, t] + carried) * (1 - self.h[t + 1] ** 2)
            dW += self.x[:, t].T @ da
            dU += self.h[t].T @ da
            db += da.sum(axis=0)
            dx[:, t] = da @ self.input_weights.T
            carried = da @ self.recurrent_weights.T
        self.gradients = {"input_weights": dW, "recurrent_weights": dU, "bias": db}
        return dx


class Attention:
    def __call__(self, query, key, value):
        self.q, self.k, self.v = query, key, value
        scores = np.einsum("ntd,nsd->nts", query, key) / query.shape[-1] ** 0.5
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return np.einsum("nts,nse->nte", self.p, value)

    def grad(self, in_gradient):
        dv = np.einsum("nts,nte->nse", self.p, in_gradient)
        dp = np.einsum("nte,nse->nts", in_gradient, self.v)
        ds = self.p * dp - self.p * (self.p * dp).sum(axis=-1, keepdims=True)
        ds /= np.sqrt(self.q.shape[-1])
        return np.einsum("nts,nsd->ntd", ds, self.k), np.einsum("nts,ntd->nsd", ds, self.q), dv
