"""The cross-entropy of a softmax over the steps of sequences, of which a mask says which count."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, instead_of, scaled
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress, floats
from handgrad.diagnosis.kinds.loss import LossKind
from handgrad.diagnosis.kinds.losses.rows import mean_of_rows
from handgrad.diagnosis.kinds.softmaxes.probabilities import (
    no_maximum,
    of_the_label,
    other_probabilities,
    softmax,
)
from handgrad.diagnosis.mistake import Formula, Mistake, mistake
from handgrad.losses import CrossEntropy

__all__ = ["SequenceCrossEntropyKind"]

_MASK = (
    "A step where the mask is 0 costs nothing, so its gradient is 0.",
    "The definition of the loss: the mask is a factor of each step's term.",
)
_CODE = "`(p - y) * mask[..., None] / N`, where y is one-hot."


def _one_hot(x: Array, y: Array) -> Array:
    return np.asarray(y[..., None] == np.arange(x.shape[-1]), dtype=np.float64)


def _value(given: Given, log_p: Array, mask: Array) -> Array:
    """Return the mean over the rows of what is summed over the steps that count."""
    terms = np.take_along_axis(log_p, given["y"][..., None], axis=-1)[..., 0]
    return np.asarray(-(terms * mask).sum() / len(log_p))


def _right(given: Given, p: Array) -> Results:
    """Return value and gradient with other probabilities."""
    mask = given["mask"]
    gradient = (p - _one_hot(p, given["y"])) * mask[..., None] / len(p)
    return {"value": _value(given, np.log(p), mask), "gradient": gradient}


def _masked(given: Given, x: Array, mask: Array) -> Results:
    """Return value and gradient with another mask."""
    return _right(given.changed(mask=mask), softmax(x))


def _residual(times: float) -> Formula:
    return lambda x, y, mask: (softmax(x) + times * _one_hot(x, y)) * mask[..., None]


instead = instead_of(_residual(-1))

MISTAKES: tuple[Mistake, ...] = (
    *mean_of_rows("(p - y) * mask[..., None] / N"),
    mistake(
        "divided by the steps too",
        {"gradient": lambda gradient: gradient / gradient.shape[1]},
        "The gradient is divided by the number of rows and of steps, where the value is a mean "
        "over the rows.",
        "The longer the sequences are, the smaller is the step.",
        "The loss of a row is a sum over its steps.",
        "The step from one datapoint to the minibatch: how many terms does the mean have?",
        "Divide by N alone, in both passes.",
    ),
    mistake(
        "divided by the mask's sum",
        {"gradient": lambda gradient, mask, N: gradient * (N / mask.sum())},
        "The gradient is divided by the number of steps that count, where the value is a mean over "
        "the rows.",
        "The more steps count, the smaller is the step.",
        "The loss of a row is a sum over its steps.",
        "The step from one datapoint to the minibatch: how many terms does the mean have?",
        "Divide by N alone, in both passes.",
    ),
    mistake(
        "no mask in the backward pass",
        instead(lambda x, y: softmax(x) - _one_hot(x, y)),
        "Steps that do not count have a gradient too.",
        "Your gradient is not 0 where the mask is 0.",
        *_MASK,
        f"Multiply by the mask: {_CODE}",
    ),
    mistake(
        "no mask in the forward pass",
        {"value": lambda given, x, mask: _value(given, np.log(softmax(x)), np.ones_like(mask))},
        "Steps that do not count are added up too.",
        "The loss changes with the scores of a step where the mask is 0.",
        *_MASK,
        "Multiply each step's term by the mask, before the sum.",
    ),
    mistake(
        "the mask is ignored",
        lambda given, x, mask: _masked(given, x, np.ones_like(mask)),
        "All steps count in both passes.",
        "Another mask gives the same.",
        *_MASK,
        "Multiply each step's term by the mask, and so each step's gradient.",
    ),
    mistake(
        "the mask is inverted",
        lambda given, x, mask: _masked(given, x, 1 - mask),
        "The steps that count are left out, and the others are taken.",
        "Your gradient is 0 where the mask is 1.",
        *_MASK,
        "Take the mask as it is: 1 says that a step counts.",
    ),
    mistake(
        "the mask multiplies the probabilities alone",
        instead(lambda x, y, mask: softmax(x) * mask[..., None] - _one_hot(x, y)),
        "The target is subtracted after the mask, so that steps that do not count keep a -1.",
        "Your gradient is not 0 where the mask is 0.",
        *_MASK,
        f"Subtract the target first: {_CODE}",
    ),
    mistake(
        "only the last step counts",
        lambda given, x, mask: _masked(given, x, mask * (np.arange(x.shape[1]) == x.shape[1] - 1)),
        "The sum over the steps has one term.",
        "Your gradient is 0 in all steps but the last.",
        "The loss of a row is a sum over its steps.",
        "The definition of the loss: which steps does the sum run over?",
        "Add the steps up, in place of keeping the last one.",
    ),
    *of_the_label(lambda given, log_p: _value(given, log_p, given["mask"]), _residual, _CODE),
    *other_probabilities(lambda given, right, p: _right(given, p)),
    *GENERAL[:4],
)


class SequenceCrossEntropyKind(LossKind):
    """The cross-entropy of a softmax over the steps that count, a mean over the rows."""

    name = "sequence_cross_entropy"
    words = ("temporalsoftmax", "temporalcrossentropy", "sequencecrossentropy")
    mistakes = MISTAKES
    conventions = (
        scaled(
            "divided by the number of steps that count",
            lambda mask, N: N / mask.sum(),
            "The value is the mean over the steps that count.",
        ),
        scaled(
            "divided by rows and steps",
            lambda x: 1 / x.shape[1],
            "The value is divided by all steps, whether they count or not.",
        ),
        scaled(
            "a sum in place of a mean",
            lambda N: N,
            "The value is the sum over rows and steps.",
        ),
    )
    axes: ClassVar = {"x": "N T K", "y": "N T", "mask": "N T", "value": ""}
    indices = ("y",)
    square = ()  # as many steps as classes tell less

    def right(self, given: Given, seen: Results) -> Results:
        ours, N = CrossEntropy(average=False), len(given.x)
        value, saved = ours.apply(floats(given.x), given["y"], floats(given["mask"]))
        return {"value": np.asarray(value / N), "gradient": ours.pullback(saved) / N}

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return logits, class indices, and a mask in which each row has a step that counts."""
        return [self._given(shape, seed, i) for i, shape in enumerate(shapes)]

    def _given(self, shape: tuple[int, ...], seed: int, i: int) -> Given:
        rng = np.random.default_rng([seed, i])
        N, T, K = shape
        mask = rng.integers(0, 2, (N, T)).astype(np.float64)
        mask[:, 0], mask[0, -1] = 1, 0
        inputs = {"x": 2 * rng.standard_normal(shape), "y": rng.integers(0, K, (N, T))}
        sizes = dict(zip("NTK", shape, strict=True))
        label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
        return Given(label, sizes, {**inputs, "mask": mask})

    def stresses(self, seed: int) -> list[Stress]:
        large, extreme = [], []
        for i, shape in enumerate(((5, 3, 4), (7, 4, 3))):
            large.append(self._given((67 + i, *shape[1:]), seed, 96 + i))
            given = self._given(shape, seed, 98 + i)
            extreme.append(given.changed(f"logits of 1e3, {given.label}", x=1e3 * given.x))
        unstable = no_maximum(_right, "The loss or its gradient")
        return [
            Stress("large", "a large minibatch", large),
            Stress("extreme", "logits of size 1e3", extreme, (unstable,)),
        ]
