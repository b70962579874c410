"""What is drawn at random, and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Stress
from handgrad.diagnosis.kinds.dropout.mistakes import EVALUATED, KEEPS_P, MASKS
from handgrad.diagnosis.mistake import Mistake

__all__ = ["MaskKind"]


class MaskKind(Kind):
    """A component that drops entries of its output at random."""

    forwards = ("output", "evaluation")
    others = tuple(MASKS.values())
    shapes = ((7, 5, 5), (11, 4, 4), (5, 6, 6), (13, 3, 3))
    sample = (400, 12, 12)
    p_is_known = True
    """Whether p has to be the share that is dropped; otherwise it may be the one that is kept."""
    keeps = False
    """Whether what the code is given is the probability to keep."""
    astray = KEEPS_P
    """The mistake of taking it for the other one."""

    def stresses(self, seed: int) -> list[Stress]:
        """Ask for both passes in evaluation mode, in which nothing is dropped."""
        givens = [g.changed(mode="test") for g in self.givens(self.shapes[:2], seed + 99)]
        title = "both passes in evaluation mode"
        return [Stress("evaluation mode", title, givens, EVALUATED, evaluated=True)]

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
        share, told = float(keep.mean()), 1 - p if self.keeps else p
        sigma = (p * (1 - p) / keep.size) ** 0.5
        found: list[tuple[Mistake | None, str]] = []
        if (keep == keep[0]).all():
            found.append((MASKS["rows"], "all rows of the mask are the same"))
        elif (keep == keep[:, :1]).all():
            found.append((MASKS["columns"], "all columns of the mask are the same"))
        elif abs(share - (1 - p)) > 6 * sigma:
            known = self.astray if abs(share - p) < 6 * sigma else None
            sentence = (
                f"{share:.1%} of {keep.size} entries are kept; with p = {told:g} it should be "
                f"{1 - p:.0%}, give or take {6 * sigma:.1%}"
            )
            if self.p_is_known or not known:
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
