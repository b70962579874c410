"""What a contestant has to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from benchmarks.tasks import Array, Task

__all__ = ["Contestant", "Entrant"]


class Entrant(ABC):
    """Whoever runs in a process of its own and takes turns, whatever it does there.

    Parameters
    ----------
    task
        What it does.

    Attributes
    ----------
    packages : tuple of str
        The packages whose versions are reported; the first is what one installs.
    dtypes : tuple of str
        The precisions that it can compute in.
    facts : tuple of str
        Those of its attributes that say where it takes part.
    """

    packages: ClassVar[tuple[str, ...]]
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float64")
    facts: ClassVar[tuple[str, ...]] = ("dtypes",)

    def __init__(self, task: Any) -> None:
        self.task = task

    def convert(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Return the data in the form that the contestant takes."""
        return x, y

    @abstractmethod
    def step(self, x: Any, y: Any) -> None:
        """Do once what is timed."""

    def wait(self) -> None:  # noqa: B027 (most have nothing to wait for)
        """Wait until everything that was asked for is done."""


class Contestant(Entrant):
    """One way to train the network of a task.

    Attributes
    ----------
    learns : bool
        Whether it computes losses and gradients, which are then compared with the others'.
    steps, epochs : bool
        Whether it takes part where steps are timed, and where epochs are.
    """

    facts: ClassVar[tuple[str, ...]] = ("dtypes", "learns", "steps", "epochs")
    learns: ClassVar[bool] = True
    steps: ClassVar[bool] = True
    epochs: ClassVar[bool] = True

    task: Task

    @abstractmethod
    def step(self, x: Any, y: Any) -> None:
        """Train on one minibatch: forward pass, loss, backward pass, update."""

    @abstractmethod
    def epoch(self, x: Any, y: Any) -> None:
        """Train on all rows once, in shuffled minibatches, the last one smaller."""

    @abstractmethod
    def loss(self) -> float:
        """Return the loss of the last minibatch, before the update."""

    @abstractmethod
    def parameters(self) -> list[Array]:
        """Return weights, (in, out), and bias, (out,), of every layer in turn; views will do."""
