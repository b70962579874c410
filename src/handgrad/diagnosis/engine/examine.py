"""The order of the decisions, from "does it run" to the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from handgrad.checking.arrays import distance, same
from handgrad.diagnosis.behaviours import WRITES
from handgrad.diagnosis.closeness import DOUBLE, HIDDEN, SINGLE
from handgrad.diagnosis.engine.behaviour import behaviours, cost
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.gradcheck import agreement, smallest
from handgrad.diagnosis.engine.search import Explanations, explain_all, fitting, predict
from handgrad.diagnosis.engine.trials import Trial, example, run_all
from handgrad.diagnosis.families import EPSILON, FLOAT32, OVERFLOW, scaled
from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.mistake import Mistake
from handgrad.diagnosis.student.student import Student, seeded
from handgrad.diagnosis.student.subject import StudentError, restored

__all__ = ["Examination", "Outcome", "examine"]


@dataclass
class Outcome:
    """What the examination found."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: Failure | None = None
    make: Callable[[], Student] | None = None
    """Returns the code that was examined, ready to be called, each time anew."""


def examine(student: Student, shapes: Shapes | None = None, seed: int = 0) -> Outcome:
    """Run the student's code, and decide in order what is right and what is wrong.

    A `StudentError` says that the code does not run on enough inputs to say anything.
    """
    # A module of the student's may have told NumPy to raise: in ours, nothing does.
    with restored(*student.around), np.errstate(all="ignore"):
        return Examination(student, shapes, seed).outcome


