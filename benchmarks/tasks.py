"""What there is to train: the networks, their first parameters and the data, all from one seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["EPOCH", "NETWORKS", "Array", "Task", "steps"]

Array = npt.NDArray[Any]

STILL = 1e-7
"""The learning rate while time is taken: the sums are those of any other rate, but the network
stays where it is, so that every round times the same numbers."""


@dataclass(frozen=True)
class Task:
    """A network of ReLU layers that ends in a softmax and its cross-entropy, and how to train it.

    Attributes
    ----------
    sizes : tuple of int
        Features of the input, of every hidden layer and of the output.
    batch : int
        Rows of a minibatch.
    dtype : str
        ``"float32"`` or ``"float64"``.
    optimizer : str
        ``"SGD"``, without momentum, or ``"Adam"``.
    lr, eps : float
        The learning rate, and Adam's epsilon.
    samples : int
        Rows of the data; 0 stands for one minibatch.
    """

    sizes: tuple[int, ...]
    batch: int
    dtype: str = "float32"
    optimizer: str = "SGD"
    lr: float = STILL
    eps: float = 1e-8
    samples: int = 0

    @property
    def network(self) -> str:
        """The network and the size of the minibatch, for people."""
        return f"{'-'.join(map(str, self.sizes))} at {self.batch}"

    @property
    def title(self) -> str:
        """The whole task, for people."""
        samples = f" x {self.samples:,}" if self.samples else ""
        return f"{self.network}, {self.dtype} {self.optimizer}{samples}"

    def fits(self, facts: dict[str, Any]) -> bool:
        """Return whether a contestant of which that is known takes part."""
        kind = "epochs" if self.samples else "steps"
        return self.dtype in facts["dtypes"] and bool(facts.get(kind, True))

    def layers(self) -> list[tuple[Array, Array]]:
        """Return the first weights, (in, out), and biases, (out,), of every layer."""
        rng = np.random.default_rng(1)
        return [
            (
                (rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(self.dtype),
                (rng.standard_normal(b) * 0.1).astype(self.dtype),
            )
            for a, b in pairwise(self.sizes)
        ]

    def data(self) -> tuple[Array, Array]:
        """Return the inputs, (N, D), and the class of each row, (N,)."""
        rng = np.random.default_rng(2)
        N = self.samples or self.batch
        x = rng.standard_normal((N, self.sizes[0]), dtype=self.dtype)  # type: ignore[call-overload]
        return x, rng.integers(self.sizes[-1], size=N)

    def to_json(self) -> dict[str, Any]:
        """Return the task as JSON's values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the task that `to_json` was called on."""
        return cls(**{**values, "sizes": tuple(values["sizes"])})


NETWORKS = (
    Task((1000, 100, 10), 2),
    Task((64, 64, 10), 32),
    Task((784, 256, 128, 10), 128),
    Task((784, 512, 512, 10), 512),
    Task((2048, 2048, 2048, 2048), 512),
)

EPOCH = Task((784, 256, 128, 10), 128, optimizer="Adam", samples=20_000)


def steps(networks: tuple[Task, ...] = NETWORKS) -> list[Task]:
    """Return the tasks whose single step is timed: every network in every variant."""
    return [
        Task(network.sizes, network.batch, dtype, optimizer)
        for dtype in ("float32", "float64")
        for optimizer in ("SGD", "Adam")
        for network in networks
    ]
