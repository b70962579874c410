"""Checking one component: its gradients against the truths, and what must hold besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.adapter import adapt
from handgrad.arguments import Array, as_floats, as_numbers
from handgrad.checking.cases import TWINS
from handgrad.checking.evaluation import (
    Subject,
    cast,
    evaluate,
    floats_as,
    numerical_gradients,
)
from handgrad.checking.invariants import Invariant, general
from handgrad.checking.pytorch import Twin, pytorch_gradients
from handgrad.checking.truth import Truth, central_differences, complex_step
from handgrad.errors import ArgumentError
from handgrad.loss import Loss
from handgrad.randomness import repeatable, tried
from handgrad.walk import parameters

__all__ = ["TOLERANCES", "CheckResult", "Comparison", "Violation", "check"]

TOLERANCES: dict[Callable[..., Any], float] = {
    complex_step: 1e-10,  # rounding alone
    central_differences: 1e-6,  # the formula's own error, and cancellation
    pytorch_gradients: 1e-10,  # rounding alone: both compute in float64
}
"""The largest error allowed against each truth."""


@dataclass(frozen=True)
class Comparison:
    """How far one quantity is from one truth.

    Attributes
    ----------
    quantity : str
        ``y``, ``dx``, ``dweights``, ...
    truth : str
        ``"complex step"``, ``"central differences"`` or ``"PyTorch"``.
    absolute : float
        Largest difference of two entries; NaN where an entry is not a number.
    relative : float
        The same, divided by the truth's largest entry (by 1 where the truth is all zeros), or of
        gradients by a hundredth of the largest entry of all, where that is more.
    tolerance : float
        What `relative` may be.
    """

    quantity: str
    truth: str
    absolute: float
    relative: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return self.relative <= self.tolerance  # NaN does not

    def __str__(self) -> str:
        text = f"{self.quantity} against {self.truth}: largest error {self.absolute:.1e}, "
        text += f"relative {self.relative:.1e}"
        return text if self.ok else f"{text}, more than {self.tolerance:.0e}"


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold: its name, and what was seen."""

    invariant: str
    seen: str

    def __str__(self) -> str:
        return f"{self.invariant.replace('_', ' ')}: no, {self.seen}"


