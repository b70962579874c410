"""The rectified linear unit."""

from __future__ import annotations

import numpy as np

from handgrad.activations import ReLU
from handgrad.diagnosis.kinds.activation import ActivationKind
from handgrad.diagnosis.kinds.base import Stress
from handgrad.diagnosis.kinds.relu.mistakes import KINK, MISTAKES

__all__ = ["ReLUKind"]


class ReLUKind(ActivationKind):
    """The rectified linear unit."""

    name = "relu"
    words = ("relu",)
    mistakes = MISTAKES
    component = ReLU()

    def stresses(self, seed: int) -> list[Stress]:
        kink = self.special(seed, "with an input of 0")
        for given in kink:
            given.x[:, 1] = 0
        near = self.special(seed, "close to the kink")
        for given in near:
            sizes = np.random.default_rng(given.x.shape).uniform(-6, -1, given.x.shape)
            given.x[...] = np.sign(given.x) * 10**sizes
        return [
            *super().stresses(seed),
            Stress("close", "close to the kink", near),
            Stress("kink", "the kink, where the input is 0", kink, conventions=KINK),
        ]
