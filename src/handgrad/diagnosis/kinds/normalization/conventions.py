"""Norms that are right in another way: another root, other running statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.mistake import Mistake, convention

__all__ = [
    "BEGINNINGS",
    "EPSILONS",
    "NEGLIGIBLE",
    "OUTSIDE",
    "RUNNING",
    "UNBIASED",
    "another",
    "fixed",
    "inside",
]

Root = Callable[[Array, float], tuple[Array, Array]]
"""From a variance and epsilon to what the centred input is multiplied by, and its derivative by
the variance."""


def inside(variance: Array, epsilon: float) -> tuple[Array, Array]:
    """Return one over the root of the variance plus epsilon, as it is right."""
    r = (variance + epsilon) ** -0.5
    return r, -0.5 * r**3


def _outside(variance: Array, epsilon: float) -> tuple[Array, Array]:
    std = np.sqrt(variance)
    r = 1 / (std + epsilon)
    return r, -0.5 * r**2 / np.where(std > 0, std, np.inf)


def another(
    root: Root, unbiased: bool = False, variance: Callable[[Given], Array] | None = None
) -> Callable[[Given, Results], Results]:
    """Return what changes every result to that of a norm with another root or variance."""

    def results(given: Given, right: Results) -> Results:
        dy, gamma, centred, mean = (given[n] for n in ("dy", "gamma", "centred", "mean"))
        factor = given["count"] / (given["count"] - 1) if unbiased else 1.0
        v = given["variance"] if variance is None else variance(given)
        r, slope = root(factor * v, given["epsilon"])
        h, normal = dy * gamma, centred * r
        beta = given.parameters.get("beta", np.zeros(1))
        dx = r * (h - given["centring"] * mean(h))
        dx += 2 * factor * slope * centred * mean(h * centred)
        changed = {
            "output": gamma * normal + beta,
            "dx": dx,
            "dgamma": (dy * normal).reshape(-1, *gamma.shape).sum(axis=0),
        }
        if "evaluation" in right and given["running_mean"] is not None:
            r, _ = root(given["held_variance"], given["epsilon"])
            changed["evaluation"] = (given.x - given["held_mean"]) * r * gamma + beta
        return changed

    return results


def fixed(epsilon: float) -> Root:
    """Return the root with this epsilon, whatever is asked for."""
    return lambda variance, _: inside(variance, epsilon)


def _convention(name: str, results: Callable[[Given, Results], Results], words: str) -> Mistake:
    return convention(name, lambda given, right: results(given, right), words)


EPSILONS = tuple(
    _convention(
        f"an epsilon of {epsilon:g}",
        another(fixed(epsilon)),
        f"Whatever epsilon is asked for, {epsilon:g} is added to the variance.",
    )
    for epsilon in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
)
NEGLIGIBLE = _convention(
    "a negligible epsilon",
    another(fixed(1e-12)),
    "What is added to the variance, if anything, is so little that it makes no difference.",
)
OUTSIDE = _convention(
    "epsilon outside the root",
    another(_outside),
    "Epsilon is added to the standard deviation, and not to the variance under the root.",
)
UNBIASED = _convention(
    "the unbiased variance",
    another(inside, unbiased=True),
    "The sum of squares is divided by one less than their number.",
)


def _shares(
    given: Given, right: Results, share: float, biased: bool, epsilon: float = 0.0
) -> Results:
    """Return running statistics with another share of the newest, and the variance as said."""
    factor = 1.0 if biased else given["count"] / (given["count"] - 1)
    variance = factor * given["batch_variance"] + epsilon
    newest = {"mean": given["batch_mean"], "variance": variance}
    return {
        f"new_running_{name}": (1 - share) * given[f"held_{name}"] + share * newest[name]
        for name in newest
    }


def _running(name: str, words: str, share: float | None, biased: bool) -> Mistake:
    """Make a convention of the running statistics; `share` None stands for the exchanged ones."""

    def results(given: Given, right: Results) -> Results:
        if share is None and given["shares"] == "fixed":
            raise KeyError("the course says whose share the momentum is")
        return _shares(given, right, given["share_of_old"] if share is None else share, biased)

    return convention(name, lambda given, right: results(given, right), words)


_BIASED = "The running variance is moved by the minibatch's own, with the sum of squares over N."
_OLD = "Momentum is the share that is kept of the running statistics, not that of the newest."

RUNNING = (
    convention(
        "the running variance is biased",
        lambda given, right: _shares(given, right, given["momentum"], biased=True),
        _BIASED,
    ),
    convention(
        "epsilon is counted in the running variance",
        lambda given, right: _shares(given, right, given["momentum"], True, given["epsilon"]),
        "The running variance is moved by the square of the root that the output was divided by, "
        "with epsilon in it.",
    ),
    _running("momentum is the share of the old", _OLD, None, False),
    _running(
        "momentum is the share of the old, and the running variance is biased",
        f"{_OLD} {_BIASED}",
        None,
        True,
    ),
    *(
        _running(
            f"a share of {share:g} of the newest{', and the running variance is biased' * biased}",
            f"Whatever momentum is asked for, the newest statistics count {share:g}."
            f"{' ' * biased}{_BIASED * biased}",
            share,
            biased,
        )
        for share in (0.1, 0.01, 0.001)
        for biased in (False, True)
    ),
)


def _first(name: str, words: str, begun: Callable[[Given, Array, Array], Results]) -> Mistake:
    """Make a convention of a first pass, from the newest's share and the newest variance."""

    def results(given: Given, right: Results) -> Results:
        if given["running_mean"] is not None:
            return {}
        share = right["new_running_mean"] / given["batch_mean"]
        return begun(given, share, (right["new_running_variance"] - (1 - share)) / share)

    return convention(name, lambda given, right: results(given, right), words)


BEGINNINGS = (
    _first(
        "the running variance begins at 0",
        "Before the first minibatch the running variance is 0, and not 1.",
        lambda given, share, variance: {"new_running_variance": share * variance},
    ),
    _first(
        "the running statistics begin with the first minibatch's",
        "After the first minibatch the running statistics are its own.",
        lambda given, share, variance: {
            "new_running_mean": given["batch_mean"],
            "new_running_variance": variance,
        },
    ),
)
"""How running statistics begin, where nothing is given."""
