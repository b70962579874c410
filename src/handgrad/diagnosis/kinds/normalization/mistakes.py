"""Mistakes in the norms: the family's, and those that only one of them can make."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, ignored_in
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.normalization.conventions import another, fixed, inside
from handgrad.diagnosis.kinds.normalization.family import centred, scaling, shifting
from handgrad.diagnosis.kinds.normalization.input_gradient import ignored
from handgrad.diagnosis.kinds.normalization.over import GAMMA, Over
from handgrad.diagnosis.kinds.normalization.running import RUNNING_STATISTICS
from handgrad.diagnosis.mistake import Formula, Mistake, mistake
from handgrad.diagnosis.parameter_families import summed

__all__ = [
    "BATCH_NORM",
    "CANCELLED",
    "GROUP_NORM",
    "LAYER_NORM",
    "NO_EPSILON",
    "RMS_NORM",
    "SPATIAL_BATCH_NORM",
]

_BATCH = Over(
    "the minibatch",
    "a feature",
    "the features",
    "gamma * r * (dy - dy.mean(axis=0) - normal * (dy * normal).mean(axis=0))",
)
_LAYER = Over(
    "the features of a row",
    "a row",
    "the minibatch",
    "r * (h - h.mean(axis=1) - normal * (h * normal).mean(axis=1))` with `h = dy * gamma",
)
_GROUP = Over(
    "the group",
    "a group",
    "the minibatch",
    "r * (h - mean(h) - normal * mean(h * normal))` with `h = dy * gamma` and means over the "
    "group, `axis=(1, 2, 4)",
)
_RMS = Over(
    "the features of a row",
    "a row",
    "the minibatch",
    "r * (h - normal * (h * normal).mean(axis=1))` with `h = dy * gamma",
)

_BATCH_ONLY = (
    ignored_in(
        _BATCH.input,
        lambda gamma, r: gamma * r,
        "The gradient of the input is made of the scale and the root alone.",
    ),
)


BATCH_NORM: tuple[Mistake, ...] = (
    *scaling(_BATCH),
    *centred(_BATCH),
    *shifting(_BATCH, features=True),
    *_BATCH_ONLY,
    *RUNNING_STATISTICS,
    *GENERAL,
)


def _renormalised(mean: Any) -> Formula:
    """Return the output with statistics that are means over something else: `mean(given, x)`."""

    def output(given: Given, right: Results) -> Array:
        x = given.x
        around = x - mean(given, x)
        normal = around / np.sqrt(mean(given, around * around) + given["epsilon"])
        return np.asarray(right["output"] + given["gamma"] * (normal - given["normal"]))

    return output


def _of_places(axes: tuple[int, ...]) -> Any:
    return lambda given, x: x.mean(axis=axes, keepdims=True)


SPATIAL_BATCH_NORM: tuple[Mistake, ...] = (
    *scaling(_BATCH),
    *centred(_BATCH),
    *shifting(_BATCH, features=False),
    *_BATCH_ONLY,
    *RUNNING_STATISTICS,
    mistake(
        "each place has its own statistics",
        {"output": _renormalised(_of_places((0,)))},
        "The statistics are taken over the minibatch alone, for each place of the image apart.",
        "Places are normalised apart, so that what differs from place to place is lost.",
        "A channel has one mean and one variance: a place is a row.",
        "The definition of the statistics: which indices does their sum run over?",
        "Take them over the images and both axes of places, `axis=(0, 1, 2)`, channels last.",
    ),
    mistake(
        "each image has its own statistics",
        {"output": _renormalised(_of_places((1, 2)))},
        "The statistics are taken over the places of each image apart.",
        "The output of an image does not depend on the others.",
        "A channel has one mean and one variance in a minibatch, which all its images share.",
        "The definition of the statistics: which indices does their sum run over?",
        "Take them over the images and both axes of places, `axis=(0, 1, 2)`, channels last.",
    ),
    *GENERAL,
)

LAYER_NORM: tuple[Mistake, ...] = (
    *scaling(_LAYER),
    *centred(_LAYER),
    *shifting(_LAYER, features=True),
    ignored(_LAYER),
    *GENERAL,
)


def _interleaved(given: Given, x: Array) -> Array:
    """Return the means over groups of every G-th channel."""
    *leading, C = x.shape
    groups = given["num_groups"]
    if groups in (1, C):
        raise ValueError("these groups are the right ones")
    parts = x.reshape(*leading, C // groups, groups)
    means = parts.mean(axis=(1, 2, 3), keepdims=True)
    return np.broadcast_to(means, parts.shape).reshape(x.shape)


def _neighbours(given: Given, x: Array) -> Array:
    """Return the means over neighbouring channels at each place apart."""
    parts = x.reshape(*x.shape[:-1], given["num_groups"], -1)
    return np.broadcast_to(parts.mean(axis=-1, keepdims=True), parts.shape).reshape(x.shape)


GROUP_NORM: tuple[Mistake, ...] = (
    *scaling(_GROUP),
    *centred(_GROUP),
    *shifting(_GROUP, features=False),
    ignored(_GROUP),
    mistake(
        "all channels are one group",
        {"output": _renormalised(_of_places((1, 2, 3)))},
        "The statistics are taken over all channels of an image.",
        "The output does not depend on the number of groups.",
        "A channel depends on those of its own group alone.",
        "The definition of the statistics: which channels does their sum run over?",
        "Split the channels' axis into groups before you take the means.",
    ),
    mistake(
        "each channel is its own group",
        {"output": _renormalised(_of_places((1, 2)))},
        "The statistics are taken over each channel apart.",
        "The output does not depend on the number of groups.",
        "A channel depends on all of its group.",
        "The definition of the statistics: which channels does their sum run over?",
        "Split the channels' axis into groups, and take the means over a whole group.",
    ),
    mistake(
        "the groups are of channels that lie apart",
        {"output": _renormalised(_interleaved)},
        "A group is made of every G-th channel, where it should be made of neighbours.",
        "A channel depends on channels that are not in its group.",
        "The first C / G channels are the first group.",
        "The line in which the channels' axis is split: which of the two new axes comes first?",
        "Split the axis as (G, C // G), not as (C // G, G).",
    ),
    mistake(
        "each place has its own statistics",
        {"output": _renormalised(_neighbours)},
        "The statistics are taken over the group's channels, for each place of the image apart.",
        "What differs from place to place is lost.",
        "All places of a group share one mean and one variance.",
        "The definition of the statistics: which indices does their sum run over?",
        "Take them over both axes of places and the group's channels.",
    ),
    *GENERAL,
)

RMS_NORM: tuple[Mistake, ...] = (
    *scaling(_RMS),
    *summed(GAMMA, lambda dy, normal: dy * normal),
    ignored(_RMS),
    mistake(
        "the mean is subtracted",
        {"output": _renormalised(lambda given, x: given["mean"](x))},
        "The input is centred first, as a layer norm does it.",
        "The output does not change when a constant is added to a row.",
        "A row is divided by its root mean square, and keeps its direction.",
        "The definition of the layer: what stands in its numerator?",
        "Divide the input itself: `x / np.sqrt((x**2).mean(axis=1) + epsilon)`.",
    ),
    mistake(
        "the length in place of the root mean square",
        {
            "output": lambda x, variance, count, epsilon, gamma: (
                gamma * x / np.sqrt(count * variance + epsilon)
            )
        },
        "The squares are summed where their mean should be taken.",
        "The output is the smaller the more features there are.",
        "The mean of the output's squares is 1, before it is scaled.",
        "The definition of the root mean square: it is a mean.",
        "Divide the sum of the squares by their number.",
    ),
    *GENERAL,
)


def _cancelled(given: Given) -> Array:
    """Return the variance that the output was divided by, where rounding makes it another.

    Which digits are lost depends on the order of the sums, so that it cannot be foretold; where
    no output has been seen, it is in ours.
    """
    if given["root_seen"] is None:
        return np.asarray(given["mean"](given.x**2.0) - given["mean"](given.x) ** 2.0)
    variance = np.asarray(given["root_seen"] ** -2.0 - given["epsilon"])
    lost = given["mean"](given.x**2.0) * given["count"] * np.finfo(float).eps
    if not (np.abs(variance - given["variance"]) <= lost).all():
        raise ValueError("it is off by more than rounding makes it")
    return variance


CANCELLED = mistake(
    "the variance is a difference of two large numbers",
    another(inside, variance=_cancelled),
    "The variance is computed as the mean of the squares minus the square of the mean, of which no "
    "digit is left where the mean is large.",
    "For an input far from 0 the output is wildly wrong, or not a number.",
    "A constant added to the input changes no output.",
    "The definition of the variance: equal in exact arithmetic is not equal in floating point.",
    "Centre first: `((x - mean) ** 2).mean(...)`.",
)
NO_EPSILON = mistake(
    "epsilon is left out",
    another(fixed(0.0)),
    "Nothing is added to the variance, so that it may be 0.",
    "Where an input does not vary the output is not a number.",
    "The output is finite for every finite input.",
    "The definition of the normalised input: what keeps its denominator from 0?",
    "Divide by `np.sqrt(variance + epsilon)`.",
)
