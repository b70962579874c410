"""The logistic sigmoid."""

from __future__ import annotations

from handgrad.activations import Sigmoid
from handgrad.diagnosis.kinds.activation import ActivationKind
from handgrad.diagnosis.kinds.base import Stress
from handgrad.diagnosis.kinds.sigmoid.mistakes import MISTAKES

__all__ = ["SigmoidKind"]


class SigmoidKind(ActivationKind):
    """The logistic sigmoid."""

    name = "sigmoid"
    words = ("sigmoid", "logistic")
    mistakes = MISTAKES
    component = Sigmoid()

    def stresses(self, seed: int) -> list[Stress]:
        extreme = self.special(seed, "inputs of size 1e4")
        for given in extreme:
            given.x[...] *= 1e4
        return [*super().stresses(seed), Stress("extreme", "inputs of size 1e4", extreme)]
