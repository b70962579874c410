"""The affine layer, with the catalogue's mistakes written by hand."""

import numpy as np


class Layer:
    def __init__(self, in_features, out_features):
        self.in_features, self.out_features = in_features, out_features
        self.weights = np.random.randn(in_features, out_features) * 0.05
        self.bias = np.random.randn(1, out_features) * 0.05
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias


class WeightsTransposed(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return in_gradient.T @ self.x, in_gradient @ self.weights.T


class AveragedWeights(Layer):
    def grad(self, in_gradient):
        N = self.x.shape[0]
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient / N, in_gradient @ self.weights.T


class AveragedBoth(Layer):
    def grad(self, in_gradient):
        m = len(in_gradient)
        dW = 1 / m * np.dot(self.x.T, in_gradient)
        self.gradients["bias"] = 1 / m * np.sum(in_gradient, axis=0, keepdims=True)
        return dW, np.dot(in_gradient, self.weights.T)


class AveragedBias(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.mean(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class BiasSummedOverEverything(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = np.sum(in_gradient) * np.ones_like(self.bias)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class BiasSummedOverFeatures(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=1)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class BiasLeftOut(Layer):
    def __call__(self, x):
        self.x = x
        return x @ self.weights

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class BiasTwice(Layer):
    def __call__(self, x):
        self.x = x
        out = x @ self.weights + self.bias
        return out + self.bias

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class NotTransposed(Layer):
    """dX = dY W: runs only where the weights are square."""

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.x.T @ in_gradient, in_gradient @ self.weights


class WritesToTheUpstream(Layer):
    def grad(self, in_gradient):
        dW = self.x.T @ in_gradient
        db = in_gradient.sum(axis=0, keepdims=True)
        dx = in_gradient @ self.weights.T
        in_gradient *= 0
        self.gradients = {"bias": db}
        return dW, dx


class PilesUp(Layer):
    """Adds to what was there before."""

    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)
        self.dW = np.zeros_like(self.weights)
        self.gradients["bias"] = np.zeros_like(self.bias)

    def grad(self, in_gradient):
        self.dW += self.x.T @ in_gradient
        self.gradients["bias"] += in_gradient.sum(axis=0, keepdims=True)
        return self.dW.copy(), in_gradient @ self.weights.T


class FirstCallOnly(Layer):
    """The input of the very first call, for ever."""

    first = None

    def __call__(self, x):
        if self.first is None or self.first.shape != x.shape:
            self.first = x.copy()
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return self.first.T @ in_gradient, in_gradient @ self.weights.T


class BiasNotSummed(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient
        return self.x.T @ in_gradient, in_gradient @ self.weights.T


class OutInAveraged:
    """Stored as (out, in), with other names, and averaged."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.random.randn(n_out)

    def __call__(self, X):
        self.X = X
        return X @ self.W.T + self.b

    def grad(self, dY):
        m = dY.shape[0]
        self.dW = dY.T @ self.X / m
        self.db = dY.sum(axis=0) / m
        return self.dW, dY @ self.W


class OutInTransposed(OutInAveraged):
    """The weights are (out, in), their gradient is (in, out)."""

    def grad(self, dY):
        self.dW = self.X.T @ dY
        self.db = dY.sum(axis=0)
        return self.dW, dY @ self.W


class BiasSummedToANumber(OutInAveraged):
    """No array at all, but one number in an attribute."""

    def grad(self, dY):
        self.dW = dY.T @ self.X
        self.db = dY.sum()
        return self.dW, dY @ self.W


class BeginsWithOne(Layer):
    """A loop over the rows that leaves out the first; the rest is right."""

    rows = slice(1, None)

    def grad(self, in_gradient):
        dW = np.zeros_like(self.weights)
        db = np.zeros_like(self.bias)
        for x, g in zip(self.x[self.rows], in_gradient[self.rows], strict=True):
            dW += np.outer(x, g)
            db += g
        self.gradients["bias"] = db
        return dW, in_gradient @ self.weights.T


class EndsEarly(BeginsWithOne):
    rows = slice(None, -1)


class InputFirst(Layer):
    """The pair the other way round."""

    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        return in_gradient @ self.weights.T, self.x.T @ in_gradient


class ReshapedWeights(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        W = self.weights.reshape(self.weights.shape[1], self.weights.shape[0])
        return self.x.T @ in_gradient, in_gradient @ W


class ReshapedInput(Layer):
    def grad(self, in_gradient):
        self.gradients["bias"] = in_gradient.sum(axis=0, keepdims=True)
        x = self.x.reshape(self.x.shape[1], -1)
        return x @ in_gradient, in_gradient @ self.weights.T


CASES = {
    "BiasNotSummed": ("linear", ["the bias' gradient is not summed"]),
    "OutInAveraged": ("linear", ["the parameters' gradients are averaged over the minibatch"]),
    "OutInTransposed": ("linear", ["the gradient of the weights is transposed"]),
    "WeightsTransposed": ("linear", ["the gradient of the weights is transposed"]),
    "AveragedWeights": ("linear", ["the weights' gradient is averaged over the minibatch"]),
    "AveragedBoth": ("linear", ["the parameters' gradients are averaged over the minibatch"]),
    "AveragedBias": ("linear", ["the bias' gradient is averaged over the minibatch"]),
    "BiasSummedToANumber": ("linear", ["the bias' gradient is summed over everything"]),
    "InputFirst": ("linear", ["returned in the other order"]),
    "BeginsWithOne": ("linear", ["the first row is left out of the parameters' gradients"]),
    "EndsEarly": ("linear", ["the last row is left out of the parameters' gradients"]),
    "ReshapedWeights": ("linear", ["the weights are reshaped, not transposed"]),
    "ReshapedInput": ("linear", ["the input is reshaped, not transposed"]),
    "BiasSummedOverEverything": ("linear", ["the bias' gradient is summed over everything"]),
    "BiasSummedOverFeatures": ("linear", ["the bias' gradient is summed over the features"]),
    "BiasLeftOut": ("linear", ["the bias is left out of the forward pass"]),
    "BiasTwice": ("linear", ["the bias is added twice"]),
    "NotTransposed": ("linear", ["the weights are not transposed for the gradient of the input"]),
    "WritesToTheUpstream": ("linear", ["writes to the upstream gradient"]),
    "FirstCallOnly": ("linear", ["remembers the first call"]),
    "PilesUp": ("linear", ["gradients pile up"]),
}
