"""What there is to update: so many parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from benchmarks.tasks import Array, Task

__all__ = ["TASKS", "UpdateTask"]


@dataclass(frozen=True)
class UpdateTask(Task):
    """A vector of parameters, of which `sizes` has the length, and a gradient."""

    batch: int = 1
    optimizer: str = "Adam"

    trains: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """The whole task, for people."""
        return f"{self.sizes[0]:,} parameters, {self.dtype}"

    def data(self) -> tuple[Array, Array]:
        """Return the parameters and their gradient."""
        rng = np.random.default_rng(3)
        pair: Any = rng.standard_normal((2, *self.sizes), dtype=self.dtype)  # type: ignore[call-overload]
        return pair[0].copy(), pair[1].copy()


TASKS = [UpdateTask((P,)) for P in (1_000, 10_000, 100_000, 300_000, 1_000_000, 10_000_000)]
