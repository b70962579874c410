"""A plain function and its hand-written gradient."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, as_floats
from handgrad.checking.arrays import distance, same
from handgrad.checking.truth import central_differences
from handgrad.diagnosis.closeness import mask
from handgrad.diagnosis.engine.behaviour import written
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.search import ENOUGH, explain_all
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.findings import Example, Finding, Status, Verdict
from handgrad.diagnosis.function_mistakes import MISTAKES
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.result import Diagnosis
from handgrad.diagnosis.student.student import seeded
from handgrad.diagnosis.student.subject import StudentError, guard, numbers, restored

__all__ = ["diagnose_function"]

TOLERANCE = 1e-6
"""Largest difference, relative to the largest entry, that the numerical truth's error explains."""


def diagnose_function(
    f: Callable[..., Any], grad_f: Callable[..., Any], x: npt.ArrayLike, *, seed: int = 0
) -> Diagnosis:
    r"""Say what is wrong with the hand-written gradient of a plain function, and why.

    Parameters
    ----------
    f
        The function, ``f(x)``; its output is a number or an array.
    grad_f
        Its gradient: ``grad_f(x)`` where the output is a number, ``grad_f(x, dy)`` where it is an
        array, and then the gradient of ``sum(dy * f(x))``.
    x : array
        Where, away from kinks. Neighbours of it are tried too, so that nothing is named by chance.
    seed
        For the neighbours and for `dy`.

    Returns
    -------
    Diagnosis
        As `handgrad.diagnose` returns it. The truth is the numerical derivative of `f`.

    Raises
    ------
    ShapeError, DtypeError
        `x` is no array of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.3, -1.0, 2.0], [1.5, 0.2, -0.7]])
    >>> diagnosis = diagnose_function(lambda x: (x**2).sum(), lambda x: x, x)
    >>> print(diagnosis.headline)
    <lambda> is wrong: halved
    >>> diagnose_function(np.tanh, lambda x, dy: dy * (1 - np.tanh(x) ** 2), x).exit_code
    0
    """
    start = perf_counter()
    name = getattr(grad_f, "__name__", type(grad_f).__name__)
    x = as_floats(x, "x", "diagnose_function").astype(np.float64)
    failure = None
    findings: list[Finding] = []
    with restored(f, grad_f), np.errstate(all="ignore"):
        try:
            findings = _findings(f, grad_f, x, seed)
        except StudentError as error:
            failure = error.failure
    status, seconds = Status.of(findings), perf_counter() - start
    return Diagnosis(name, "function", status, tuple(findings), failure=failure, seconds=seconds)


def _findings(
    f: Callable[..., Any], grad_f: Callable[..., Any], x: Array, seed: int
) -> list[Finding]:
    """Judge the gradient at x and at some neighbours."""
    rng = np.random.default_rng(seed)
    trials, single = [], False
    for i, (label, place) in enumerate(_places(x, rng)):
        try:
            output = _call(f, place.copy(), f"calling the function at {label}")
            scalar = output.size == 1
            dy = np.ones(output.shape) if scalar else rng.standard_normal(output.shape)
            sizes = {"N": len(place)} if place.ndim else {}
            given = Given(label, sizes, {"x": place}, dy, seed=seed + i)
            seeded(given.seed)
            gradient = _gradient(grad_f, place.copy(), dy.copy(), scalar)
            trials.append(Trial(given, {"gradient": gradient}, {}))
        except StudentError:
            if place.shape == x.shape:
                raise
            continue  # it takes arrays of one shape alone
        single |= output.dtype == np.float32
    given, scalar = trials[0].given, trials[0].given.dy.size == 1
    findings = _comparable(f, given) or _mutation(f, grad_f, given, scalar)
    if findings and findings[0].quantity == "output":
        return findings
    tolerance = 1e-2 if single else TOLERANCE
    stretch = 1000.0 if single else 1.0
    smooth = [trial for trial in trials if not _on_a_kink(f, trial.given, stretch)]
    if len(smooth) < ENOUGH:
        sentence = (
            "the slopes of the function on the two sides of x differ: there is a kink at x, or the "
            "function is not smooth; choose another x"
        )
        trials[0].right = {"gradient": _numerical(f, trials[0].given, stretch)}
        return [*findings, _finding(Verdict.UNKNOWN, (sentence,), trials[0], tolerance)]
    trials = smooth
    for trial in trials:
        trial.right = {"gradient": _numerical(f, trial.given, stretch)}
        ones = trial.given.changed(dy=np.ones_like(trial.given.dy))
        trial.given.derived["of_the_sum"] = _numerical(f, ones, 1.0)
    return findings + _judge(trials, tolerance) + _linearity(grad_f, trials[0], scalar)


