"""Mistakes in a batch norm's running statistics, and in evaluation with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Formula, mistake

__all__ = ["RUNNING_STATISTICS"]

Shares = Callable[[float], tuple[float, float]]
"""From the share of the newest to those of the old and the newest."""

_EVALUATION = "In evaluation a row's output does not depend on the rows beside it."
_MOVING = (
    "The running statistics are a mean of those of all minibatches, the newer the heavier, its "
    "weights adding up to 1."
)
_SHARES = (
    _MOVING,
    "The line of the running statistics: two shares that add up to 1.",
    "Write `running = (1 - momentum) * running + momentum * newest`, if momentum is the share of "
    "the newest.",
)


def _evaluated(formula: Formula) -> dict[str, Formula]:
    return {"evaluation": formula}


def _moved(share: Shares, name: str) -> Formula:
    """Return one running statistic, moved with other shares of the old and the newest."""

    def formula(given: Given, right: Results) -> Array:
        old, new = given[f"held_{name}"], right[f"new_running_{name}"]
        newest = old + (new - old) / given["momentum"]
        kept, taken = share(given["momentum"])
        return np.asarray(kept * old + taken * newest)

    return formula


def _both(share: Shares) -> dict[str, Formula]:
    return {f"new_running_{name}": _moved(share, name) for name in ("mean", "variance")}


RUNNING_STATISTICS = (
    mistake(
        "the batch's statistics are used in evaluation",
        _evaluated(lambda output: output.copy()),
        "Evaluation mode normalises with the mean and the variance of the minibatch at hand.",
        "What is predicted for a row changes with the rows beside it.",
        _EVALUATION,
        "The definition of the layer in evaluation: whose mean and variance?",
        "Use the running mean and variance there.",
    ),
    mistake(
        "the running statistics are used in training",
        {"output": lambda evaluation: evaluation.copy()},
        "Training mode normalises with the running mean and variance.",
        "The output has neither mean 0 nor size 1 before it is scaled and shifted.",
        "Over the minibatch the normalised input has mean 0 and size 1.",
        "The definition of the layer in training: whose mean and variance?",
        "Use the minibatch's mean and variance there.",
    ),
    mistake(
        "the running variance is not square-rooted in evaluation",
        _evaluated(
            lambda x, held_mean, held_variance, epsilon, gamma, beta: (
                gamma * (x - held_mean) / (held_variance + epsilon) + beta
            )
        ),
        "Evaluation mode divides by the running variance where its root belongs.",
        "The output in evaluation is of another size than in training.",
        "Training and evaluation differ in whose statistics they use, and in nothing else.",
        "The definition of the normalised input: what stands in its denominator?",
        "Divide by `np.sqrt(running_variance + epsilon)`.",
    ),
    mistake(
        "no epsilon in evaluation",
        _evaluated(
            lambda x, held_mean, held_variance, gamma, beta: (
                gamma * (x - held_mean) / np.sqrt(held_variance) + beta
            )
        ),
        "Evaluation mode adds no epsilon to the running variance.",
        "The output in evaluation is infinite for a feature that never varied.",
        "Training and evaluation differ in whose statistics they use, and in nothing else.",
        "The definition of the normalised input: what stands in its denominator?",
        "Divide by `np.sqrt(running_variance + epsilon)`.",
    ),
    mistake(
        "epsilon outside the root in evaluation",
        _evaluated(
            lambda x, held_mean, held_variance, epsilon, gamma, beta: (
                gamma * (x - held_mean) / (np.sqrt(held_variance) + epsilon) + beta
            )
        ),
        "Evaluation mode adds epsilon to the running standard deviation, not to the variance.",
        "The output in evaluation is a little smaller than that of the same input in training.",
        "Training and evaluation differ in whose statistics they use, and in nothing else.",
        "The definition of the normalised input: what stands under the root?",
        "Divide by `np.sqrt(running_variance + epsilon)`.",
    ),
    mistake(
        "the running mean is not subtracted in evaluation",
        _evaluated(
            lambda x, held_variance, epsilon, gamma, beta: (
                gamma * x / np.sqrt(held_variance + epsilon) + beta
            )
        ),
        "Evaluation mode divides, and does not centre.",
        "The output in evaluation has a mean of its own.",
        "Training and evaluation differ in whose statistics they use, and in nothing else.",
        "The definition of the normalised input: what stands in its numerator?",
        "Subtract the running mean first.",
    ),
    mistake(
        "neither scaled nor shifted in evaluation",
        _evaluated(
            lambda x, held_mean, held_variance, epsilon: (
                (x - held_mean) / np.sqrt(held_variance + epsilon)
            )
        ),
        "Evaluation mode returns the normalised input.",
        "What gamma and beta have learned has no effect in evaluation.",
        "Training and evaluation differ in whose statistics they use, and in nothing else.",
        "The definition of the layer: its last line is the same in both modes.",
        "Multiply by gamma and add beta in evaluation too.",
    ),
    mistake(
        "the shares of the running statistics are exchanged",
        _both(lambda momentum: (momentum, 1 - momentum)),
        "The running statistics keep the share that belongs to the newest ones.",
        "After one minibatch the running statistics are nearly its own, or hardly move at all.",
        "Momentum has one meaning: whose share it is.",
        "The line of the running statistics: which of the two is multiplied by momentum?",
        "Exchange the two factors.",
    ),
    mistake(
        "the running statistics are the last minibatch's",
        _both(lambda momentum: (0, 1)),
        "The running statistics are overwritten by those of each minibatch.",
        "Evaluation depends on the last minibatch alone.",
        *_SHARES,
    ),
    mistake(
        "the running statistics never move",
        _both(lambda momentum: (1, 0)),
        "The running statistics stay what they were at first.",
        "Evaluation is as bad after training as before it.",
        *_SHARES,
    ),
    mistake(
        "the old running statistics are kept whole",
        _both(lambda momentum: (1, momentum)),
        "The newest statistics are added, and nothing is taken from the old ones.",
        "The running variance grows without end.",
        *_SHARES,
    ),
    mistake(
        "the newest statistics are added whole",
        _both(lambda momentum: (1 - momentum, 1)),
        "The old statistics lose their share, and the newest are added unweighted.",
        "The running variance becomes many times the variance.",
        *_SHARES,
    ),
    mistake(
        "the running variance keeps the wrong share",
        {"new_running_variance": _moved(lambda momentum: (momentum, 1 - momentum), "variance")},
        "The running mean is moved as it should be, the running variance with exchanged shares.",
        "The running variance moves at another pace than the running mean.",
        *_SHARES,
    ),
    mistake(
        "the running variance is one of standard deviations",
        {
            "new_running_variance": lambda held_variance, batch_variance, momentum: (
                (1 - momentum) * held_variance + momentum * np.sqrt(batch_variance)
            )
        },
        "The standard deviation of the minibatch is mixed into the running variance.",
        "The output in evaluation is of another size than in training.",
        _MOVING,
        "The line of the running variance: the square, or its root?",
        "Mix in the variance.",
    ),
)
