"""Inverted dropout around a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes
from handgrad.diagnosis.kinds.dropout.mistakes import KEEPS_P, MASKS, MISTAKES
from handgrad.diagnosis.kinds.linear import LinearKind
from handgrad.diagnosis.mistake import Mistake
from handgrad.layers import Linear

__all__ = ["DropoutKind"]


class DropoutKind(Kind):
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
    others = tuple(MASKS.values())
    shapes = ((7, 5, 5), (11, 4, 4), (5, 6, 6), (13, 3, 3))
    sample = (400, 12, 12)

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
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, {"p": p}))
        return givens

    def right(self, given: Given, seen: Results) -> Results:
        W, b, p = (given[name] for name in ("weights", "bias", "p"))
        f = super().right(given, seen)["output"]
        output = seen.get("output", f)
        if output.shape != f.shape:
            output = f
        keep = (output != 0).astype(np.float64)
        given.derived |= {
            "keep": keep,
            "input_mask": _nonzero(np.linalg.solve(W.T, (output - b).T).T),
        }
        if "dx" in seen and seen["dx"].shape == given.x.shape:
            given.derived["fresh"] = _nonzero(np.linalg.solve(W, seen["dx"].T).T)
        if "evaluation" in seen:
            given.derived["evaluation_mask"] = (seen["evaluation"] != 0).astype(np.float64)
        mask = keep / (1 - p)
        masked = super().right(given.changed(dy=given.dy * mask), seen)
        return {**masked, "output": f * mask, "evaluation": f}

    def ours(self, given: Given) -> Linear:
        return LinearKind.ours(given)

    def drawn(self, given: Given, looks: Sequence[Results]) -> dict[str, bool]:
        """Return whether entries are kept with probability p, not 1 - p."""
        share = float((looks[0]["output"] != 0).mean())
        return {"keeps_p": abs(share - given["p"]) < 0.05 < abs(1 - 2 * given["p"])}

    def judged(self, given: Given, looks: Sequence[Results]) -> list[Finding]:
        """Judge how the mask is drawn."""
        p = given["p"]
        if not 0 < p < 1:
            return []
        masks = [look["output"] != 0 for look in looks]
        keep = next((mask for mask in masks if not mask.all()), None)
        if keep is None:
            return []
        share = float(keep.mean())
        sigma = (p * (1 - p) / keep.size) ** 0.5
        found: list[tuple[Mistake | None, str]] = []
        if (keep == keep[0]).all():
            found.append((MASKS["rows"], "all rows of the mask are the same"))
        elif (keep == keep[:, :1]).all():
            found.append((MASKS["columns"], "all columns of the mask are the same"))
        elif abs(share - (1 - p)) > 6 * sigma:
            known = KEEPS_P if abs(share - p) < 6 * sigma else None
            sentence = (
                f"{share:.1%} of {keep.size} entries are kept; with p = {p:g} it should be "
                f"{1 - p:.0%}, give or take {6 * sigma:.1%}"
            )
            found.append((known, sentence))
        if all(np.array_equal(mask, keep) for mask in masks):
            found.append((MASKS["once"], "all calls of one object drop the same entries"))
        return [
            Finding(
                "mask",
                "how the mask is drawn",
                Verdict.WRONG,
                ((mistake.cause,),) if mistake else (),
                (sentence,),
            )
            for mistake, sentence in found
        ]


def _nonzero(array: Array) -> Array:
    """Return 1 where an entry is more than rounding."""
    shown = np.abs(array) > 1e-9 * np.abs(array).max(initial=1e-300)
    return np.asarray(shown, dtype=np.float64)
