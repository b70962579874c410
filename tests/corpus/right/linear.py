"""Right implementations of the affine layer, as students write them."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.weights = 0.05 * np.random.randn(in_features, out_features)
        self.bias = 0.05 * np.random.randn(1, out_features)
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, in_gradient):
        gradient_weights = self.x.T @ in_gradient
        gradient_input = in_gradient @ self.weights.T
        self.gradients = {"weights": gradient_weights, "bias": in_gradient.sum(axis=0, keepdims=True)}
        return gradient_weights, gradient_input


class FlatBias:
    """W and b, the bias of shape (out,)."""

    def __init__(self, n_in, n_out):
        self.W = np.random.normal(0, 0.1, (n_in, n_out))
        self.b = np.zeros(n_out)
        self.gradients = {}

    def __call__(self, X):
        self.X = X
        return np.dot(X, self.W) + self.b

    def grad(self, dout):
        self.gradients["bias"] = np.sum(dout, axis=0)
        return np.dot(self.X.T, dout), np.dot(dout, self.W.T)


class OutIn:
    """Stored as PyTorch stores them: (out, in)."""

    def __init__(self, in_features, out_features):
        k = 1 / np.sqrt(in_features)
        self.weight = np.random.uniform(-k, k, size=(out_features, in_features))
        self.bias = np.random.uniform(-k, k, size=(out_features,))
        self.gradients = {}

    def __call__(self, x):
        self.input = x
        return x @ self.weight.T + self.bias

    def grad(self, g):
        self.gradients["bias"] = g.sum(0)
        return g.T @ self.input, g @ self.weight


class Kernel:
    """The names of Keras, and the bias' gradient in an attribute."""

    def __init__(self, input_dim, units):
        limit = np.sqrt(6.0 / (input_dim + units))
        self.kernel = np.random.uniform(-limit, limit, (input_dim, units))
        self.bias = np.zeros((1, units))

    def __call__(self, inputs):
        self._inputs = inputs
        return np.matmul(inputs, self.kernel) + self.bias

    def grad(self, grad_output):
        self.dkernel = np.matmul(self._inputs.transpose(), grad_output)
        self.dbias = grad_output.sum(axis=0).reshape(1, -1)
        return self.dkernel, np.matmul(grad_output, self.kernel.transpose())


class ParamsDict:
    """Parameters and gradients in dictionaries."""

    def __init__(self, in_features, out_features):
        self.params = {
            "W": np.random.randn(in_features, out_features) * 0.01,
            "b": np.zeros((1, out_features)),
        }
        self.gradients = {}
        self.cache = None

    def __call__(self, x):
        W, b = self.params["W"], self.params["b"]
        y = x.dot(W) + b
        self.cache = (x, W)
        return y

    def grad(self, dy):
        x, W = self.cache
        dW = x.T.dot(dy)
        db = np.ones((1, x.shape[0])).dot(dy)
        dx = dy.dot(W.T)
        self.gradients = {"W": dW, "b": db}
        return dW, dx


class Einsum:
    def __init__(self, in_features, out_features):
        self.weights = np.random.standard_normal((in_features, out_features))
        self.bias = np.random.standard_normal((1, out_features))

    def __call__(self, x):
        self.x = x
        return np.einsum("nd,dk->nk", x, self.weights) + self.bias

    def grad(self, g):
        self.gradients = {"bias": np.einsum("nk->k", g)[None, :]}
        return np.einsum("nd,nk->dk", self.x, g), np.einsum("nk,dk->nd", g, self.weights)


class TripleLoop:
    def __init__(self, in_features, out_features):
        self.in_features = in_features
        self.out_features = out_features
        self.weights = np.random.rand(in_features, out_features)
        self.bias = np.random.rand(1, out_features)

    def __call__(self, x):
        self.x = x
        N = x.shape[0]
        out = np.zeros((N, self.out_features))
        for n in range(N):
            for k in range(self.out_features):
                s = self.bias[0, k]
                for d in range(self.in_features):
                    s += x[n, d] * self.weights[d, k]
                out[n, k] = s
        return out

    def grad(self, g):
        dW = np.zeros_like(self.weights)
        db = np.zeros_like(self.bias)
        dx = np.zeros_like(self.x)
        for n in range(len(g)):
            for k in range(self.out_features):
                db[0, k] += g[n, k]
                for d in range(self.in_features):
                    dW[d, k] += self.x[n, d] * g[n, k]
                    dx[n, d] += g[n, k] * self.weights[d, k]
        self.gradients = {"bias": db}
        return dW, dx


