"""What the softmax and its logarithm have in common."""

from __future__ import annotations

from typing import ClassVar

from handgrad.diagnosis.kinds.activation import ActivationKind
from handgrad.diagnosis.kinds.base import Stress
from handgrad.diagnosis.mistake import Mistake

__all__ = ["RowsKind"]


class RowsKind(ActivationKind):
    """A function of each row."""

    axes: ClassVar = {"x": "N K", "output": "N K"}
    square = ((4, 4, 4), (5, 5, 5), (6, 6, 6))  # as many rows as columns: a sum may lose its axis
    no_maximum: ClassVar[Mistake]

    def stresses(self, seed: int) -> list[Stress]:
        extreme = self.special(seed, "logits of 1e3")
        for given in extreme:
            given.x[...] *= 1e3
        title = "logits of size 1e3"
        return [*super().stresses(seed), Stress("extreme", title, extreme, (self.no_maximum,))]
