"""Mistakes in where windows begin, which a convolution and a pool have in common."""

from __future__ import annotations

from handgrad.diagnosis.mistake import Formula, Mistake, mistake

__all__ = ["PLACE", "steps_apart"]

PLACE = "A window begins at stride times its number."

_WHERE = "The definition of the layer: where does a window begin?"
_MEND = "Let window h begin at `h * stride`."


def steps_apart(one_apart: Formula, unstrided: Formula, size: str) -> tuple[Mistake, Mistake]:
    """Make the mistakes of windows one entry apart: as many as there should be, or all there are.

    `size` is the sentence that says how many there should be.
    """
    return (
        mistake(
            "the windows begin one apart in the forward pass",
            {"output": one_apart},
            "There are as many windows as there should be, but they lie one entry apart.",
            "The last rows and columns of the input never matter.",
            PLACE,
            _WHERE,
            _MEND,
        ),
        mistake(
            "the stride is left out of the forward pass",
            {"output": unstrided},
            "The windows lie one entry apart, whatever the stride.",
            "The output is larger than it should be.",
            size,
            _WHERE,
            _MEND,
        ),
    )
