"""What a course's own conventions make of mistakes: its factors, and its axes of size 1."""

from __future__ import annotations

from collections.abc import Callable

from handgrad.diagnosis.courses.course import Component, letters
from handgrad.diagnosis.courses.template import Expression
from handgrad.diagnosis.families import SHAPE
from handgrad.diagnosis.findings import Cause
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.mistake import Mistake, known_convention, mistake

__all__ = ["ANOTHER_AXIS", "KEPT_AXES", "left_out"]

KEPT_AXES = known_convention(
    "one more axis of size 1",
    "The numbers are right; the array has more axes of size 1 than the course asks for.",
)
ANOTHER_AXIS = Cause(
    "an axis of size 1 is missing, or in another place",
    "The numbers are right, but the gradient has not the shape of what it is the gradient of.",
    (
        "After a step the parameter has another shape than before.",
        SHAPE,
        "The sum over the samples: which axes are left after it?",
        "Keep the axis, as with `keepdims=True`, or bring it back with a reshape.",
    ),
)


def left_out(component: Component, kind: Kind) -> list[Mistake]:
    """Return the mistakes that a factor of the course's is left out: everywhere, or in one."""
    each = [(name,) for name in component.factor]
    together = [tuple(component.factor)] if len(each) > 1 else []
    return [_left_out(component, kind, names) for names in (*together, *each)]


def _left_out(component: Component, kind: Kind, names: tuple[str, ...]) -> Mistake:
    factors = {name: component.factor[name] for name in names}
    text = factors[names[0]].text
    titles = " and ".join(f"the {kind.titles[name]}" for name in names)
    are = "are" if len(names) > 1 else "is"
    return mistake(
        f"the factor {text} of the course is left out of {titles}",
        _undone(kind, factors),
        f"In this course {titles} {are} multiplied by {text} inside the layer; yours {are} not.",
        "The larger the minibatch, the longer is a step.",
        "The mean over the minibatch is taken once: in this course inside the layer, and not in "
        "the loss.",
        "The last line: the sum over the samples is there, and its factor is not.",
        f"Multiply by the factor: `{text}`.",
    )


def _undone(kind: Kind, factors: dict[str, Expression]) -> Callable[[Given, Results], Results]:
    """Return the formula that divides by the factors."""

    def wrong(given: Given, right: Results) -> Results:
        scope = {**given.sizes, **letters(kind, given), **given.options}
        return {name: right[name] / factor.value(scope) for name, factor in factors.items()}

    return wrong
