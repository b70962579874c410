"""Batch normalization, of tables and of images."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import TABLES, Stress, floats
from handgrad.diagnosis.kinds.normalization.conventions import BEGINNINGS, RUNNING
from handgrad.diagnosis.kinds.normalization.mistakes import BATCH_NORM, SPATIAL_BATCH_NORM
from handgrad.diagnosis.kinds.normalization.norm import IMAGES, NormKind
from handgrad.layers import BatchNorm

__all__ = ["BatchNormKind", "SpatialBatchNormKind"]

_MOMENTA = (0.3, 0.15, 0.2)


class BatchNormKind(NormKind):
    """Statistics over the minibatch, and running ones for evaluation."""

    name = "batch_norm"
    words: ClassVar[tuple[str, ...]] = ("batchnorm", "batchnormalization")
    titles: ClassVar = {
        **NormKind.titles,
        "new_running_mean": "running mean after the pass",
        "new_running_variance": "running variance after the pass",
        "evaluation": "output in evaluation mode",
    }
    forwards = ("output", "new_running_mean", "new_running_variance", "evaluation")
    optional = ("new_running_mean", "new_running_variance", "evaluation")
    mistakes = BATCH_NORM
    conventions = (*NormKind.conventions, *RUNNING)
    axes: ClassVar = {
        **NormKind.axes,
        "evaluation": "N D",
        **dict.fromkeys(
            ("running_mean", "running_variance", "new_running_mean", "new_running_variance"), "D"
        ),
    }
    shapes = TABLES
    defaults: ClassVar = {"shares": "either"}
    settable = ("epsilon", "momentum", "share_of_old")
    statistics: ClassVar[tuple[int, ...]] = (0,)
    astray = (1,)

    def chosen(self, features: int, i: int, rng: np.random.Generator) -> dict[str, Any]:
        momentum = _MOMENTA[i % len(_MOMENTA)]
        return {
            **super().chosen(features, i, rng),
            "mode": "train",
            "training": True,
            "momentum": momentum,
            "share_of_old": 1 - momentum,
            "shares": "fixed",
            "running_mean": rng.standard_normal(features),
            "running_variance": rng.uniform(0.5, 3, features),
        }

    def fitted(self, given: Given) -> Given:
        return given.changed(share_of_old=1 - given["momentum"])

    def empty(self, given: Given) -> BatchNorm:
        ours = BatchNorm(given["features"], epsilon=given["epsilon"], momentum=given["momentum"])
        for name, array in ours.buffers.items():
            if given[name] is not None:
                array[...] = given[name]
        return ours

    def stresses(self, seed: int) -> list[Stress]:
        first = [
            given.changed(
                f"the first call, {given.label}", running_mean=None, running_variance=None
            )
            for given in self.givens(self.shapes[:2], seed + 96)
        ]
        begins = Stress("first", "the first call", first, (), BEGINNINGS, optional=True)
        return [*super().stresses(seed), begins]

    def right(self, given: Given, seen: Results) -> Results:
        ours, x = self.ours(given), floats(given.x)
        evaluation, _ = ours.eval().apply(x)
        rows = x.reshape(-1, x.shape[-1])
        given.derived |= {
            "batch_mean": rows.mean(axis=0),
            "batch_variance": rows.var(axis=0),
            "held_mean": ours.buffers["running_mean"].copy(),
            "held_variance": ours.buffers["running_variance"].copy(),
        }
        _, saved = ours.train().apply(x)
        ours.update_buffers(saved)
        moved = {f"new_{name}": array for name, array in ours.buffers.items()}
        if given["running_mean"] is None:  # then evaluation is not asked for
            evaluation = seen.get("evaluation", evaluation)
        return {**super().right(given, seen), **moved, "evaluation": evaluation}


class SpatialBatchNormKind(BatchNormKind):
    """The same for images: a place is a row."""

    name = "spatial_batch_norm"
    words: ClassVar[tuple[str, ...]] = ("spatialbatchnorm", "batchnorm2d")
    mistakes = SPATIAL_BATCH_NORM
    axes: ClassVar = {
        **BatchNormKind.axes,
        **dict.fromkeys(("x", "output", "evaluation"), "N H W C"),
        **dict.fromkeys(
            (
                "gamma",
                "beta",
                "running_mean",
                "running_variance",
                "new_running_mean",
                "new_running_variance",
            ),
            "C",
        ),
    }
    shapes = IMAGES
    dimensions = "N H W C"
    statistics: ClassVar[tuple[int, ...]] = (0, 1, 2)
    astray = (3,)
