"""Norms in which no sample sees another: layer, group and root mean square normalization."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import TABLES, Shapes
from handgrad.diagnosis.kinds.normalization.mistakes import GROUP_NORM, LAYER_NORM, RMS_NORM
from handgrad.diagnosis.kinds.normalization.norm import IMAGES, NormKind
from handgrad.layers import GroupNorm, LayerNorm, RMSNorm
from handgrad.layers.normalization.base import Normalization

__all__ = ["GroupNormKind", "LayerNormKind", "RMSNormKind"]


class LayerNormKind(NormKind):
    """Statistics over the features of a row."""

    name = "layer_norm"
    words = ("layernorm", "layernormalization")
    mistakes = LAYER_NORM
    shapes: Shapes = tuple((N, D + 2) for N, D, _ in TABLES)
    statistics = (1,)

    def empty(self, given: Given) -> Normalization:
        return LayerNorm(given["features"], epsilon=given["epsilon"])


class RMSNormKind(LayerNormKind):
    """The mean square over the features of a row."""

    name = "rms_norm"
    words = ("rmsnorm", "rootmeansquare")
    mistakes = RMS_NORM
    titles: ClassVar = {n: title for n, title in LayerNormKind.titles.items() if n != "dbeta"}
    variables: ClassVar = {"dx": "x", "dgamma": "gamma"}
    centring = 0

    def empty(self, given: Given) -> Normalization:
        return RMSNorm(given["features"], epsilon=given["epsilon"])


class GroupNormKind(NormKind):
    """Statistics over the places and the channels of a group."""

    name = "group_norm"
    words = ("groupnorm", "groupnormalization", "spatialgroupnorm")
    mistakes = GROUP_NORM
    axes: ClassVar = {"x": "N H W C", "gamma": "C", "beta": "C", "output": "N H W C"}
    shapes = IMAGES
    dimensions = "N H W C"
    statistics = (1, 2, 3)

    def chosen(self, features: int, i: int, rng: np.random.Generator) -> dict[str, Any]:
        groups = features // 2 if i % 2 else 2
        return {"num_groups": groups, **super().chosen(features, i, rng)}

    def mean(self, given: Given, array: Array) -> Array:
        grouped = array.reshape(*array.shape[:-1], given["num_groups"], -1)
        means = grouped.mean(axis=(1, 2, 4), keepdims=True)
        return np.broadcast_to(means, grouped.shape).reshape(array.shape)

    def count(self, given: Given) -> int:
        return super().count(given) // int(given["num_groups"])

    def empty(self, given: Given) -> Normalization:
        return GroupNorm(given["num_groups"], given["features"], epsilon=given["epsilon"])
