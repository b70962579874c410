"""Inverted dropout: around a layer as in the exercise, or in a function of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes
from handgrad.diagnosis.kinds.dropout.mask import MaskKind
from handgrad.diagnosis.kinds.dropout.mistakes import MISTAKES, is_evaluated
from handgrad.diagnosis.kinds.dropout.plain import PlainDropoutKind
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.layers import Linear

__all__ = ["DropoutKind", "PlainDropoutKind"]


class DropoutKind(MaskKind):
    """Inverted dropout around a layer.

    The wrapped layer is ours and square, so that the mask can be recovered from what comes out:
    from the output by its zeros, from the gradient by solving for what the layer was given.
    """

    name = "dropout"
    words = ("dropout",)
    titles: ClassVar = {**LinearKind.titles, "evaluation": "output in evaluation mode"}
    forwards = ("output", "evaluation")
    variables: ClassVar = LinearKind.variables
    axes: ClassVar = {**LinearKind.axes, "evaluation": "N K"}
    optional = ("dW", "db")  # the wrapped layer's affair
    mistakes = MISTAKES

    def __init__(self, p: float | None = None) -> None:
        self.p = p

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, *_, K) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            W = np.linalg.qr(rng.standard_normal((K, K)))[0] * rng.uniform(0.5, 1.5, K)
            x, dy = rng.standard_normal((N, K)), rng.standard_normal((N, K))
            p = self.p if self.p is not None else (0.3, 0.4, 0.2, 0.6)[i % 4]
            b = rng.standard_normal(K)
            label = f"N = {N}, K = {K}, p = {p:g}"
            sizes = {"N": N, "K": K}
            parameters = {"weights": W, "bias": b}
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, {"p": p, "mode": "train"}))
        return givens

    def right(self, given: Given, seen: Results) -> Results:
        W, b, p = (given[name] for name in ("weights", "bias", "p"))
        f = super().right(given, seen)["output"]
        output = seen.get("output", f)
        if output.shape != f.shape:
            output = f
        kept = (output != 0).astype(np.float64)
        given.derived |= {
            "kept": kept,
            "drop": p,
            "input_mask": _nonzero(np.linalg.solve(W.T, (output - b).T).T),
        }
        if "dx" in seen and seen["dx"].shape == given.x.shape:
            given.derived["fresh"] = _nonzero(np.linalg.solve(W, seen["dx"].T).T)
        if "evaluation" in seen:
            given.derived["evaluation_mask"] = (seen["evaluation"] != 0).astype(np.float64)
        mask = np.ones_like(kept) if is_evaluated(given) else kept / (1 - p)
        masked = super().right(given.changed(dy=given.dy * mask), seen)
        return {**masked, "output": f * mask, "evaluation": f}

    def ours(self, given: Given) -> Linear:
        return LinearKind.ours(given)


def _nonzero(array: Array) -> Array:
    """Return 1 where an entry is more than rounding."""
    shown = np.abs(array) > 1e-9 * np.abs(array).max(initial=1e-300)
    return np.asarray(shown, dtype=np.float64)
