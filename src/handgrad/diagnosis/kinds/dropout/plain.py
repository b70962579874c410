"""Inverted dropout in a function, or in a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes
from handgrad.diagnosis.kinds.dropout.mask import MaskKind
from handgrad.diagnosis.kinds.dropout.mistakes import (
    ALONE,
    ALONE_WITH_KEEP,
    DROPS_P,
    KEEPS_P,
    is_evaluated,
)
from handgrad.diagnosis.mistake import Mistake, known_convention

__all__ = ["PlainDropoutKind"]

_WORDS = "Entries are kept with probability p, and what is kept is divided by it."
KEEPS = Mistake(known_convention(KEEPS_P.cause.name, _WORDS), KEEPS_P.wrong, convention=True)


class PlainDropoutKind(MaskKind):
    """Inverted dropout of the input.

    The mask is recovered from the output by its zeros. Whether p is the share that is dropped or
    the one that is kept is a convention, unless "p" or "keep" is among the names `asked`, which the
    code takes: then it is known which of the two it is given. A finished object has its own `p`.
    """

    name = "plain_dropout"
    words = ("plaindropout",)
    titles: ClassVar = {
        "output": "output",
        "evaluation": "output in evaluation mode",
        "dx": "gradient of the input",
    }
    variables: ClassVar = {"dx": "x"}
    axes: ClassVar = {"x": "N D", "output": "N D", "evaluation": "N D"}
    mistakes = ALONE
    conventions: tuple[Mistake, ...] = (KEEPS,)

    def __init__(self, asked: Sequence[str] = (), p: float | None = None) -> None:
        self.p = p
        self.p_is_known = not {"p", "keep"}.isdisjoint(asked)
        self.keeps = "keep" in asked and "p" not in asked
        if self.p_is_known:
            self.astray = DROPS_P if self.keeps else KEEPS_P
            self.mistakes = (*(ALONE_WITH_KEEP if self.keeps else ALONE), self.astray)
            self.conventions = ()

    def option_names(self) -> tuple[str, ...]:
        return ("p", "keep")

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        """Return inputs of which none is 0, each for another probability."""
        return [self._given(shape[:2], seed, i) for i, shape in enumerate(shapes)]

    def _given(self, shape: tuple[int, ...], seed: int, i: int) -> Given:
        rng = np.random.default_rng([seed, i])
        p = (0.3, 0.4, 0.2, 0.6)[i % 4] if self.p is None else self.p
        N, D = shape
        options = {"p": p, "keep": 1 - p, "mode": "train"}
        x, dy = rng.standard_normal((2, N, D))
        told = 1 - p if self.keeps else p
        return Given(f"N = {N}, D = {D}, p = {told:g}", {"N": N, "D": D}, {"x": x}, dy, {}, options)

    def right(self, given: Given, seen: Results) -> Results:
        output = seen.get("output", given.x)
        if output.shape != given.x.shape:
            output = given.x
        keeps_p = given.derived.get("keeps_p", False) and not self.p_is_known
        kept = (output != 0).astype(np.float64)
        given.derived |= {"kept": kept, "drop": given["keep" if keeps_p else "p"]}
        for name, derived in (("dx", "fresh"), ("evaluation", "evaluation_mask")):
            if name in seen and seen[name].shape == given.x.shape:
                given.derived[derived] = (seen[name] != 0).astype(np.float64)
        mask = np.ones_like(kept) if is_evaluated(given) else kept / (1 - given["p"])
        return {"output": given.x * mask, "evaluation": given.x.copy(), "dx": given.dy * mask}
