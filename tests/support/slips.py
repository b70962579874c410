"""Right code as students write it, and slips of the pen in it, each in one line of its own.

`RIGHT` holds sources by name; a slip is a source's name, a line of it and what a student wrote in
its place. `write` makes a module of it, `SLIPS` lists them all.
"""

import importlib.util
import sys
from dataclasses import dataclass

RIGHT = {
    "Linear": """
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
        n = self.x.shape[0]
        grad_w = self.x.T @ in_gradient
        grad_x = in_gradient @ self.weights.T
        grad_b = np.sum(in_gradient, axis=0, keepdims=True)
        self.gradients["weights"] = grad_w
        self.gradients["bias"] = grad_b
        return grad_w, grad_x
""",
    "LoopedLinear": """
import numpy as np

class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.random.normal(0, 0.05, (in_features, out_features))
        self.b = np.random.normal(0, 0.05, (out_features,))

    def __call__(self, x):
        self.input = x
        out = np.zeros((x.shape[0], self.W.shape[1]))
        for i in range(x.shape[0]):
            out[i] = np.dot(x[i], self.W) + self.b
        return out

    def grad(self, dout):
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        dx = np.zeros_like(self.input)
        for i in range(dout.shape[0]):
            self.dW += np.outer(self.input[i], dout[i])
            self.db += dout[i]
            dx[i] = np.dot(self.W, dout[i])
        return self.dW, dx
""",
    "Sigmoid": """
import numpy as np

class Sigmoid:
    def __call__(self, x):
        self.x = x
        self.out = self.sigmoid(x)
        return self.out

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def grad(self, in_gradient):
        s = self.sigmoid(self.x)
        return in_gradient * s * (1 - s)
""",
    "ReLU": """
import numpy as np

class ReLU:
    def __call__(self, x):
        self.x = x
        return np.where(x > 0, x, 0.0)

    def grad(self, in_gradient):
        mask = self.x > 0
        out = in_gradient.copy()
        out[~mask] = 0
        return out
""",
    "MSELoss": """
import numpy as np

class MSELoss:
    def __call__(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.mean(self.diff ** 2)

    def grad(self):
        return 2 * self.diff / self.diff.size
""",
    "CrossEntropy": """
import numpy as np

class CrossEntropy:
    def __init__(self, average=True):
        self.average = average

    def __call__(self, logits, targets):
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        exps = np.exp(shifted)
        self.probs = exps / np.sum(exps, axis=1, keepdims=True)
        self.targets = targets
        log_probs = shifted - np.log(np.sum(exps, axis=1, keepdims=True))
        loss = -np.sum(targets * log_probs)
        if self.average:
            loss = loss / logits.shape[0]
        return loss

    def grad(self):
        dlogits = self.probs - self.targets
        if self.average:
            dlogits = dlogits / self.targets.shape[0]
        return dlogits
""",
    "Dropout": """
import numpy as np

class Dropout:
    def __init__(self, layer, p):
        self.layer = layer
        self.p = p

    def __call__(self, x):
        out = self.layer(x)
        self.mask = np.random.binomial(1, 1 - self.p, size=out.shape)
        return out * self.mask / (1 - self.p)

    def grad(self, in_gradient):
        d = in_gradient * self.mask / (1 - self.p)
        return self.layer.grad(d)
""",
    "Model": """
import numpy as np

class Model:
    def __init__(self, components):
        self.components = components

    def forward(self, x):
        for component in self.components:
            x = component(x)
        return x

    def backward(self, in_gradient):
        grads = []
        g = in_gradient
        for component in reversed(self.components):
            if hasattr(component, "weights"):
                grad_w, g = component.grad(g)
                grads.append({"weights": grad_w, "bias": component.gradients["bias"]})
            else:
                g = component.grad(g)
                grads.append(None)
        grads.reverse()
        return grads

    def update_parameters(self, grads, lr):
        for component, grad in zip(self.components, grads):
            if grad is not None:
                component.weights = component.weights - lr * grad["weights"]
                component.bias = component.bias - lr * grad["bias"]
""",
    "batchnorm_backward": """
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    out, cache = None, None
    if mode == "train":
        mu = 1. / N * np.sum(x, axis=0)
        xmu = x - mu
        sq = xmu ** 2
        var = 1. / N * np.sum(sq, axis=0)
        sqrtvar = np.sqrt(var + eps)
        ivar = 1. / sqrtvar
        xhat = xmu * ivar
        gammax = gamma * xhat
        out = gammax + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
        cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    elif mode == "test":
        xhat = (x - running_mean) / np.sqrt(running_var + eps)
        out = gamma * xhat + beta
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache

def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1. / (sqrtvar ** 2) * divar
    dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
    dsq = 1. / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1. / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta
""",
    "affine_backward": """
import numpy as np

def affine_forward(x, w, b):
    N = x.shape[0]
    x_flat = x.reshape(N, -1)
    out = x_flat.dot(w) + b
    cache = (x, w, b)
    return out, cache

def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db
""",
}