class Examination:
    """One examination: what the steps share."""

    def __init__(
        self, student: Student, shapes: Shapes | None = None, seed: int = 0, timed: bool = True
    ) -> None:
        self.student, self.kind, self.seed = student, student.kind, seed
        self.outcome, self.timed = Outcome(), timed
        self.conventions: list[tuple[Mistake, set[str]]] = []
        """Those that the student keeps, and the quantities that are others by them."""
        seeded(seed)
        self.trials = self._trials(shapes or student.kind.shapes)
        self.names = [n for n in self.kind.titles if all(n in t.seen for t in self.trials)]
        kinds = {t.seen[n].dtype for t in self.trials for n in self.names}
        single = any(d.kind == "f" and d.itemsize < 8 for d in kinds)
        self.tolerance = SINGLE if single else DOUBLE
        self.hidden = False
        self._decide()

    def _trials(self, shapes: Shapes) -> list[Trial]:
        """Run every trial; where too few run, those with square matrices."""
        student, seed = self.student, self.seed
        trials, failure, notes = run_all(student, student.givens(shapes, seed), seed)
        self.outcome.notes += notes
        if len(trials) < 2 and student.any_size:
            trials, _, _ = run_all(student, student.givens(self.kind.square, seed), seed)
        if failure and len(trials) < 2:
            raise StudentError(failure)
        self.outcome.failure = failure
        return trials

    def _decide(self) -> None:
        student, kind, outcome = self.student, self.kind, self.outcome
        if outcome.failure:
            outcome.findings.append(_stopped("runs", "runs on every input", outcome.failure))
        forwards = [n for n in self.names if n in kind.forwards]
        backwards = [n for n in self.names if n not in kind.forwards]
        for tolerance in (self.tolerance, max(self.tolerance, HIDDEN)):
            while convention := self._find_convention(forwards, tolerance):
                self._adopt(convention)
            if self.conventions:
                break
        wrong_forward = [n for n in forwards if not self._agrees(n)]
        own = agreement(student, self.trials, backwards, self.tolerance > DOUBLE)
        disagree = [n for n in backwards if not self._agrees(n)]
        # A gradient that is right beside a value that is not is no other convention.
        if wrong_forward and not self.conventions and set(backwards) <= set(own):
            wrong_forward = self._scaled(wrong_forward)
        wrong = [n for n in disagree if not (wrong_forward and n in own)]
        found = self._explained(wrong_forward, wrong)
        for name in self.names:
            if name in wrong_forward or name in wrong:
                outcome.findings.append(self._wrong(name, found[name], own.get(name)))
            else:
                outcome.findings.append(self._right(name, own.get(name)))
        outcome.findings += self._missing()
        right = [name for name in self.names if self._agrees(name)]
        tolerance = max(self.tolerance, HIDDEN if self.hidden else 0)
        found_in_calls = behaviours(
            student, self.trials, right, self.expected, self.seed, tolerance
        )
        for finding in found_in_calls:
            named = {cause.name for cause in finding.causes}
            if not named or not named <= student.customs:
                outcome.findings.append(finding)
            elif named & WRITES:
                outcome.notes.append(
                    f"{finding.evidence[0]}: this course lets that be, but whoever uses the array "
                    "afterwards sees other numbers in it"
                )
        outcome.findings += student.extra(self.seed)
        if all(f.verdict is not Verdict.WRONG for f in outcome.findings):
            for stress in student.stresses(self.seed):
                if "evaluation" in self.names or not stress.evaluated:
                    outcome.findings += self._stress(stress)
        if self.timed and all(f.verdict is not Verdict.WRONG for f in outcome.findings):
            outcome.notes += student.remarks(self.seed)
            outcome.notes += cost(student, self.seed) if kind.by_the_row else []

    def _missing(self) -> list[Finding]:
        """Say of a gradient that is nowhere to be found that it is; one of them may be left out."""
        findings = []
        for name, variable in self.kind.variables.items():
            must = self.student.must_give(name)
            if variable not in self.trials[0].given or must is None:
                continue  # it is not asked for
            if any(name not in trial.seen for trial in self.trials):
                optional = not must
                sentence = f"your code gives no {self.kind.titles[name]}" + (
                    ": the exercise lets that be" if optional else ""
                )
                if name in self.student.unwritten:
                    sentence = "it is not written yet"
                unjudged = optional or name in self.student.unwritten
                verdict = Verdict.UNKNOWN if unjudged else Verdict.WRONG
                findings.append(
                    Finding(name, self.kind.titles[name], verdict, evidence=(sentence,))
                )
        return findings

    # What is right.

    def expected(self, given: Given, seen: Results) -> Results:
        """Return what is right for an input, in the student's own convention."""
        right = self.kind.right(given, seen)
        for convention, _ in self.conventions:
            right = convention.apply(given, right)
            given = convention.settled(given)
        return right

    def _settled(self, given: Given) -> Given:
        """Return an input with the options of the student's own convention."""
        for convention, _ in self.conventions:
            given = convention.settled(given)
        return given

    def _agrees(self, name: str) -> bool:
        """Return whether a quantity is right in all trials; note where only seven digits are."""
        worst = self._worst(name)
        self.hidden |= self.tolerance < worst <= HIDDEN
        return worst <= max(self.tolerance, HIDDEN)

    def _worst(self, name: str) -> float:
        return max(distance(t.seen[name], t.right[name]) for t in self.trials)

    def _find_convention(self, forwards: Sequence[str], tolerance: float) -> Mistake | None:
        """Return the convention that makes more of the forward pass right, and most of the rest."""
        right = {n for n in forwards if self._worst(n) <= tolerance}
        best, most = None, 0
        for convention in self.kind.conventions if len(right) < len(forwards) else ():
            fits = fitting(convention, self.trials, self.names, tolerance)
            if right < set(fits).intersection(forwards) and len(fits) > most:
                best, most = convention, len(fits)
        return best

    def _explained(self, forward: list[str], backward: list[str]) -> dict[str, Explanations]:
        """Explain what is wrong; where the forward pass is without a name, in the course's way.

        A running variance that is wrong shows no more whether its author meant it to be biased:
        then it is taken for what the course has it be, so far as that leaves right what is right.
        """
        wrong, mistakes = forward + backward, self.kind.mistakes
        found = explain_all(self.trials, wrong, mistakes, self.tolerance)
        unnamed = [name for name in forward if not found[name]]
        for convention in self.kind.conventions if unnamed else ():
            if convention.cause.name not in self.student.customs:
                continue
            first = predict((convention,), self.trials[0].given, self.trials[0].right) or {}
            if set(unnamed) & {n for n in first if first[n] is not self.trials[0].right[n]}:
                right = [n for n in self.names if n not in wrong]
                fits = fitting(convention, self.trials, [n for n in right if n in first], HIDDEN)
                if set(right) & set(first) <= set(fits):
                    self._adopt(convention)
                    return explain_all(self.trials, wrong, mistakes, self.tolerance)
        return found

    def _scaled(self, wrong: list[str]) -> list[str]:
        """Take a value that is always the same multiple of ours for a convention."""
        if self.kind.forwards != ("value",):
            return wrong
        factors = [
            float(t.seen["value"] / t.right["value"])
            for t in self.trials
            if t.seen["value"].size == 1
        ]
        if (
            len(factors) < len(self.trials)
            or not np.allclose(factors, factors[0], rtol=1e-9)
            or factors[0] <= 0
        ):
            return wrong
        factor = factors[0]
        words = f"The value is {factor:g} times the exercise's, and the gradient agrees with it."
        self._adopt(scaled(f"a factor of {factor:g}", lambda: factor, words))
        return []

    def _imprecise(self, name: str) -> Cause:
        """Return why only seven digits are right: float32 does not see a change in the eleventh."""
        trial = self.trials[0]
        given = trial.given
        moving = {n: a for n, a in given.inputs.items() if a.dtype.kind == "f"}
        moving = moving or given.parameters
        # Smaller, since what is a probability stays one.
        nearby = given.changed(**{name: array * (1 - 1e-11) for name, array in moving.items()})
        seen = self.student.run(self.student.fresh(nearby), nearby)[name]
        unmoved = np.mean(seen == trial.seen[name])  # an entry may lie at the edge of a step
        return FLOAT32.cause if unmoved > 0.5 else EPSILON

    def _adopt(self, convention: Mistake) -> None:
        changed: set[str] = set()
        for trial in self.trials:
            before, trial.right = trial.right, convention.apply(trial.given, trial.right)
            trial.given = convention.settled(trial.given)
            changed |= {n for n in self.names if distance(before[n], trial.right[n]) > DOUBLE}
        self.conventions.append((convention, changed))

    # Findings.

    def _right(self, name: str, own: float | None) -> Finding:
        causes = [cause for quantity, cause in self.student.layout if quantity == name]
        causes += [convention.cause for convention, changed in self.conventions if name in changed]
        causes = [cause for cause in causes if cause.name not in self.student.customs]
        evidence = []
        worst = self._worst(name)
        if worst <= max(self.tolerance, HIDDEN):
            sizes = "; ".join(t.given.label for t in self.trials)
            exact = f"to {worst:.0e}" if worst else "to the last digit"
            evidence.append(f"your {name} is right {exact} ({sizes})")
            if self.tolerance < worst:
                causes.append(self._imprecise(name))
        if own is not None:
            evidence.append(
                f"your {name} agrees with the numerical derivative of your own forward pass "
                f"to {own:.0e}"
            )
        verdict = Verdict.CONVENTION if causes else Verdict.RIGHT
        explanations = (tuple(causes),) if causes else ()
        shown = self._example(name)
        return Finding(name, self.kind.titles[name], verdict, explanations, tuple(evidence), shown)

    def _wrong(self, name: str, found: tuple[tuple[Cause, ...], ...], own: float | None) -> Finding:
        evidence = describe(name, self.trials, self.tolerance)
        if own is not None:
            evidence.append(
                f"your {name} agrees with the numerical derivative of your own forward pass to "
                f"{own:.0e} at {smallest(self.trials).given.label}: other input shows what is wrong"
            )
        if found:
            evidence.append(
                f"it is exactly what the mistake gives, at {len(self.trials)} shapes and seeds"
            )
        return Finding(
            name, self.kind.titles[name], Verdict.WRONG, found, tuple(evidence), self._example(name)
        )

    def _example(self, name: str) -> Example:
        tolerance = max(self.tolerance, HIDDEN)
        off = [t for t in self.trials if not same(t.seen[name], t.right[name], tolerance)]
        trial = min(off or self.trials, key=lambda t: t.right[name].size)
        return example(trial, name, self.tolerance)

    def stressed(self, stress: Stress) -> tuple[list[Trial], list[str]]:
        """Run input that the trials avoid; return the trials, and the quantities that are wrong."""
        tolerance = max(self.tolerance, HIDDEN)
        if stress.exact and (self.hidden or self.tolerance > DOUBLE):
            return [], []
        trials, failure, _ = run_all(self.student, stress.givens, self.seed)
        if failure and stress.optional:
            note = f"it does not take {stress.title}: {failure.error}"
            self.outcome.notes += [note] * (note not in self.outcome.notes)
            return [], []
        if failure:
            raise StudentError(failure)
        for trial in trials:
            trial.right = self.expected(trial.given, trial.seen)
            trial.given = self._settled(trial.given)
        # Where all is 0 that is right, as slopes far from the origin, 1e-20 is right: floor = 1.
        return trials, [
            n
            for n in self.names
            if any(
                not same(t.seen.get(n, t.right[n]), t.right[n], tolerance, floor=1) for t in trials
            )
        ]

    def _stress(self, stress: Stress) -> list[Finding]:
        """Judge input that the trials avoid; nothing is said where it is right."""
        tolerance = max(self.tolerance, HIDDEN)
        try:
            trials, wrong = self.stressed(stress)
        except StudentError as error:
            self.outcome.failure = error.failure
            return [_stopped(stress.name, stress.title, error.failure, unusual=True)]
        if not wrong:
            return []
        if stress.name == "extreme" and wrong == ["value"]:
            self.outcome.notes.append(
                f"with {stress.title} the value is not exact: the logarithm is taken of a "
                "probability that has become 0; the gradient is right"
            )
            return []
        for convention in stress.conventions:
            if wrong and fitting(convention, trials, wrong, tolerance) == wrong:
                if convention.cause.name in self.student.customs:
                    return []
                note = f"differs from ours only there: {convention.cause.explanation}"
                shown = example(trials[0], wrong[0], tolerance)
                causes = ((convention.cause,),)
                return [
                    Finding(stress.name, stress.title, Verdict.CONVENTION, causes, (note,), shown)
                ]
        found = explain_all(trials, wrong, stress.mistakes, tolerance)
        if stress.name == "extreme" and not all(found.values()):
            # One value that is not a number is like any other: what does not explain all of them
            # explains none.
            found = {n: ((OVERFLOW.cause,),) if _infinite(trials, n) else () for n in wrong}
        findings = []
        for n in wrong:
            evidence = tuple(describe(n, trials, tolerance))
            title = f"{self.kind.titles[n]}, {stress.title}"
            shown = example(trials[0], n, tolerance)
            findings.append(
                Finding(stress.name, title, Verdict.WRONG, found[n], evidence, shown, stress.title)
            )
        return findings


def _stopped(name: str, title: str, failure: Failure, unusual: bool = False) -> Finding:
    """Say of input on which the code does not run that it is wrong."""
    sentence = f"while {failure.doing}: {failure.error}"
    about = title if unusual else ""
    return Finding(name, title, Verdict.WRONG, evidence=(sentence,), unusual=about)


def _infinite(trials: Sequence[Trial], name: str) -> bool:
    """Return whether something is not finite that should be."""
    return any(
        bool((~np.isfinite(t.seen[name])).any() and np.isfinite(t.right[name]).all())
        for t in trials
    )
