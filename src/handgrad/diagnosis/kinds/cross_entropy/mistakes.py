"""Mistakes in the cross-entropy of a softmax."""

from __future__ import annotations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, instead_of, scaled
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.softmaxes.probabilities import (
    SUMS,
    no_maximum,
    of_the_label,
    other_probabilities,
    softmax,
)
from handgrad.diagnosis.mistake import Formula, Mistake, convention, mistake

__all__ = ["CONVENTIONS", "MISTAKES", "NO_MAXIMUM", "SMALL"]

_TERMS = (
    "The loss has one term for each row, whatever the number of classes.",
    "The step from one datapoint to the minibatch: how many terms does the mean have?",
)


def _residual(times: float) -> Formula:
    return lambda x, y: softmax(x) + times * y


instead = instead_of(_residual(-1))


def _value(given: Given, log_p: Array) -> Array:
    """Return the cross-entropy of these logarithms of probabilities."""
    total = float(np.vdot(given["y"], log_p))
    return np.asarray(-total / (len(log_p) if given["average"] else 1))


def _other(given: Given, right: Results, p: Array) -> Results:
    """Return value and gradient with other probabilities."""
    gradient = instead(lambda y: p - y)["gradient"]
    return {"value": _value(given, np.log(p)), "gradient": gradient(given, right)}


def _binary(given: Given, x: Array, y: Array, average: bool) -> Results:
    p = softmax(x)
    others = -float(np.vdot(1 - y, np.log1p(-p))) / (len(p) if average else 1)
    return {"value": _value(given, np.log(p)) + others}


def _right(given: Given, p: Array) -> Results:
    """Return value and gradient with probabilities that were computed in another way."""
    rows = len(p) if given["average"] else 1
    return {"value": _value(given, np.log(p)), "gradient": (p - given["y"]) / rows}


def _epsilon(size: float) -> Mistake:
    """Return the convention to add a small number to a probability before the logarithm."""
    return convention(
        f"an epsilon of {size:g} in the logarithm",
        {"value": lambda given, x: _value(given, np.log(softmax(x) + size))},
        "The value is that of log(p + epsilon), which stays finite, and is off by about as much.",
    )


def _derived(size: float) -> Mistake:
    """Return the same convention where the gradient is the derivative of that very value."""

    def derived(given: Given, x: Array, y: Array, average: bool) -> Results:
        p = softmax(x)
        dp = -y / (p + size) / (len(p) if average else 1)
        gradient = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        return {"value": _value(given, np.log(p + size)), "gradient": gradient}

    return convention(
        f"an epsilon of {size:g} in the logarithm and in its derivative",
        derived,
        "The value is that of log(p + epsilon) and the gradient is its derivative, which is 0 "
        "where p is far below epsilon.",
    )


SMALL = tuple(_derived(size) for size in (1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16))
"""Conventions that only show where a probability has become 0."""

CONVENTIONS: tuple[Mistake, ...] = (
    scaled(
        "a sum in place of a mean",
        lambda average, x: len(x) if average else 1,
        "The value is the sum over the rows.",
    ),
    scaled(
        "a mean over all entries",
        lambda x, average: 1 / x.shape[1] if average else 1,
        "The value is divided by rows and classes.",
    ),
    scaled(
        "a mean over the classes",
        lambda x, average: len(x) / x.shape[1] if average else 1,
        "The value is divided by the classes, not by the rows.",
    ),
    scaled(
        "logarithms to base 2",
        lambda: 1 / np.log(2),
        "The value is measured in bits.",
    ),
    scaled(
        "logarithms to base 10",
        lambda: 1 / np.log(10),
        "The value is measured with logarithms to base 10.",
    ),
    *(make(size) for size in (1e-05, 1e-06, 1e-07, 1e-08, 1e-09) for make in (_epsilon, _derived)),
)


