"""JAX: the forward and the backward pass, or a whole step, are one compiled function."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.example_libraries import optimizers

from benchmarks.contestants.jax_jit import set_up
from benchmarks.layers.contestant import LayerContestant
from benchmarks.layers.tasks import LayerTask
from benchmarks.tasks import Array

__all__ = ["JaxLayer"]

EPSILON = 1e-5


def conv(p: Any, x: Any) -> Any:
    numbers = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, p["weights"], (1, 1), "SAME", dimension_numbers=numbers)
    return y + p["bias"]


def max_pool(p: Any, x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def average_pool(p: Any, x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def normalized(p: Any, x: Any, axes: tuple[int, ...]) -> Any:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + EPSILON) * p["gamma"] + p["beta"]


def batch_norm(p: Any, x: Any) -> Any:
    return normalized(p, x, tuple(range(x.ndim - 1)))


def layer_norm(p: Any, x: Any) -> Any:
    return normalized(p, x, (-1,))


def attention(p: Any, x: Any, heads: int, causal: bool) -> Any:
    q = x @ p["query_weights"] + p["query_bias"]
    k = x @ p["key_weights"]
    v = x @ p["value_weights"] + p["value_bias"]
    q, k, v = (array.reshape(*x.shape[:2], heads, -1) for array in (q, k, v))
    y = nn.dot_product_attention(q, k, v, is_causal=causal).reshape(x.shape)
    return y @ p["output_weights"] + p["output_bias"]


def embedding(p: Any, x: Any) -> Any:
    return p["weights"][x]


def lstm(p: Any, x: Any) -> Any:
    U = p["recurrent_weights"]

    def step(states: Any, given: Any) -> Any:
        h, c = states
        i, f, g, o = jnp.split(given + h @ U, 4, axis=-1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        h = nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((len(x), len(U)), x.dtype)
    given = (x @ p["input_weights"] + p["bias"]).swapaxes(0, 1)
    return lax.scan(step, (start, start), given)[1].swapaxes(0, 1)


def gru(p: Any, x: Any) -> Any:
    U, b = p["recurrent_weights"], p["recurrent_bias"]

    def step(h: Any, given: Any) -> Any:
        (r, z, n), (ur, uz, un) = (jnp.split(a, 3, axis=-1) for a in (given, h @ U))
        r, z = nn.sigmoid(r + ur), nn.sigmoid(z + uz)
        n = jnp.tanh(n + r * (un + b))
        h = n + z * (h - n)
        return h, h

    start = jnp.zeros((len(x), len(U)), x.dtype)
    given = (x @ p["input_weights"] + p["bias"]).swapaxes(0, 1)
    return lax.scan(step, start, given)[1].swapaxes(0, 1)


def block(p: Any, x: Any, heads: int) -> Any:
    x = x + attention(part(p, "attention"), layer_norm(part(p, "norm1"), x), heads, True)
    hidden = layer_norm(part(p, "norm2"), x) @ p["up.weights"] + p["up.bias"]
    return x + nn.gelu(hidden, approximate=True) @ p["down.weights"] + p["down.bias"]


def cnn(p: Any, x: Any) -> Any:
    for name in ("conv1", "conv2"):
        x = max_pool({}, nn.relu(conv(part(p, name), x)))
    weights = p["dense.weights"]
    return x.reshape(len(x), -1) @ weights.reshape(-1, weights.shape[-1]) + p["dense.bias"]


def part(p: Any, name: str) -> Any:
    """Return the parameters of one part of a network by their own names."""
    return {key.rpartition(".")[2]: p[key] for key in p if key.startswith(f"{name}.")}


def function_of(task: LayerTask) -> Any:
    """Return the function of parameters and input that the task is about."""
    heads = task.sizes[0] if task.sizes else 1
    layers: dict[str, Any] = {
        "conv": conv,
        "max pool": max_pool,
        "average pool": average_pool,
        "batch norm": batch_norm,
        "batch norm 2d": batch_norm,
        "layer norm": layer_norm,
        "attention": partial(attention, heads=heads, causal=False),
        "causal attention": partial(attention, heads=heads, causal=True),
        "embedding": embedding,
        "LSTM": lstm,
        "GRU": gru,
        "transformer block": partial(block, heads=heads),
        "CNN": cnn,
    }
    activations: dict[str, Any] = {
        "ReLU": nn.relu,
        "LeakyReLU": nn.leaky_relu,
        "ELU": nn.elu,
        "GELU": partial(nn.gelu, approximate=False),
        "GELU tanh": partial(nn.gelu, approximate=True),
        "SiLU": nn.silu,
        "Softplus": nn.softplus,
        "HardTanh": nn.hard_tanh,
        "Sigmoid": nn.sigmoid,
        "Tanh": jnp.tanh,
        "Softmax": nn.softmax,
        "LogSoftmax": nn.log_softmax,
    }
    return layers.get(task.kind) or (lambda p, x: activations[task.kind](x))


class JaxLayer(LayerContestant):
    """Features last, as its own libraries of layers have them. Compiling itself is not timed.

    Its attention takes the softmax in float32 whatever the precision is.
    """

    packages = ("jax", "jaxlib")

    def __init__(self, task: LayerTask) -> None:
        super().__init__(task)
        set_up(task.dtype)
        function = function_of(task)
        p = {name: jnp.array(array) for name, array in task.parameters().items()}

        @jax.jit
        def differentiate(p: Any, x: Any, dy: Any) -> Any:
            if task.kind == "embedding":
                y, pullback = jax.vjp(lambda p: function(p, x), p)
                return {"y": y, **pullback(dy)[0]}
            y, pullback = jax.vjp(function, p, x)
            gradients, dx = pullback(dy)
            return {"y": y, "dx": dx, **gradients}

        def loss(p: Any, x: Any, y: Any) -> Any:
            out = function(p, x)
            if task.kind != "CNN":
                return jnp.mean((out - y) ** 2)
            log_p = nn.log_softmax(out)
            return -jnp.sum(log_p * nn.one_hot(y, log_p.shape[1], dtype=log_p.dtype)) / len(x)

        start, update, self.get = optimizers.adam(task.lr, eps=task.eps)

        @partial(jax.jit, donate_argnums=1)
        def train(i: int, state: Any, x: Any, y: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(self.get(state), x, y)
            return value, update(i, gradients, state)

        self.compiled = train if task.trains else differentiate
        self.done, self.state = 0, start(p) if task.trains else p
        self.last: Any = None

    def convert(self, x: Array, y: Array) -> tuple[Any, Any]:
        return jnp.array(x), jnp.array(y)

    def differentiate(self, x: Any, dy: Any) -> None:
        self.last = self.compiled(self.state, x, dy)

    def train(self, x: Any, y: Any) -> None:
        self.last, self.state = self.compiled(self.done, self.state, x, y)
        self.done += 1

    def wait(self) -> None:
        jax.block_until_ready((self.last, self.state))

    def found(self) -> dict[str, Array]:
        found = {"loss": self.last, **self.get(self.state)} if self.task.trains else self.last
        return {name: np.array(array) for name, array in found.items()}