def _places(x: Array, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """Yield x, two neighbours, and an array with one more row, in words and as arrays."""
    yield "x", x
    yield (
        "a neighbour of x",
        x * (1 + 0.1 * rng.standard_normal(x.shape)) + 0.02 * rng.random(x.shape),
    )
    yield "another neighbour of x", x + 0.05 * rng.standard_normal(x.shape)
    if x.ndim:
        yield "x with one more row", np.concatenate([x, 1.1 * x[:1]])


def _judge(trials: list[Trial], tolerance: float) -> list[Finding]:
    # Where the slope at x is 0, the numerical one is 0 only beside those at the neighbours.
    floor = max(float(np.abs(trial.right["gradient"]).max(initial=0)) for trial in trials)
    worst = max(distance(t.seen["gradient"], t.right["gradient"], floor) for t in trials)
    where = "; ".join(trial.given.label for trial in trials)
    if worst <= tolerance:
        sentence = f"your gradient agrees with the numerical derivative to {worst:.0e} ({where})"
        return [_finding(Verdict.RIGHT, (sentence,), trials[0], tolerance)]
    found = explain_all(trials, ["gradient"], MISTAKES, tolerance)["gradient"]
    evidence = describe("gradient", trials, tolerance)
    if found:
        evidence.append(f"it is exactly what the mistake gives ({where})")
    return [_finding(Verdict.WRONG, tuple(evidence), trials[0], tolerance, found)]


def _finding(
    verdict: Verdict, evidence: tuple[str, ...], trial: Trial, tolerance: float, found: Any = ()
) -> Finding:
    seen, right = trial.seen["gradient"], trial.right["gradient"]
    truth = right if seen.shape == right.shape else None
    differs = mask(seen, right, tolerance) & (verdict is not Verdict.RIGHT)
    example = Example(trial.given.label, seen, truth, differs)
    return Finding("gradient", "gradient of the function", verdict, found, evidence, example)


def _call(function: Callable[..., Any], *arguments: Any) -> Array:
    """Call the student's function; the last argument says what is being done."""
    *values, doing = arguments
    with guard(doing):
        result = function(*values)
    return numbers(result, "what it returned")


def _gradient(grad_f: Callable[..., Any], x: Array, dy: Array, scalar: bool) -> Array:
    both = not scalar or _arguments(grad_f) >= 2
    return _call(grad_f, *((x, dy) if both else (x,)), "calling the gradient")


def _arguments(function: Callable[..., Any]) -> int:
    """Return how many arguments a function needs."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def _numerical(f: Callable[..., Any], given: Given, stretch: float) -> Array:
    """Differentiate the function, with steps that are `stretch` times as wide."""

    def forward(steps: Array) -> Array:
        seeded(given.seed)
        return _call(f, given.x + stretch * steps, "calling the function beside x")

    slope = central_differences(forward, np.zeros_like(given.x), given.dy)
    return np.asarray(slope / stretch)


def _on_a_kink(f: Callable[..., Any], given: Given, stretch: float) -> bool:
    """Return whether the slopes on the two sides differ by more than a smooth function's do."""
    aside = 1e-4 * stretch * np.maximum(1, np.abs(given.x))
    sides = [_numerical(f, given.changed(x=given.x + s * aside), stretch) for s in (-1, 1)]
    return not same(sides[0], sides[1], 1e-2 if stretch == 1 else 0.5)


def _comparable(f: Callable[..., Any], given: Given) -> list[Finding]:
    """Say it where the function has no slope to compare with: no number, or another each time."""
    outputs = []
    for _ in range(2):
        seeded(given.seed)
        outputs.append(_call(f, given.x.copy(), "calling the function twice"))
    if not np.isfinite(outputs[0]).all():
        sentence = "the function is NaN or infinite at x, and has no slope there; choose another x"
    elif not same(outputs[0], outputs[1], TOLERANCE):
        sentence = "two calls at the same x, from the same random state, give two outputs"
    else:
        return []
    return [Finding("output", "output of the function", Verdict.UNKNOWN, (), (sentence,))]


def _mutation(
    f: Callable[..., Any], grad_f: Callable[..., Any], given: Given, scalar: bool
) -> list[Finding]:
    """Compare the arrays that the functions were given before and after."""
    mine = given.copied()
    _call(f, mine.x, "calling the function")
    findings = written(mine, given, "forward")
    _gradient(grad_f, mine.x, mine.dy, scalar)
    return findings + written(mine, given, "backward")


def _linearity(grad_f: Callable[..., Any], trial: Trial, scalar: bool) -> list[Finding]:
    """Compare B(a g) with a B(g)."""
    if scalar:
        return []
    seeded(trial.given.seed)
    scaled = _gradient(grad_f, trial.given.x.copy(), -2.5 * trial.given.dy, scalar)
    far = distance(scaled, -2.5 * trial.seen["gradient"])
    if far <= TOLERANCE:
        return []
    sentence = f"B(a g) and a B(g) differ by {far:.1e}, where B is your backward pass"
    title = "linear in the upstream gradient"
    return [Finding("linearity", title, Verdict.WRONG, (), (sentence,))]
