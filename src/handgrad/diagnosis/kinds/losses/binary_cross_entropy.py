"""The cross-entropy of yes or no, from logits, and mistakes in it."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import DOUBLED, HALVED, ZERO, instead_of
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Stress
from handgrad.diagnosis.kinds.losses.entries import (
    MEANS,
    EntriesKind,
    compared,
    mean_of_entries,
    one_row,
)
from handgrad.diagnosis.kinds.losses.yes_or_no import terms, yes_or_no
from handgrad.diagnosis.mistake import Mistake, mistake
from handgrad.losses import BinaryCrossEntropy

__all__ = ["BinaryCrossEntropyKind"]

_DIFFERENCE = "The gradient is 0 where the probability is the target, and between -1 and 1."
_LINE = "The line with the two terms: the derivatives of the two logarithms by the logit."
_CODE = "`(p - y) / p.size`, where p is the sigmoid of the logits."


def _p(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _other(p: Array, y: Array) -> Results:
    """Return value and gradient with other probabilities."""
    return {"value": yes_or_no(p, y), "gradient": (p - y) / p.size}


def _softmax(x: Array) -> Array:
    if x.ndim < 2:
        raise ValueError("a vector has no rows")
    e = np.exp(x)
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _outer(x: Array, y: Array) -> Results:
    p = _p(x)
    difference = p - y
    return {"value": yes_or_no(p, y), "gradient": difference / difference.size}


instead = instead_of(lambda x, y: _p(x) - y)

MISTAKES: tuple[Mistake, ...] = (
    *mean_of_entries("(p - y) / p.size"),
    mistake(
        "target minus probability",
        {"gradient": lambda gradient: -gradient},
        "The difference is taken the wrong way round, so the gradient points uphill.",
        "Every step against your gradient raises the loss.",
        "Where the target is 0, the loss falls as the logit falls: the gradient is positive there.",
        _LINE,
        f"Turn the difference round: {_CODE}",
    ),
    mistake(
        "the target is not subtracted",
        instead(lambda x: _p(x)),
        "The gradient is made of the probabilities alone.",
        "No entry of your gradient is negative, so every logit is pushed down.",
        _DIFFERENCE,
        _LINE,
        f"Subtract the target: {_CODE}",
    ),
    mistake(
        "the target is added",
        instead(lambda x, y: _p(x) + y),
        "The target is added to the probabilities where it has to be subtracted.",
        "No entry of your gradient is negative, so every logit is pushed down.",
        _DIFFERENCE,
        "The line with the two terms: they have opposite signs.",
        f"Subtract the target: {_CODE}",
    ),
    mistake(
        "the sigmoid is left out of the derivative",
        instead(lambda x, y: (_p(x) - y) / (_p(x) * (1 - _p(x)))),
        "What is returned is the derivative with respect to the probabilities, not the logits: the "
        "sigmoid's slope is left out.",
        "Your gradient has entries above 1 in size, and explodes where a prediction is sure and "
        "wrong.",
        _DIFFERENCE,
        "The chain rule: the logits reach the loss through the sigmoid.",
        f"Multiply by the sigmoid's slope, `p * (1 - p)`; all of it together is {_CODE}",
    ),
    mistake(
        "an extra factor p(1-p)",
        {"gradient": lambda gradient, x: gradient * _p(x) * (1 - _p(x))},
        "The right gradient is multiplied by the sigmoid's slope once more.",
        "Where the prediction is sure and wrong, your gradient is close to 0.",
        _DIFFERENCE,
        "The end of the derivation: the sigmoid's slope has cancelled already.",
        f"Leave the factor out: {_CODE}",
    ),
    mistake(
        "the logits in place of the probabilities",
        instead(lambda x, y: x - y),
        "The target is subtracted from the logits themselves; the sigmoid is not applied.",
        "Your gradient has entries above 1 in size.",
        _DIFFERENCE,
        _LINE,
        f"Apply the sigmoid first: {_CODE}",
    ),
    mistake(
        "only the yeses have a gradient",
        instead(lambda x, y: y * (_p(x) - 1)),
        "The gradient of the second logarithm is missing.",
        "Where the target is 0 your gradient is 0.",
        _DIFFERENCE,
        _LINE,
        f"Add the term of a no: {_CODE}",
    ),
    mistake(
        "only the noes have a gradient",
        instead(lambda x, y: (1 - y) * _p(x)),
        "The gradient of the first logarithm is missing.",
        "Where the target is 1 your gradient is 0.",
        _DIFFERENCE,
        _LINE,
        f"Add the term of a yes: {_CODE}",
    ),
    mistake(
        "the second logarithm is derived without its inner sign",
        instead(lambda x, y: y * (_p(x) - 1) - (1 - y) * _p(x)),
        "The minus of 1 - p is lost in the derivative of the second logarithm.",
        "No entry of your gradient is positive, so every logit is pushed up.",
        _DIFFERENCE,
        "The line with the two terms: what is inside the second logarithm falls as p rises.",
        f"Change the second term's sign: {_CODE}",
    ),
    mistake(
        "the gradient of the squared error",
        instead(lambda x, y: 2 * (_p(x) - y) * _p(x) * (1 - _p(x))),
        "The squared distance of the probability from the target is derived.",
        "Where the prediction is sure and wrong, your gradient is close to 0.",
        _DIFFERENCE,
        "The first line: it is the one of another loss.",
        f"The cross-entropy has {_CODE}",
    ),
    *one_row(),
    *compared(_outer),
    mistake(
        "the sigmoid is applied twice",
        lambda x, y: _other(_p(_p(x)), y),
        "The sigmoid is taken of the probabilities that it has given already.",
        "The probabilities are all between 0.5 and 0.74, and the loss hardly falls.",
        "A logit far below 0 makes a probability of nearly 0.",
        "The definition of the loss: its input are logits, and the sigmoid stands in it once.",
        "Leave one of the two out.",
    ),
    mistake(
        "the softmax in place of the sigmoid",
        lambda x, y: _other(_softmax(x), y),
        "The entries of a row compete with each other, as classes do.",
        "The probabilities of a row always sum to 1.",
        "Each entry is a question of its own: a datapoint can have several labels, or none.",
        "The definition of the loss: which function makes the probabilities?",
        "Take the sigmoid of each logit: `1 / (1 + np.exp(-x))`.",
    ),
    *terms(_p),
    ZERO,
    DOUBLED,
    HALVED,
)


class BinaryCrossEntropyKind(EntriesKind):
    """The cross-entropy of yes or no, from logits."""

    name = "binary_cross_entropy"
    words = ("binarycrossentropy", "bce", "logisticloss")
    mistakes = MISTAKES
    conventions = MEANS

    spread = 3.0

    def loss(self, given: Given) -> BinaryCrossEntropy:
        return BinaryCrossEntropy()

    def _given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        given = super()._given(shape, rng)
        given.inputs["y"] = rng.integers(0, 2, shape).astype(np.float64)
        given.inputs["y"].flat[:2] = 0, 1
        return given

    def stresses(self, seed: int) -> list[Stress]:
        extreme = []
        stresses = super().stresses(seed)
        for stress in stresses:
            for i, given in enumerate(stress.givens):
                rng = np.random.default_rng([seed, 97, i])
                given.inputs["y"] = rng.integers(0, 2, given.x.shape).astype(given.x.dtype)
        for i, shape in enumerate(((5, 3), (7, 4))):
            given = self._given(shape, np.random.default_rng([seed, 98, i]))
            extreme.append(given.changed(f"logits of 1e3, {given.label}", x=1e3 * given.x))
        return [*stresses, Stress("extreme", "logits of size 1e3", extreme)]
