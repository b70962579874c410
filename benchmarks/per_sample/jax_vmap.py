"""JAX: ``vmap(grad)`` of a loss, compiled together with what is made of it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants.contestant import Entrant
from benchmarks.contestants.jax_jit import cross_entropy, set_up
from benchmarks.per_sample.tasks import PerSampleTask
from benchmarks.tasks import Array

__all__ = ["JaxVmap"]


class JaxVmap(Entrant):
    """The compiler sees that of the gradients nothing but the norms is wanted."""

    packages = ("jax", "jaxlib")

    def __init__(self, task: PerSampleTask) -> None:
        super().__init__(task)
        set_up(task.dtype)
        self.layers = [(jnp.array(weights), jnp.array(bias)) for weights, bias in task.layers()]

        def loss(layers: Any, x: Any, y: Any) -> Any:
            return cross_entropy(layers, x[None], y[None])

        each = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))

        def norms(layers: Any, x: Any, y: Any) -> Any:
            leaves = jax.tree.leaves(each(layers, x, y))
            return jnp.sqrt(sum(jnp.square(leaf.reshape(len(x), -1)).sum(1) for leaf in leaves))

        self.compiled = jax.jit(norms if task.norms else each)

    def convert(self, x: Array, y: Array) -> tuple[Any, Any]:
        return jnp.array(x), jnp.array(y)

    def step(self, x: Any, y: Any) -> None:
        self.result: Any = None  # the last one's memory is free
        self.result = self.compiled(self.layers, x, y)

    def wait(self) -> None:
        jax.block_until_ready(self.result)

    def found(self) -> dict[str, Array]:
        """Return what the last step has found."""
        if self.task.norms:
            return {"norms": np.array(self.result)}
        flat = [
            np.array(leaf).reshape(self.task.batch, -1) for leaf in jax.tree.leaves(self.result)
        ]
        return {"gradients": np.concatenate(flat, axis=1)}
