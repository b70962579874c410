"""handgrad: what a `Model` has for it, into a new array or over the last one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.contestants.contestant import Entrant
from benchmarks.contestants.ours import Handgrad
from benchmarks.per_sample.tasks import PerSampleTask
from benchmarks.tasks import Array
from handgrad import CrossEntropy

__all__ = ["HandgradInPlace", "HandgradPerSample"]


class HandgradPerSample(Entrant):
    """Forward pass, loss, and the gradients of all samples."""

    packages = ("handgrad", "numpy")
    in_place: ClassVar[bool] = False

    def __init__(self, task: PerSampleTask) -> None:
        super().__init__(task)
        self.model, self.criterion = Handgrad(task).model, CrossEntropy(average=False)
        self.out: Array | None = None
        if self.in_place:
            shape = (task.batch, self.model.parameters.size)
            self.out = np.empty(shape, self.model.parameters.dtype)

    def step(self, x: Array, y: Array) -> None:
        self.criterion(self.model.forward(x), y)
        dy = self.criterion.grad()
        self.result: Any = None  # the last one's memory is free
        if self.task.norms:
            self.result = self.model.per_sample_norms(None, dy)
        else:
            self.result = self.model.per_sample_gradients(None, dy, self.out)

    def found(self) -> dict[str, Array]:
        """Return what the last step has found."""
        return {"norms" if self.task.norms else "gradients": self.result}


class HandgradInPlace(HandgradPerSample):
    """The same, written into one array again and again."""

    in_place = True
