"""Mistakes that every norm can make, whatever it takes its statistics over.

`input_gradient` says what the formulas speak of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import averaged, ignored_in
from handgrad.diagnosis.kinds.normalization.input_gradient import direct, through_the_mean
from handgrad.diagnosis.kinds.normalization.over import BETA, GAMMA, Over, rows
from handgrad.diagnosis.kinds.normalization.variance_path import through_the_variance
from handgrad.diagnosis.mistake import Mistake, mistake
from handgrad.diagnosis.parameter_families import multiplied, shifted, summed

__all__ = ["centred", "scaling", "shifting"]


def scaling(over: Over) -> tuple[Mistake, ...]:
    """Make the mistakes in dividing by a root, and in scaling by gamma."""
    return (
        *direct(over),
        *through_the_variance(over),
        mistake(
            "gamma's gradient is made with the input",
            {"dgamma": lambda dy, x, gamma: rows(dy * x, gamma)},
            "The upstream gradient is multiplied by the input as it came in.",
            "The gradient of gamma changes when a constant is added to the input.",
            "Gamma multiplies the normalised input, which does not see such a constant.",
            GAMMA.chain_rule,
            f"Use the normalised input: `{GAMMA.formula}`.",
        ),
        mistake(
            "gamma's gradient is made with the output",
            {"dgamma": lambda dy, output, gamma: rows(dy * output, gamma)},
            "The upstream gradient is multiplied by the output, scaled and shifted already.",
            "The gradient of gamma depends on gamma.",
            "The output is linear in gamma, so its gradient does not depend on gamma.",
            GAMMA.chain_rule,
            f"Use the normalised input: `{GAMMA.formula}`.",
        ),
        mistake(
            "gamma's gradient is divided by the standard deviation twice",
            {"dgamma": lambda dy, normal, r, gamma: rows(dy * normal * r, gamma)},
            "The normalised input is divided by the root once more.",
            "The gradient of gamma falls when the input is scaled up.",
            "Gamma multiplies the normalised input, which does not see the input's scale.",
            GAMMA.chain_rule,
            f"Use the normalised input as it is: `{GAMMA.formula}`.",
        ),
        mistake(
            "gamma's gradient is that of beta",
            {"dgamma": lambda dy, gamma: rows(dy * np.ones_like(dy), gamma)},
            "The normalised input is missing from the gradient of gamma.",
            "The gradient of gamma does not depend on the input.",
            "Gamma multiplies the normalised input: where that is 0, gamma has no influence.",
            GAMMA.chain_rule,
            f"Multiply by the normalised input: `{GAMMA.formula}`.",
        ),
        averaged(GAMMA),
        mistake(
            "gamma is left out of the forward pass",
            {"output": lambda normal, output, gamma: output - normal * (gamma - 1)},
            "The normalised input is not scaled.",
            "The output does not change when gamma does.",
            "The output is the normalised input times gamma, and a shift.",
            "The definition of the layer: which parameters stand in its last line?",
            "Multiply by gamma: `gamma * normal + beta`.",
        ),
        mistake(
            "the variance is not square-rooted in the forward pass",
            {"output": lambda normal, output, gamma, r: output + gamma * normal * (r - 1)},
            "The input is divided by the variance, or a second time by its root.",
            "The output's size depends on the input's.",
            over.factor.split(",")[0] + ".",
            "The definition of the normalised input: what stands in its denominator?",
            "Divide by `np.sqrt(variance + epsilon)`, once.",
        ),
        mistake(
            "the root is taken twice in the forward pass",
            {
                "output": lambda output, centred, normal, gamma, variance, epsilon: (
                    output + gamma * (centred / np.sqrt(np.sqrt(variance) + epsilon) - normal)
                )
            },
            "The standard deviation stands under the root, where the variance belongs.",
            "The output's size depends on the input's.",
            over.factor.split(",")[0] + ".",
            "The definition of the normalised input: under the root is the variance.",
            "Divide by `np.sqrt(variance + epsilon)`.",
        ),
        mistake(
            "the standard deviation is left out of the forward pass",
            {"output": lambda output, centred, normal, gamma: output + gamma * (centred - normal)},
            "The input is not divided by the root of its variance.",
            "The output's size is that of the input.",
            over.factor.split(",")[0] + ".",
            "The definition of the normalised input: it has a denominator.",
            "Divide by `np.sqrt(variance + epsilon)`.",
        ),
        mistake(
            "the statistics are taken over the wrong axis",
            {
                "output": lambda output, x, normal, gamma, other, centring, epsilon: (
                    output + gamma * (_normalised(x, other, centring, epsilon) - normal)
                )
            },
            f"The statistics are taken over {over.other} instead of {over.what}.",
            "The normalised input has neither the mean nor the variance that it should.",
            f"Over {over.what} the normalised input has size 1.",
            "The definition of the statistics: which index does their sum run over?",
            f"Give the axis that runs over {over.what}.",
        ),
    )


def _normalised(x: Array, mean: Any, centring: int, epsilon: float) -> Array:
    """Return the input, normalised over what `mean` is taken over."""
    centred = x - centring * mean(x)
    return np.asarray(centred / np.sqrt(mean(centred * centred) + epsilon))


def centred(over: Over) -> tuple[Mistake, ...]:
    """Make the mistakes in subtracting a mean."""
    return (
        *through_the_mean(over),
        mistake(
            "gamma's gradient is made with the centred input",
            {"dgamma": lambda dy, centred, gamma: rows(dy * centred, gamma)},
            "The input is centred, and not divided by the root of its variance.",
            "The gradient of gamma grows when the input is scaled up.",
            "Gamma multiplies the normalised input, which does not see the input's scale.",
            GAMMA.chain_rule,
            f"Use the normalised input: `{GAMMA.formula}`.",
        ),
        mistake(
            "the mean is not subtracted in the forward pass",
            {"output": lambda output, x, normal, gamma, r: output + gamma * (x * r - normal)},
            "The input is divided by the root of its variance, and keeps its mean.",
            "The output changes when a constant is added to the input.",
            over.constant.split(",")[0] + ".",
            "The definition of the normalised input: what stands in its numerator?",
            "Subtract the mean: `(x - mean) / np.sqrt(variance + epsilon)`.",
        ),
        mistake(
            "the mean of the squares in place of the variance",
            {
                "output": lambda output, x, centred, normal, gamma, mean, epsilon: (
                    output + gamma * (centred / np.sqrt(mean(x * x) + epsilon) - normal)
                )
            },
            "The variance is taken of the input as it came in, its mean not subtracted.",
            "The output shrinks when a constant is added to the input.",
            over.constant.split(",")[0] + ".",
            "The definition of the variance: the mean of what squares?",
            "Centre first: `((x - mean) ** 2).mean(...)`.",
        ),
    )


def shifting(over: Over, features: bool) -> tuple[Mistake, ...]:
    """Make the mistakes in adding beta, and in both parameters; `features` is as for `summed`."""
    return (
        averaged(GAMMA, BETA),
        averaged(BETA, mend=f"Sum in place of taking the mean: `{BETA.formula}`."),
        *summed(GAMMA, lambda dy, normal: dy * normal, features),
        *summed(BETA, lambda dy: dy, features),
        multiplied(GAMMA, "gamma"),
        multiplied(BETA, "beta"),
        mistake(
            "the gradients of gamma and beta are exchanged",
            lambda dgamma, dbeta: {"dgamma": dbeta, "dbeta": dgamma},
            "Each of the two is given for the other one.",
            "The gradient of beta depends on the input, and that of gamma doesn't.",
            "Beta is added, so its gradient does not depend on the input; gamma's does.",
            "The two lines of the parameters: which one has the normalised input in it?",
            "Exchange them, where they are made or where they are returned.",
        ),
        mistake(
            "beta's gradient is multiplied by gamma",
            {"dbeta": lambda dbeta, gamma: dbeta * gamma},
            "The upstream gradient is multiplied by gamma before it is summed for beta.",
            "The gradient of beta changes when gamma does.",
            "The output moves one to one with beta, whatever gamma is.",
            BETA.chain_rule,
            f"Leave the factor out: `{BETA.formula}`.",
        ),
        ignored_in(
            BETA,
            lambda dy, gamma: rows(np.ones_like(dy), gamma),
            "The gradient of beta is the number of rows, whatever comes in.",
        ),
        *shifted("shift beta", "a normalised input of zeros", "gamma * normal + beta", "beta"),
        mistake(
            "gamma and beta are exchanged in the forward pass",
            {"output": lambda normal, gamma, beta: normal * beta + gamma},
            "The normalised input is multiplied by beta, and gamma is added.",
            "With gamma 1 and beta 0, as they are at first, the output is 1 everywhere.",
            "For a normalised input of zeros the output is the shift beta.",
            "The definition of the layer: which parameter is the factor?",
            "Write `gamma * normal + beta`.",
        ),
    )