class OuterProducts:
    """One outer product for each row of the minibatch, added up."""

    def __init__(self, in_features, out_features):
        self.weights = np.random.randn(in_features, out_features)
        self.bias = np.random.randn(1, out_features)

    def __call__(self, x):
        self.x = x
        return np.array([row @ self.weights for row in x]) + self.bias

    def grad(self, in_gradient):
        dw = sum(np.outer(x, g) for x, g in zip(self.x, in_gradient))
        dx = np.array([self.weights @ g for g in in_gradient])
        self.gradients = {"bias": sum(in_gradient).reshape(1, -1)}
        return dw, dx


class Float32:
    """Parameters in single precision."""

    def __init__(self, in_features, out_features):
        self.weights = (0.05 * np.random.randn(in_features, out_features)).astype(np.float32)
        self.bias = np.zeros((1, out_features), dtype=np.float32)
        self.gradients = {}

    def __call__(self, x):
        self.x = x
        return x @ self.weights + self.bias

    def grad(self, g):
        self.gradients["bias"] = g.sum(axis=0, keepdims=True)
        return self.x.T @ g, g @ self.weights.T


class Properties:
    """Underscored attributes behind properties."""

    def __init__(self, in_features, out_features):
        self._w = np.random.randn(in_features, out_features)
        self._b = np.random.randn(1, out_features)
        self._grads = {}

    @property
    def weights(self):
        return self._w

    @weights.setter
    def weights(self, value):
        assert value.shape == self._w.shape
        self._w = value

    @property
    def bias(self):
        return self._b

    @bias.setter
    def bias(self, value):
        self._b = np.asarray(value).reshape(self._b.shape)

    @property
    def gradients(self):
        return self._grads

    def __call__(self, x):
        self._x = x
        return x.dot(self._w) + self._b

    def grad(self, in_gradient):
        self._grads = {"weights": self._x.T.dot(in_gradient), "bias": in_gradient.sum(0, keepdims=True)}
        return self._grads["weights"], in_gradient.dot(self._w.T)


class BiasGradientIgnored:
    """The exercise allows to leave the bias' gradient out."""

    def __init__(self, in_features, out_features):
        self.weights = np.random.randn(in_features, out_features) * 0.05
        self.bias = np.random.randn(1, out_features) * 0.05

    def __call__(self, x):
        self.x = x
        return np.dot(x, self.weights) + self.bias

    def grad(self, in_gradient):
        return np.dot(self.x.T, in_gradient), np.dot(in_gradient, self.weights.T)


class GradAttributes:
    """theta and b, with what was computed in grad_weights and grad_bias."""

    def __init__(self, inputs, outputs):
        self.theta = np.random.randn(inputs, outputs) / np.sqrt(inputs)
        self.b = np.random.randn(outputs)
        self.grad_weights = np.zeros_like(self.theta)
        self.grad_bias = np.zeros_like(self.b)

    def __call__(self, x):
        self.x = x
        return x @ self.theta + self.b

    def grad(self, in_gradient):
        self.grad_weights = self.x.T @ in_gradient
        self.grad_bias = in_gradient.sum(axis=0)
        return self.grad_weights, in_gradient @ self.theta.T


class Recorded:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.random.randn(1, n_out)

    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b

    def grad(self, dy):
        dW = self.x.T @ dy
        self.dW_norm = np.linalg.norm(dW)
        self.db_norm = np.linalg.norm(dy.sum(axis=0))
        self.db = dy.sum(axis=0, keepdims=True)
        return dW, dy @ self.W.T


class RecordedAlone(Recorded):
    """Gives no gradient of the bias, only its norm."""

    def grad(self, dy):
        self.db_norm = np.linalg.norm(dy.sum(axis=0))
        return self.x.T @ dy, dy @ self.W.T


CASES = {
    "Recorded": ("linear", "right"),
    "RecordedAlone": ("linear", "right"),
    "Linear": ("linear", "right"),
    "FlatBias": ("linear", "convention"),
    "OutIn": ("linear", "convention"),
    "Kernel": ("linear", "right"),
    "ParamsDict": ("linear", "right"),
    "Einsum": ("linear", "right"),
    "TripleLoop": ("linear", "right"),
    "OuterProducts": ("linear", "right"),
    "Float32": ("linear", "right"),
    "Properties": ("linear", "right"),
    "BiasGradientIgnored": ("linear", "right"),
    "GradAttributes": ("linear", "convention"),
}
