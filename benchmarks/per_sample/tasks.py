"""What is asked of each sample: the gradients, or their norms alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.tasks import Task

__all__ = ["PerSampleTask", "tasks"]


@dataclass(frozen=True)
class PerSampleTask(Task):
    """A network and a minibatch, of each of whose samples something is to be found.

    Attributes
    ----------
    norms : bool
        Whether that is the norms of the gradients, or else the gradients themselves.
    """

    norms: bool = False

    trains: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """The whole task, for people."""
        return f"{'norms' if self.norms else 'gradients'} of each sample, {self.network}"


def tasks(networks: Iterable[Task]) -> tuple[PerSampleTask, ...]:
    """Return the tasks with these networks."""
    return tuple(
        PerSampleTask(network.sizes, network.batch, norms=norms)
        for network in networks
        for norms in (False, True)
    )
