"""Pools whose window is the whole image."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from handgrad.component import Component
from handgrad.diagnosis.families import GENERAL
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.convolution.pool_mistakes import ONE_AVERAGE, ONE_MAXIMUM, TIES
from handgrad.diagnosis.kinds.convolution.windows import Windows
from handgrad.diagnosis.mistake import Mistake
from handgrad.layers import GlobalAveragePool, GlobalMaxPool

__all__ = ["GlobalAveragePoolKind", "GlobalMaxPoolKind"]


def _whole(mistake: Mistake) -> Mistake:
    """Return a pool's mistake for one window, whose output has no axes of places."""

    def wrong(given: Given, right: Results) -> Results:
        wide = {**right, "output": right["output"][:, None, None]}
        results = mistake.wrong(given.changed(dy=given.dy[:, None, None]), wide)
        return {n: a.reshape(right[n].shape) for n, a in results.items()}

    return replace(mistake, wrong=wrong)


class GlobalAveragePoolKind(Kind):
    """The mean over all places of an image."""

    name = "global_average_pool"
    words: ClassVar[tuple[str, ...]] = ("globalaveragepool", "globalavgpool", "globalmeanpool")
    titles: ClassVar = {"output": "output", "dx": "gradient of the input"}
    variables: ClassVar = {"dx": "x"}
    axes: ClassVar = {"x": "N H W C", "output": "N C"}
    mistakes = (*map(_whole, ONE_AVERAGE), *GENERAL)
    shapes: Shapes = ((3, 2, 4, 3), (2, 3, 2, 4), (4, 5, 3, 2))
    dimensions = "N H W C"
    by_the_row = False

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, shape in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            sizes = dict(zip("NHWC", shape, strict=True))
            label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            x = rng.permutation(int(np.prod(shape))).reshape(shape) / 7 - 3  # no ties
            dy = 9 * rng.standard_normal((shape[0], shape[-1]))
            givens.append(Given(label, sizes, {"x": x}, dy))
        return givens

    def stresses(self, seed: int) -> list[Stress]:
        whole = self.givens(self.shapes[:2], seed + 97)
        for given in whole:
            given.inputs["x"] = np.rint(7 * given.x).astype(int)
        return [Stress("integers", "an array of integers", whole)]

    def ours(self, given: Given) -> Component:
        return GlobalAveragePool()

    def right(self, given: Given, seen: Results) -> Results:
        given.derived["windows"] = Windows(given.x.shape[1:-1])
        return super().right(given, seen)


class GlobalMaxPoolKind(GlobalAveragePoolKind):
    """The largest entry of all places of an image."""

    name = "global_max_pool"
    words = ("globalmaxpool",)
    mistakes = (*map(_whole, ONE_MAXIMUM), *GENERAL)

    def stresses(self, seed: int) -> list[Stress]:
        tied = self.givens(self.shapes[:2], seed + 98)
        for given in tied:
            given.inputs["x"] = np.floor(given.x) % 3 - 1
        conventions = tuple(map(_whole, TIES))
        ties = Stress("ties", "several largest entries", tied, conventions=conventions)
        return [*super().stresses(seed), ties]

    def ours(self, given: Given) -> Component:
        return GlobalMaxPool()
