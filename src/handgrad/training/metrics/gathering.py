"""What metrics share that look at all rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.training.metrics.metric import Metric

__all__ = ["GatheringMetric"]


class GatheringMetric(Metric):
    """A metric that keeps what it needs of every batch until the epoch ends."""

    def reset(self) -> None:
        self._parts: list[tuple[Array, ...]] = []

    def gather(self, *arrays: Array) -> None:
        """Keep copies of some arrays of a batch, which lie in buffers."""
        self._parts.append(tuple(np.array(array) for array in arrays))

    def gathered(self) -> tuple[Array, ...]:
        """Return each of the arrays over all batches; none where there was no batch."""
        joined = tuple(map(np.concatenate, zip(*self._parts, strict=True)))
        self._parts = [joined] if joined else []
        return joined

    def state_dict(self) -> dict[str, Any]:
        return {str(i): array for i, array in enumerate(self.gathered())}

    def merge(self, state: dict[str, Any]) -> None:
        if state:
            self._parts.append(tuple(state.values()))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        arrays = [state.get(str(i)) for i in range(len(state))]
        if not all(isinstance(array, np.ndarray) and array.ndim for array in arrays):
            raise ArgumentError(
                f"a state with {', '.join(state)} for {self!r}",
                "what its state_dict has returned",
                "go on from an older checkpoint; this one is damaged",
            )
        self._parts = [tuple(array for array in arrays if array is not None)] if arrays else []
