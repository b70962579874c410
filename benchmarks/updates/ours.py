"""handgrad: `Adam.update` of one vector."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.contestants.contestant import Entrant
from benchmarks.tasks import Array
from benchmarks.updates.tasks import UpdateTask
from handgrad import kernels
from handgrad.optimizers import Adam

__all__ = ["HandgradUpdate", "HandgradUpdateFast"]


class HandgradUpdate(Entrant):
    """With NumPy alone."""

    packages: ClassVar[tuple[str, ...]] = ("handgrad", "numpy")
    kernels: ClassVar[str] = "numpy"

    def __init__(self, task: UpdateTask) -> None:
        super().__init__(task)
        kernels.use(self.kernels)
        self.optimizer = Adam(task.lr, eps=task.eps)
        self.start, _ = task.data()

    def step(self, x: Array, y: Array) -> None:
        self.optimizer.update(x, y)
        self.parameters = x

    def found(self) -> dict[str, Array]:
        """Return how far the parameters have come."""
        return {"moved": self.parameters - self.start}


class HandgradUpdateFast(HandgradUpdate):
    """With compiled loops."""

    packages = ("handgrad", "numpy", "numba")
    kernels = "compiled"
