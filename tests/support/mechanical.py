"""Students made of the catalogue: code that is right but for one mistake, for every kind.

`student(kind, *mistakes)` makes somebody of any kind who gives
``mistake.apply(given, kind.right(...))``, and `diagnosed` says what is found in it, so that a new
kind's catalogue can be tested at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace

import numpy as np

import handgrad
from handgrad.checking.arrays import same
from handgrad.diagnosis import Diagnosis
from handgrad.diagnosis.behaviours import BEHAVIOURS, Behaviour
from handgrad.diagnosis.closeness import DOUBLE
from handgrad.diagnosis.courses.exercise import student_type
from handgrad.diagnosis.diagnose import diagnose_student
from handgrad.diagnosis.engine.search import ENOUGH, explain_all
from handgrad.diagnosis.engine.trials import Trial, run_all
from handgrad.diagnosis.families import FLOAT32, GENERAL, OVERFLOW
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds import KINDS, Kind
from handgrad.diagnosis.kinds.cross_entropy import CrossEntropyKind
from handgrad.diagnosis.kinds.dropout.mistakes import KEEPS_P, MASKS, is_evaluated
from handgrad.diagnosis.mistake import Mistake
from handgrad.diagnosis.student import Student, Subject
from handgrad.diagnosis.student.subject import guard

OVERFLOWING = ("sigmoid",)
"""Kinds whose formula can overflow in the way that `OVERFLOW` makes."""


@dataclass(frozen=True)
class Entry:
    """One entry of the catalogue, and the student who makes that mistake."""

    kind: str
    name: str
    student: Student
    convention: bool = False


ELSEWHERE = {
    "rnn": ("rnn_step",),
    "lstm": ("lstm_step", "rnn"),
    "gru": ("gru_step", "rnn"),
    "multi_head_attention": ("attention",),
    "temporal_linear": ("linear",),
    "flat_linear": ("linear",),
}
"""Kinds whose mistakes, where they have the same name, are the same lines in another component."""


def catalogue(kind: str) -> list[Mistake]:
    """Return every mistake and convention of a kind, and those that any of them may have."""
    mine = [m for m in KINDS[kind]().catalogue() if m not in GENERAL or m in KINDS[kind].mistakes]
    return [*mine, FLOAT32, *([OVERFLOW] if kind in OVERFLOWING else [])]


def entries(kind: str) -> Iterator[Entry]:
    """Yield an entry for everything that the catalogue knows of a kind, and not of others.

    Of many conventions, such as the orders of four gates, there are some.
    """
    conventions = KINDS[kind].conventions
    made = {m.cause.name for other in ELSEWHERE.get(kind, ()) for m in catalogue(other)}
    few = 4 if len(conventions) > 20 else 1
    made |= {m.cause.name for i, m in enumerate(conventions) if i % few}
    for mistake in catalogue(kind):
        if mistake.cause.name in made:
            continue
        # Those in the size of an epsilon are seen at the extreme alone.
        small = mistake.cause.name.endswith("in its derivative") and mistake not in conventions
        if not small:
            yield Entry(kind, mistake.cause.name, student(kind, mistake), mistake.convention)
    if kind in ("linear", "sigmoid"):
        for key, behaviour in BEHAVIOURS.items():
            if kind == "linear" or key != "parameters":
                yield Entry(kind, behaviour.cause.name, spoiled(kind, behaviour))


def kind_with(kind: str) -> Kind:
    """Return a kind that is asked for all that it can be asked for."""
    return CrossEntropyKind((True, False)) if kind == "cross_entropy" else KINDS[kind]()


def student(kind: str, *mistakes: Mistake) -> Student:
    """Return somebody whose passes are our right ones, changed by the mistakes."""
    return Mechanical(kind_with(kind), mistakes)


def diagnosed(kind: str, *mistakes: Mistake, **options) -> Diagnosis:
    """Say what is found in somebody who makes these mistakes."""
    return diagnose_student(student(kind, *mistakes), **options)


def searched(kind: str, mistake: Mistake, seed: int) -> set[str]:
    """Return what the search alone says of somebody who makes a mistake, without an examination."""
    somebody = student(kind, mistake)
    for shapes in (somebody.kind.shapes, somebody.kind.square):
        trials, _, _ = run_all(somebody, somebody.givens(shapes, seed), seed)
        if len(trials) >= ENOUGH:
            break
    wrong = [n for n in trials[0].seen if any(_differs(t, n) for t in trials)]
    found = explain_all(trials, wrong, somebody.kind.mistakes, DOUBLE)
    explanations = {explanation for each in found.values() for explanation in each}
    return {" and ".join(cause.name for cause in together) for together in explanations}


def _differs(trial: Trial, name: str) -> bool:
    return not same(trial.seen[name], trial.right[name], DOUBLE)


class Mechanical(Student):
    """Somebody who gives the results of `kind.right`, changed by mistakes."""

    def __init__(self, kind: Kind, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(kind, f"My{kind.name}")
        self.mistakes = mistakes
        self.last: tuple[object, Results] = None, {}

    def start(self, given):
        thing = SimpleNamespace(mask=None)
        self.place(thing, given)
        return thing

    def suited(self, given):
        """Leave open what a course may leave open, for somebody who keeps another convention."""
        open_to_all = "shares" in given and all(m.convention for m in self.mistakes)
        given = settled(given, self.mistakes)
        return given.changed(shares="either") if open_to_all else given

    def place(self, thing, given):
        thing.parameters = {name: array.copy() for name, array in given.parameters.items()}

    def parameters(self, thing):
        return thing.parameters

    def forward(self, thing, given):
        thing.given = given.copied()
        thing.seen = drawn(self.kind, thing.given, self.mistakes, thing)
        return self._results(thing, [n for n in self.kind.forwards if n != "evaluation"])

    def backward(self, thing, given):
        upstream = {name: given[name].copy() for name in self.kind.upstream.values()}
        thing.given = thing.given.changed(**upstream)
        redrawn(self.kind, thing.given)
        return self._results(thing, None)

    def evaluate(self, given):
        if "evaluation" not in self.kind.forwards:
            return {}
        thing = self.start(given)
        thing.given = given.copied()
        thing.seen = drawn(self.kind, thing.given, self.mistakes, thing)
        return self._results(thing, ["evaluation"])

    def _results(self, thing, names) -> Results:
        """Return some results, of the backward pass where `names` is None.

        A mistake that cannot be made on this input raises in its own pass.
        """
        given = thing.given.changed(**thing.parameters)
        with guard("making the mistake"):
            try:
                results = self._outcome(given, thing.seen)
            except ValueError:
                mine = touched(self.kind, self.mistakes)
                if mine & set(names) if names is not None else mine - set(self.kind.forwards):
                    raise
                results = self.kind.right(given, thing.seen)
        names = [n for n in results if n not in self.kind.forwards] if names is None else names
        return {name: np.array(results[name]) for name in names if name in results}

    def _outcome(self, given: Given, seen: Results) -> Results:
        """Return the results; both passes, and evaluation, of one input are worked out once."""
        arrays = (*given.arrays.values(), *given.parameters.values())
        key = self.mistakes, tuple(array.tobytes() for array in arrays)
        if self.kind.sample or self.last[0] != key:
            self.last = key, outcome(self.kind, self.mistakes, given, seen)
        return self.last[1]


def settled(given: Given, mistakes: tuple[Mistake, ...]) -> Given:
    """Return an input on which the mistakes can be made."""
    for mistake in mistakes:
        given = given if mistake.convention else mistake.settled(given)
    return given


def outcome(kind: Kind, mistakes: tuple[Mistake, ...], given: Given, seen: Results) -> Results:
    """Return the results with the mistakes in them."""
    results = kind.right(given, seen)
    _suit(kind, given, mistakes)
    for mistake in mistakes:
        results = mistake.apply(given, results)
    return results


def reference(kind: Kind, i: int = 0) -> tuple[Given, Results]:
    """Return the input of one trial, with square matrices if there are any, and what is drawn."""
    given = kind.givens(kind.square or kind.shapes, 0)[i]
    np.random.seed(i)
    return given, drawn(kind, given, (), SimpleNamespace(mask=None))


@cache
def _touched(name: str, mistakes: tuple[Mistake, ...]) -> frozenset[str]:
    kind = kind_with(name)
    given, seen = reference(kind)
    given = settled(given, mistakes)
    right = kind.right(given, seen)
    names: set[str] = set()
    for mistake in mistakes:
        _suit(kind, given, (mistake,))
        names |= set(mistake.wrong(given, right))
    return frozenset(names)


def touched(kind: Kind, mistakes: tuple[Mistake, ...]) -> frozenset[str]:
    """Return the quantities that come out differently."""
    return _touched(kind.name, mistakes)


# What is random.


def drawn(kind: Kind, given: Given, mistakes: tuple[Mistake, ...], thing) -> Results:
    """Return what is random in a forward pass, as `kind.right` is told what was seen."""
    if not kind.sample:
        return {}
    clean = kind.right(given, {})["evaluation"]
    if is_evaluated(given):
        thing.mask = np.ones(clean.shape)
    else:
        thing.mask = mask(given["p"], clean.shape, mistakes, thing.mask)
    redrawn(kind, given)
    return {"output": clean * thing.mask}


def redrawn(kind: Kind, given: Given) -> None:
    """Draw another mask, for whoever does not keep the one of the forward pass."""
    if kind.sample:
        given.derived["other"] = np.random.binomial(1, 1 - given["p"], given.dy.shape).astype(float)


def mask(p: float, shape: tuple[int, ...], mistakes: tuple[Mistake, ...], last):
    """Draw a mask, as the mistakes draw it."""
    names = [mistake.cause.name for mistake in mistakes]
    share = p if KEEPS_P.cause.name in names else 1 - p
    if MASKS["rows"].cause.name in names:
        return np.repeat(np.random.binomial(1, share, size=(1, shape[1])), shape[0], axis=0)
    if MASKS["columns"].cause.name in names:
        return np.repeat(np.random.binomial(1, share, size=(shape[0], 1)), shape[1], axis=1)
    if MASKS["once"].cause.name in names and last is not None:
        return last
    return np.random.binomial(1, share, size=shape)


def _suit(kind: Kind, given: Given, mistakes: tuple[Mistake, ...]) -> None:
    """Let what is derived of the masks be as the mistakes make it."""
    if not kind.sample:
        return
    names = [mistake.cause.name for mistake in mistakes]
    kept, other = given["kept"], given["other"]
    if "nothing is dropped" in names:
        given.derived["kept"] = np.ones_like(kept)
    given.derived |= {
        "fresh": other,
        "redrawn": True,
        "keeps_p": KEEPS_P.cause.name in names,
        "input_mask": kept,
        "evaluation_mask": other,
    }


def spoiled(kind: str, behaviour: Behaviour) -> Student:
    """Return somebody whose passes are our right ones, spoiled by a behaviour."""
    ours = {"linear": handgrad.Linear, "sigmoid": handgrad.Sigmoid}[kind]

    class Spoiled:
        def __init__(self, *sizes):
            self.ours = ours(*sizes)
            forward, backward = self.ours.__call__, partial(_backward, self.ours)
            parameters = getattr(self.ours, "parameters", {})
            self.forward, self.backward = behaviour.spoil(forward, backward, parameters)

        def __call__(self, x):
            return self.forward(x)

        def grad(self, in_gradient):
            results = self.backward(in_gradient)
            if "dW" not in results:
                return results["dx"]
            self.gradients = {"bias": results["db"]}
            return results["dW"], results["dx"]

    return student_type(kind)(KINDS[kind](), Subject(Spoiled))


def _backward(component, dy) -> Results:
    if not hasattr(component, "weights"):
        return {"dx": component.grad(dy)}
    dW, dx = component.grad(dy)
    return {"dW": dW, "db": component.gradients["bias"].copy(), "dx": dx}


def outcomes(kind: str) -> dict[str, list[Results]]:
    """Return what each mistake changes in several trials, if it can be made in them, by name."""
    this, found = kind_with(kind), {}
    trials = [reference(this, i) for i in ((0, 1, 3) if kind == "cross_entropy" else (0, 1))]
    for mistake in this.mistakes:  # the last one of a cross-entropy is a sum, not a mean
        results = []
        for given, seen in trials:
            given = settled(given, (mistake,))
            right = this.right(given, seen)
            _suit(this, given, ())
            with suppress(ValueError):
                results.append(mistake.wrong(given, right))
        if len(results) == len(trials):
            found[mistake.cause.name] = results
    return found