@dataclass(frozen=True)
class Slip:
    """A line of a right source, and what a student wrote in its place, "" for nothing."""

    source: str
    right: str
    wrong: str
    kind: str = ""

    @property
    def lines(self):
        return RIGHT[self.source].split("\n")

    @property
    def number(self):
        """The line, from 1."""
        return max(i for i, line in enumerate(self.lines, 1) if line.strip() == self.right)

    @property
    def text(self):
        lines = self.lines
        line = lines[self.number - 1]
        indent = line[: len(line) - len(line.lstrip())]
        wrong = [indent + part for part in self.wrong.split("\n")] if self.wrong else []
        lines[self.number - 1 : self.number] = wrong
        return "\n".join(lines)

    def __str__(self):
        return f"{self.source}: {self.wrong or f'without {self.right}'}"


def _slips(source, *pairs):
    return [Slip(source, right, wrong) for right, wrong in pairs]


SLIPS = [
    *_slips(
        "Linear",
        ("grad_w = self.x.T @ in_gradient", "grad_w = self.x.T @ in_gradient / n"),
        ("grad_w = self.x.T @ in_gradient", "grad_w = in_gradient.T @ self.x"),
        ("grad_w = self.x.T @ in_gradient", "grad_w = self.weights.T @ in_gradient"),
        ("grad_x = in_gradient @ self.weights.T", "grad_x = in_gradient @ self.weights"),
        (
            "grad_x = in_gradient @ self.weights.T",
            "grad_x = self.x @ self.weights @ self.weights.T",
        ),
        (
            "grad_b = np.sum(in_gradient, axis=0, keepdims=True)",
            "grad_b = np.mean(in_gradient, axis=0, keepdims=True)",
        ),
        (
            "grad_b = np.sum(in_gradient, axis=0, keepdims=True)",
            "grad_b = np.sum(in_gradient, axis=1, keepdims=True)",
        ),
        ("grad_b = np.sum(in_gradient, axis=0, keepdims=True)", "grad_b = np.sum(in_gradient)"),
        ("grad_b = np.sum(in_gradient, axis=0, keepdims=True)", "grad_b = in_gradient"),
        ('self.gradients["bias"] = grad_b', 'self.gradients["bias"] = grad_w'),
        ("return grad_w, grad_x", "return grad_x, grad_w"),
        ("return x @ self.weights + self.bias", "return x @ self.weights"),
        ("return x @ self.weights + self.bias", "return x @ self.weights - self.bias"),
        ("return x @ self.weights + self.bias", "return self.weights @ x + self.bias"),
        ("self.x = x", ""),
        ("self.x = x", "if not hasattr(self, 'x'):\n    self.x = x"),
    ),
    *_slips(
        "LoopedLinear",
        (
            "self.dW += np.outer(self.input[i], dout[i])",
            "self.dW = np.outer(self.input[i], dout[i])",
        ),
        (
            "self.dW += np.outer(self.input[i], dout[i])",
            "self.dW += np.outer(dout[i], self.input[i])",
        ),
        ("self.db += dout[i]", "self.db += dout[0]"),
        ("dx[i] = np.dot(self.W, dout[i])", "dx[i] = np.dot(dout[i], self.W)"),
        ("for i in range(dout.shape[0]):", "for i in range(dout.shape[0] - 1):"),
        ("for i in range(dout.shape[0]):", "for i in range(dout.shape[1]):"),
        ("self.db = np.zeros_like(self.b)", "self.db = np.ones_like(self.b)"),
    ),
    *_slips(
        "Sigmoid",
        ("s = self.sigmoid(self.x)", "s = self.sigmoid(self.out)"),
        ("s = self.sigmoid(self.x)", "s = self.x"),
        ("return in_gradient * s * (1 - s)", "return in_gradient * s * (1 + s)"),
        ("return in_gradient * s * (1 - s)", "return in_gradient * s"),
        ("return in_gradient * s * (1 - s)", "return s * (1 - s)"),
        ("return in_gradient * s * (1 - s)", "return in_gradient + s * (1 - s)"),
        ("return in_gradient * s * (1 - s)", "return in_gradient @ s * (1 - s)"),
        ("return 1 / (1 + np.exp(-x))", "return 1 / (1 + np.exp(x))"),
        ("return 1 / (1 + np.exp(-x))", "return 1 / (1 - np.exp(-x))"),
    ),
    *_slips(
        "ReLU",
        ("mask = self.x > 0", "mask = in_gradient > 0"),
        ("mask = self.x > 0", "mask = self.x < 0"),
        ("out = in_gradient.copy()", "out = in_gradient"),
        ("out = in_gradient.copy()", "out = np.ones_like(in_gradient)"),
        ("out[~mask] = 0", "out[mask] = 0"),
        ("out[~mask] = 0", "out[~mask] = 1"),
        ("return out", "return mask"),
        ("return np.where(x > 0, x, 0.0)", "return np.where(x > 0, 0.0, x)"),
    ),
    *_slips(
        "MSELoss",
        ("return 2 * self.diff / self.diff.size", "return self.diff / self.diff.size"),
        ("return 2 * self.diff / self.diff.size", "return 2 * self.diff / self.diff.shape[0]"),
        ("return 2 * self.diff / self.diff.size", "return -2 * self.diff / self.diff.size"),
        ("return 2 * self.diff / self.diff.size", "return 2 * self.diff"),
        ("return 2 * self.diff / self.diff.size", "return 2 * np.mean(self.diff)"),
        ("return 2 * self.diff / self.diff.size", "return 2 * self.diff ** 2 / self.diff.size"),
        ("self.diff = y_pred - y_true", "self.diff = y_true - y_pred"),
    ),
    *_slips(
        "CrossEntropy",
        ("dlogits = self.probs - self.targets", "dlogits = self.targets - self.probs"),
        ("dlogits = self.probs - self.targets", "dlogits = self.probs"),
        (
            "dlogits = dlogits / self.targets.shape[0]",
            "dlogits = dlogits / self.targets.shape[1]",
        ),
        ("dlogits = dlogits / self.targets.shape[0]", "dlogits = dlogits / self.targets.size"),
        ("dlogits = dlogits / self.targets.shape[0]", "dlogits = dlogits"),
        ("loss = -np.sum(targets * log_probs)", "loss = np.sum(targets * log_probs)"),
        (
            "self.probs = exps / np.sum(exps, axis=1, keepdims=True)",
            "self.probs = exps / np.sum(exps, axis=0, keepdims=True)",
        ),
        (
            "self.probs = exps / np.sum(exps, axis=1, keepdims=True)",
            "self.probs = exps / np.sum(exps)",
        ),
        (
            "log_probs = shifted - np.log(np.sum(exps, axis=1, keepdims=True))",
            "log_probs = logits - np.log(np.sum(exps, axis=1, keepdims=True))",
        ),
    ),
    *_slips(
        "Dropout",
        (
            "d = in_gradient * self.mask / (1 - self.p)",
            "d = in_gradient * self.mask",
        ),
        ("d = in_gradient * self.mask / (1 - self.p)", "d = in_gradient / (1 - self.p)"),
        ("d = in_gradient * self.mask / (1 - self.p)", "d = in_gradient * self.mask / self.p"),
        ("d = in_gradient * self.mask / (1 - self.p)", "d = in_gradient"),
        ("return out * self.mask / (1 - self.p)", "return out * self.mask"),
        ("return out * self.mask / (1 - self.p)", "return out * self.mask * (1 - self.p)"),
        ("return self.layer.grad(d)", "return self.layer.grad(in_gradient)"),
        (
            "self.mask = np.random.binomial(1, 1 - self.p, size=out.shape)",
            "self.mask = np.random.binomial(1, self.p, size=out.shape)",
        ),
    ),
    *_slips(
        "Model",
        ("for component in reversed(self.components):", "for component in self.components:"),
        ("grads.reverse()", ""),
        (
            'component.weights = component.weights - lr * grad["weights"]',
            'component.weights = component.weights + lr * grad["weights"]',
        ),
        (
            'component.weights = component.weights - lr * grad["weights"]',
            'component.weights = component.weights - grad["weights"]',
        ),
        ('component.bias = component.bias - lr * grad["bias"]', ""),
        (
            'component.bias = component.bias - lr * grad["bias"]',
            "component.bias = component.bias - lr * component.bias",
        ),
        ("x = component(x)", "y = component(x)"),
        ("grad_w, g = component.grad(g)", "grad_w, g = component.grad(in_gradient)"),
        ("g = component.grad(g)", "g = g * component.grad(g)"),
    ),
    *_slips(
        "batchnorm_backward",
        (
            "dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar",
            "dvar = 1. / np.sqrt(var + eps) * dsqrtvar",
        ),
        ("divar = np.sum(dxhat * xmu, axis=0)", "divar = np.sum(dxhat * xhat, axis=0)"),
        ("sqrtvar = np.sqrt(var + eps)", "sqrtvar = np.sqrt(var) + eps"),
        ("dx = dx1 + dx2", "dx = dx1 - dx2"),
    ),
    *_slips(
        "affine_backward",
        ("dw = x.reshape(N, -1).T.dot(dout)", "dw = x.reshape(N, -1).T.dot(dout) / N"),
        ("db = np.sum(dout, axis=0)", "db = dout"),
        ("x, w, b = cache", "w, x, b = cache"),
    ),
]


def write(text, path, name):
    """Write a source to a file, import it, and return what it calls by a name."""
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)
