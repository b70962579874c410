"""What the norms have in common: how they are tried, and what their mistakes are made of."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress, floats
from handgrad.diagnosis.kinds.normalization.conventions import (
    EPSILONS,
    NEGLIGIBLE,
    OUTSIDE,
    UNBIASED,
)
from handgrad.diagnosis.kinds.normalization.mistakes import CANCELLED, NO_EPSILON
from handgrad.layers.normalization.base import Normalization

__all__ = ["IMAGES", "NormKind"]

IMAGES: Shapes = ((5, 2, 3, 4), (4, 3, 2, 6), (3, 3, 4, 8))
"""(N, H, W, C)."""
_EPSILONS = (0.05, 0.2, 0.1)
"""Large, so that one that is left out, or stands elsewhere, shows."""


class NormKind(Kind):
    """Gives its input mean 0 and size 1 over some axes, then scales and shifts each feature."""

    titles: ClassVar = {
        "output": "output",
        "dx": "gradient of the input",
        "dgamma": "gradient of the scale gamma",
        "dbeta": "gradient of the shift beta",
    }
    variables: ClassVar = {"dx": "x", "dgamma": "gamma", "dbeta": "beta"}
    axes: ClassVar = {"x": "N D", "gamma": "D", "beta": "D", "output": "N D"}
    conventions = (OUTSIDE, UNBIASED, *EPSILONS, NEGLIGIBLE)
    settable: ClassVar[tuple[str, ...]] = ("epsilon",)
    dimensions = "N D"
    statistics: ClassVar[tuple[int, ...]]
    """The axes that the mean and the variance are taken over."""
    astray: ClassVar[tuple[int, ...]] = (0,)
    """Those that they are taken over by mistake."""
    centring = 1
    """0 where no mean is subtracted."""

    def mean(self, given: Given, array: Array) -> Array:
        """Return the mean over what the statistics are taken over, in every place."""
        return _in_every_place(array, self.statistics)

    def count(self, given: Given) -> int:
        """Return over how many entries that is."""
        return int(np.prod([given.x.shape[axis] for axis in self.statistics]))

    def empty(self, given: Given) -> Normalization:
        """Return our component with the options in `given`."""
        raise NotImplementedError

    def ours(self, given: Given) -> Normalization:
        ours = self.empty(given)
        for name, array in given.parameters.items():
            setattr(ours, name, array)
        return ours

    def chosen(self, features: int, i: int, rng: np.random.Generator) -> dict[str, Any]:
        """Return the options of a trial."""
        return {"features": features, "epsilon": _EPSILONS[i % len(_EPSILONS)]}

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, shape in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            sizes = dict(zip(self.dimensions.split(), shape, strict=False))
            label = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
            *leading, D = sizes.values()
            scale, shift = rng.uniform(0.5, 2, D), rng.standard_normal(D)
            x = rng.standard_normal((*leading, D)) * scale + shift
            dy = rng.standard_normal(x.shape)
            signs = rng.choice([-1, 1], D)
            parameters = {"gamma": signs * rng.uniform(0.5, 2, D), "beta": rng.standard_normal(D)}
            parameters = {name: parameters[name] for name in self.variables.values() if name != "x"}
            options = self.chosen(D, i, rng)
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, options))
        return givens

    def stresses(self, seed: int) -> list[Stress]:
        integers, still, far = (self.givens(self.shapes[:2], seed + i) for i in (97, 98, 99))
        for whole, constant, large in zip(integers, still, far, strict=True):
            whole.inputs["x"] = np.rint(3 * whole.x).astype(int)
            self._still(constant)
            large.inputs["x"] = large.x + 1e7
        found = [
            Stress("integers", "an array of integers", integers),
            Stress("constant", "an input that does not vary", still, (NO_EPSILON,)),
        ]
        if self.centring:  # far from 0 nothing else would be left
            found.append(Stress("far", "an input far from 0", far, (CANCELLED,), exact=True))
        return found

    def _still(self, given: Given) -> None:
        """Let one of what has statistics of its own not vary, nor what comes back to it."""
        gamma = given["gamma"]
        axis = next(axis for axis in range(given.x.ndim) if axis not in self.statistics)
        at = (slice(None),) * axis + (0,)
        h = given.dy * gamma
        given.inputs["x"][at] = 2.0 * self.centring
        h[at] = self.centring
        given.dy = h / gamma

    def right(self, given: Given, seen: Results) -> Results:
        x = floats(given.x)

        def mean(array: Array) -> Array:
            return self.mean(given, array)

        centred = x - self.centring * mean(x)
        variance = mean(centred * centred)
        r = 1 / np.sqrt(variance + given["epsilon"])
        given.derived |= {
            "mean": mean,
            "other": lambda array: _in_every_place(array, self.astray),
            "count": self.count(given),
            "centring": self.centring,
            "centred": centred,
            "variance": variance,
            "r": r,
            "normal": centred * r,
            "root_seen": None,  # one over the root that an output was divided by
        }
        if self.centring and "output" in seen and seen["output"].shape == x.shape:
            normal = (seen["output"] - given["beta"]) / given["gamma"]
            given.derived["root_seen"] = mean(centred * normal) / variance
        return super().right(given, seen)


def _in_every_place(array: Array, axes: tuple[int, ...]) -> Array:
    """Return the mean over axes, as an array of the same shape."""
    return np.broadcast_to(array.mean(axis=axes, keepdims=True), array.shape)