@dataclass(frozen=True)
class CheckResult:
    """What `check` found out.

    Attributes
    ----------
    component : str
        Its `repr`, on one line.
    comparisons : list of Comparison
        One for each quantity and truth.
    invariants : int
        How many invariants were tried.
    violations : list of Violation
        Those that do not hold.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Sigmoid
    >>> result = check(Sigmoid(), np.array([[0.5, -2.0]]))
    >>> result.ok, [comparison.quantity for comparison in result.comparisons]
    (True, ['dx'])
    """

    component: str
    comparisons: list[Comparison] = field(default_factory=list)
    invariants: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything agrees and every invariant holds."""
        return not self.faults

    @property
    def faults(self) -> list[Comparison | Violation]:
        """What is wrong: the comparisons that do not agree, and the violations."""
        return [*(c for c in self.comparisons if not c.ok), *self.violations]

    def __str__(self) -> str:
        verdict = f"{self.component}: {'right' if self.ok else 'WRONG'}"
        return "\n  ".join(map(str, [verdict, *self.comparisons, *self.violations]))


def check(
    component: Any,
    x: Any,
    targets: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    *,
    truth: Truth = central_differences,
    twin: Twin | None = None,
    invariants: Sequence[Invariant] | None = None,
    rng: np.random.Generator | None = None,
) -> CheckResult:
    """Check the gradients of a component, a model or a loss at one input.

    They are computed in float64, whatever the types of the input and of the parameters, since in
    float32 rounding hides small mistakes; an invariant asks whether float32 gives the same.

    Parameters
    ----------
    component
        A component, a model, a loss, or an object that `Model` takes. Its parameters are left as
        they are, and so is the random state.
    x
        Input, (..., D), a tuple of inputs, or a loss' predictions. Keep away from kinks. Integers
        stay what they are where the component takes them, and have no gradient.
    targets
        What a loss compares the predictions with; nothing for anything else.
    sample_weight
        How much each of a loss' datapoints counts.
    truth : callable, default central_differences
        How to differentiate numerically. `complex_step` is exact, where the formula is analytic.
    twin : callable, optional
        The same component in PyTorch, ``twin(torch, component, x, p) -> y``, of tensors; ``p`` has
        the parameters by name, and by the names of the children functions that do what they do,
        as ``p["layer"](x)``. Of a loss ``twin(torch, loss, predictions, targets,
        sample_weight=None)``. Its gradients are a second truth.
    invariants : sequence of callables, optional
        What else must hold; where it is None, what holds for everything of its kind.
    rng : numpy.random.Generator, optional
        Draws the upstream gradient, which is random and signed; seeded with 0 where it is None.

    Returns
    -------
    CheckResult
        Everything that was compared; ``result.ok`` is the verdict, ``print(result)`` a summary.

    Raises
    ------
    ArgumentError
        A loss without targets, or targets for something that is none; NaN or infinity in the
        input.
    ShapeError, DtypeError
        The input does not fit the component.

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import Activation
    >>> class Square(Activation):
    ...     def apply(self, x):
    ...         return x * x, x
    ...     def pullback(self, dy, saved, need_dx=True, out=None):
    ...         return saved * dy, {}
    >>> print(check(Square(), np.array([[1.0, 2.0]])))  # doctest: +ELLIPSIS
    Square(): WRONG
      dx against central differences: largest error ..., relative 5.0e-01, more than 1e-06
    """
    rng = np.random.default_rng(0) if rng is None else rng
    subject: Subject
    against: Any
    if isinstance(component, Loss):
        if targets is None:
            raise ArgumentError(
                f"no targets for {component!r}", "the targets of the loss", "pass them after x"
            )
        subject = component
        x, against = _in_double(x, subject), (as_numbers(targets, "targets", subject),)
        if sample_weight is not None:
            against += (as_floats(sample_weight, "sample_weight", subject),)
    else:
        if targets is not None or sample_weight is not None:
            raise ArgumentError(
                f"targets for {component!r}", "targets for a loss alone", "leave them out"
            )
        subject = adapt(component)
        x = _in_double(x, subject)
        if any(place.array.dtype != np.float64 for place in parameters(subject)):
            subject = cast(subject, np.float64)
        y = repeatable(evaluate, subject)(subject, x, None)["y"]
        against = rng.standard_normal(y.shape)

    invariants = general(subject) if invariants is None else invariants
    with tried(partial(evaluate, subject, x, against), subject) as ours:
        numerical = repeatable(numerical_gradients, subject)(subject, x, against, truth)
        comparisons = _compared(ours, numerical, truth)
        if twin is not None:
            judged = pytorch_gradients(subject, x, against, twin, TWINS)
            comparisons += _compared(ours, judged, pytorch_gradients)
        violations = []
        for invariant in invariants:
            try:
                seen = repeatable(invariant, subject)(subject, x, against, rng)
            except Exception as error:  # a component may be wrong in any way
                seen = told(error)
            if seen is not None:
                violations.append(Violation(invariant.__name__, seen))
    return CheckResult(_name(subject), comparisons, len(invariants), violations)


def _compared(
    ours: dict[str, Array], found: dict[str, Array], method: Callable[..., Any]
) -> list[Comparison]:
    """Compare all that a truth has found with what the component says of it."""
    sizes = [np.abs(true).max() for quantity, true in found.items() if quantity != "y"]
    floor = 0.01 * float(max(sizes, default=0))
    return [
        compare(quantity, ours.get(quantity), true, method, 0 if quantity == "y" else floor)
        for quantity, true in found.items()
    ]


def compare(
    quantity: str,
    ours: Array | None,
    true: Array,
    method: Callable[..., Any],
    floor: float = 0.0,
) -> Comparison:
    """Compare one quantity with one truth; one that is missing, or misshapen, is infinitely off.

    The error is relative to the truth, or to the floor where that is more: what is 0 but for
    rounding, as the gradient of a bias before a `BatchNorm`, has the rounding of what cancels.
    """
    if ours is None or np.shape(ours) != np.shape(true):
        absolute = relative = np.inf
    else:
        absolute = float(np.abs(ours - true).max())
        relative = absolute / (max(float(np.abs(true).max()), floor) or 1.0)
    name = "PyTorch" if method is pytorch_gradients else method.__name__.replace("_", " ")
    return Comparison(quantity, name, absolute, relative, TOLERANCES.get(method, 1e-6))


def told(error: Exception) -> str:
    """Return what was raised, and where."""
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (line {place.lineno} of {Path(place.filename).name})"


def _in_double(x: Any, subject: Any) -> Any:
    """Return the input with its floats in float64, in which the gradients can be compared."""
    several = isinstance(x, tuple) and getattr(subject, "takes_tuple", False)
    arrays = as_numbers if several or getattr(subject, "takes_integers", False) else as_floats
    role = "predictions" if isinstance(subject, Loss) else "input"
    made = tuple(
        floats_as(np.float64, arrays(part, role, subject)) for part in (x if several else (x,))
    )
    if not all(np.isfinite(part).all() for part in made):
        raise ArgumentError(
            f"NaN or infinity in the {role} of {_name(subject)}",
            "finite numbers, around which to take differences",
            "check it at another input",
        )
    return made if several else made[0]


def _name(subject: Subject) -> str:
    return repr(subject) if "\n" not in repr(subject) else type(subject).__name__
