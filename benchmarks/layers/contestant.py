"""What a contestant has to do with a layer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from benchmarks.contestants.contestant import Entrant
from benchmarks.layers.tasks import LayerTask
from benchmarks.tasks import Array

__all__ = ["LayerContestant"]


class LayerContestant(Entrant):
    """One way to run a layer forward and backward, or to train a network for a step.

    Attributes
    ----------
    kinds : tuple of str
        The layers that it takes part with; all of them where there are none.
    """

    facts: ClassVar[tuple[str, ...]] = ("dtypes", "kinds")
    kinds: ClassVar[tuple[str, ...]] = ()

    task: LayerTask

    def step(self, x: Any, y: Any) -> None:
        if self.task.trains:
            self.train(x, y)
        else:
            self.differentiate(x, y)

    @abstractmethod
    def differentiate(self, x: Any, dy: Any) -> None:
        """Run the layer forward and backward."""

    @abstractmethod
    def train(self, x: Any, y: Any) -> None:
        """Take a step: forward, the loss, backward, Adam's update."""

    @abstractmethod
    def found(self) -> dict[str, Array]:
        """Return what the last step has found, features last.

        For a layer that is ``y``, ``dx`` where there is one, and each parameter's gradient by its
        name; for a step the ``loss`` before it and each parameter after it.
        """
