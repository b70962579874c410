"""The cross-entropy of a softmax."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

import numpy as np

from handgrad.diagnosis.families import TRUNCATED
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.cross_entropy.mistakes import (
    CONVENTIONS,
    MISTAKES,
    NO_MAXIMUM,
    SMALL,
)
from handgrad.diagnosis.kinds.cross_entropy.sequence import SequenceCrossEntropyKind
from handgrad.diagnosis.kinds.loss import LossKind
from handgrad.losses import CrossEntropy

__all__ = ["CrossEntropyKind", "SequenceCrossEntropyKind"]


class CrossEntropyKind(LossKind):
    """The cross-entropy of a softmax: of the mean, or of the sum where that is asked for."""

    name = "cross_entropy"
    words = ("crossentropy", "xent", "softmaxloss")
    mistakes = MISTAKES
    conventions = CONVENTIONS
    axes: ClassVar = {"x": "N K", "y": "N K", "value": ""}

    def __init__(self, averages: Sequence[bool] = (True,)) -> None:
        self.averages = averages

    def asked_for(self, names: Collection[str]) -> Kind:
        """Return this kind; code that is not told whether to average cannot make more of that."""
        kind = super().asked_for(names)
        if len(self.averages) == 1:
            kind.mistakes = tuple(
                each for each in kind.mistakes if "`average`" not in each.cause.name
            )
        return kind

    def loss(self, given: Given) -> CrossEntropy:
        return CrossEntropy(average=given["average"])

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return logits and one-hot targets; some of them for the sum where it can be asked for."""
        return [self._given(s, seed, i, a) for a in self.averages for i, s in enumerate(shapes)]

    def _given(self, shape: tuple[int, ...], seed: int, i: int, average: bool = True) -> Given:
        rng = np.random.default_rng([seed, i, average])
        N, K = shape[0], shape[-1]
        y = np.eye(K)[rng.integers(0, K, N)]
        inputs = {"x": 2 * rng.standard_normal((N, K)), "y": y}
        label = f"N = {N}, K = {K}" + ("" if average else ", average=False")
        return _labelled(Given(label, {"N": N, "K": K}, inputs, options={"average": average}))

    def another(self, given: Given, rng: np.random.Generator) -> Given:
        return _labelled(super().another(given, rng))

    def stresses(self, seed: int) -> list[Stress]:
        extreme, large, whole = [], [], []
        for i, (N, K) in enumerate(((5, 4), (7, 3))):
            average = self.averages[0]
            given = self._given((N, K), seed, 98 + i, average)
            extreme.append(given.changed(f"logits of 1e3, {given.label}", x=1e3 * given.x))
            x, y = np.rint(given.x).astype(np.int64), given["y"].astype(np.int64)
            whole.append(given.changed(f"integers, {given.label}", x=x, y=y))
            large.append(self._given((67 + i, K), seed, 96 + i, average))
        return [
            Stress("large", "a large minibatch", large),
            Stress("integers", "arrays of integers", whole, (TRUNCATED,)),
            Stress("extreme", "logits of size 1e3", extreme, (NO_MAXIMUM,), SMALL),
        ]


def _labelled(given: Given) -> Given:
    """Note the targets as class indices too, for code that takes those, and return it."""
    given.options["labels"] = given["y"].argmax(axis=-1)
    return given
