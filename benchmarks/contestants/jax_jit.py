"""JAX: the whole step is one compiled function, as in JAX's own example of a classifier."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.example_libraries import optimizers

from benchmarks.contestants.contestant import Contestant
from benchmarks.tasks import Array, Task

__all__ = ["JaxJit", "cross_entropy", "set_up"]

Layers = list[tuple[Any, Any]]


def set_up(dtype: str) -> None:
    """Let JAX compute on the processor, in this precision."""
    configure: Any = jax.config.update
    configure("jax_platforms", "cpu")
    configure("jax_enable_x64", dtype == "float64")


def cross_entropy(layers: Layers, x: Any, y: Any) -> Any:
    """Return the mean cross-entropy of the network's softmax."""
    *hidden, (weights, bias) = layers
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    log_p = jax.nn.log_softmax(x @ weights + bias)
    return -jnp.sum(log_p * jax.nn.one_hot(y, log_p.shape[1], dtype=log_p.dtype)) / len(x)


class JaxJit(Contestant):
    """The old state's memory is given back to the new one. Compiling itself is not timed."""

    packages = ("jax", "jaxlib")

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        set_up(task.dtype)
        optimizer: Any = {"SGD": optimizers.sgd, "Adam": optimizers.adam}[task.optimizer]
        options = {"eps": task.eps} if task.optimizer == "Adam" else {}
        start, update, self.get_layers = optimizer(task.lr, **options)

        @partial(jax.jit, donate_argnums=1)
        def step(i: int, state: Any, x: Any, y: Any) -> tuple[Any, Any]:
            value, gradients = jax.value_and_grad(cross_entropy)(self.get_layers(state), x, y)
            return value, update(i, gradients, state)

        self.compiled = step
        self.done = 0
        layers = [(jnp.array(weights), jnp.array(bias)) for weights, bias in task.layers()]
        self.state = start(layers)
        self.rng = np.random.default_rng(0)

    def convert(self, x: Array, y: Array) -> tuple[Any, Any]:
        # One minibatch goes where JAX keeps its arrays; of a whole set each minibatch will.
        return (x, y) if self.task.samples else (jnp.array(x), jnp.array(y))

    def step(self, x: Any, y: Any) -> None:
        self.value, self.state = self.compiled(self.done, self.state, x, y)
        self.done += 1

    def epoch(self, x: Array, y: Array) -> None:
        order = self.rng.permutation(len(x))
        for start in range(0, len(x), self.task.batch):
            rows = order[start : start + self.task.batch]
            self.step(x[rows], y[rows])

    def wait(self) -> None:
        for array in jax.tree.leaves(self.state):
            array.block_until_ready()

    def loss(self) -> float:
        return float(self.value)

    def parameters(self) -> list[Array]:
        return [np.array(array) for layer in self.get_layers(self.state) for array in layer]