MISTAKES: tuple[Mistake, ...] = (
    mistake(
        "the mean is left out of the gradient",
        {"gradient": lambda gradient, average, x: gradient * (len(x) if average else 1)},
        "The gradient is that of the sum over the minibatch: it is too large by the number of "
        "rows.",
        "The more rows the minibatch has, the longer is the step, although the loss stays the "
        "same.",
        "Two copies of the same minibatch have the same mean loss; each row of the gradient must "
        "then be half as large.",
        "The step from one datapoint to the minibatch: the loss is a sum with a factor in front.",
        "Divide by the number of rows: `(p - y) / len(p)`, where `average` is True.",
    ),
    mistake(
        "divided by rows and classes",
        {"gradient": lambda gradient, average, x: gradient / (x.shape[1] if average else 1)},
        "The gradient is divided by the number of entries, N times K, where the loss is a mean "
        "over the rows.",
        "The more classes there are, the smaller is the step.",
        *_TERMS,
        "Divide by `len(p)`, not by `p.size`; `np.mean` over everything divides by `p.size`.",
    ),
    mistake(
        "divided by rows and classes, whatever `average` says",
        {"gradient": lambda gradient, x, average: gradient / (x.shape[1] if average else x.size)},
        "The gradient is divided by the number of entries, N times K, also with average=False.",
        "The more classes there are, the smaller is the step, and switching `average` changes "
        "nothing.",
        "The gradient belongs to the value that was returned, which has one term for each row.",
        "The step from one datapoint to the minibatch: how many terms are there, and when is "
        "their mean taken?",
        "Divide by `len(p)` where `self.average` is True, and by nothing where it is False.",
    ),
    mistake(
        "divided by the classes in place of the rows",
        {
            "gradient": lambda gradient, x, average: (
                gradient * ((len(x) if average else 1) / x.shape[1])
            )
        },
        "The gradient is divided by K, the number of classes, and not by N, the number of rows.",
        "The more rows the minibatch has, the longer is the step.",
        *_TERMS,
        "Divide by `p.shape[0]`, not by `p.shape[1]`.",
    ),
    mistake(
        "averaged once too often",
        {"gradient": lambda gradient, x: gradient / len(x)},
        "The gradient is divided by the number of rows although the value's own scale does not "
        "ask for it: twice where the value is a mean, once where it is a sum.",
        "The gradient is very small, and the more so the larger the minibatch.",
        "A finite difference of your own value is larger than your gradient by the number of rows.",
        "The factor in front of the sum: it appears in the derivative as often as in the loss.",
        "Remove one division by `len(p)`, or put it into the value too.",
    ),
    mistake(
        "the mean is taken whatever `average` says",
        {"gradient": lambda gradient, average, x: gradient / (1 if average else len(x))},
        "With average=False the gradient is still that of the mean.",
        "Switching `average` changes the value and not the gradient.",
        "The gradient belongs to the value that was returned: N times the one, N times the other.",
        "The step from one datapoint to the minibatch: without the factor in front there is "
        "nothing to divide by.",
        "Divide by `len(p)` only where `self.average` is True.",
    ),
    mistake(
        "`average` is ignored",
        lambda right, N, average: {n: a / (1 if average else N) for n, a in right.items()},
        "Value and gradient are those of the mean, also with average=False.",
        "Switching `average` changes nothing.",
        "A sum over N rows is N times their mean.",
        "The definition of the loss: the factor 1/N belongs to average=True alone.",
        "Keep `average` in the constructor, and divide by `len(p)` only where it is True.",
    ),
    *of_the_label(_value, _residual, "`p - y`."),
    mistake(
        "the softmax is left out of the derivative",
        instead(lambda y, x: -y / softmax(x)),
        "What is returned is the derivative with respect to the probabilities, not the logits: "
        "the softmax's Jacobian is left out.",
        "Your gradient is 0 everywhere but at the label.",
        SUMS,
        "The chain rule: the logits reach the loss through the softmax, and every logit reaches "
        "every probability of its row.",
        "Multiply by the softmax's Jacobian; all of it together simplifies to `p - y`.",
    ),
    mistake(
        "only the diagonal of the softmax's Jacobian",
        instead(lambda y, x: -y * (1 - softmax(x))),
        "Of the softmax's Jacobian only the derivative of each probability by its own logit is "
        "used.",
        "Your gradient is right at the label and 0 everywhere else.",
        SUMS,
        "The derivative of the softmax has two cases, and the one of two different indices is "
        "missing: raising one logit lowers all other probabilities.",
        "Use the whole Jacobian; all of it together simplifies to `p - y`.",
    ),
    mistake(
        "a wrong sign beside the diagonal of the softmax's Jacobian",
        instead(lambda x, y: -(softmax(x) + y)),
        "The derivative of a probability by another class' logit is taken with a plus.",
        "No entry of your gradient is positive.",
        SUMS,
        "The derivative of the softmax has two cases; in the one of two different indices, "
        "raising one logit lowers the other probabilities, so what sign has it?",
        "Take the minus, `-p[i] * p[j]` where i and j differ; all of it together is `p - y`.",
    ),
    mistake(
        "1 is subtracted from whole columns",
        instead(lambda x, y: softmax(x) - y.max(axis=0)),
        "Where the 1 of the target is subtracted, the column is chosen for every row, and not "
        "each row's own column.",
        "Your gradient has negative entries at classes that are not the row's label.",
        SUMS,
        "The line with the two terms: in each row one entry alone belongs to the label.",
        "Choose one entry in each row, `g[np.arange(len(g)), labels] -= 1` in place of `g[:, "
        "labels] -= 1`; or write `p - y`.",
    ),
    mistake(
        "an extra factor p(1-p)",
        {"gradient": lambda gradient, x: gradient * softmax(x) * (1 - softmax(x))},
        "The right gradient is multiplied by p (1 - p) once more, entry by entry.",
        "Where the prediction is sure and wrong, your gradient is close to 0.",
        SUMS,
        "The end of the derivation: the softmax's derivative is already in the difference.",
        "Leave the factor out: `p - y` is the gradient with respect to the logits already.",
    ),
    mistake(
        "the logits in place of the probabilities",
        instead(lambda x, y: x - y),
        "The target is subtracted from the logits themselves; the softmax is not applied.",
        "Your gradient has entries larger than the softmax allows.",
        SUMS,
        "The line with the two terms: the derivative of the logarithm of the sum is a probability.",
        "Apply the softmax first: `p - y`.",
    ),
    *other_probabilities(_other),
    mistake(
        "the binary cross-entropy",
        _binary,
        "The value also counts the logarithm of 1 - p for every class that is not the label.",
        "The loss is larger than the negative logarithm of the label's probability.",
        "The loss depends on the probability of the label alone.",
        "The definition of the loss: what is the factor of a class that is not the label?",
        "Keep only the term of the label: `-(y * log_p).sum(axis=1)`.",
    ),
    *GENERAL[:4],
)


NO_MAXIMUM = no_maximum(_right, "The loss or its gradient")
