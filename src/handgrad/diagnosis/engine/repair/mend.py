"""From a student to the repairs: examine, search, rank, examine again, say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from time import perf_counter

import numpy as np

from handgrad.checking.arrays import same
from handgrad.diagnosis.advice import listed
from handgrad.diagnosis.closeness import DOUBLE, HIDDEN
from handgrad.diagnosis.engine.examine import Examination
from handgrad.diagnosis.engine.repair.bench import Bench, Expected, Probe
from handgrad.diagnosis.engine.repair.blame import judged
from handgrad.diagnosis.engine.repair.limits import Overdue, Watch, silent
from handgrad.diagnosis.engine.repair.ranking import RAISES, Ranked, nearest, ranked
from handgrad.diagnosis.engine.repair.refusal import refused
from handgrad.diagnosis.engine.repair.search import MARGIN, Hit, Search
from handgrad.diagnosis.engine.repair.source import Unit, recorded, units
from handgrad.diagnosis.findings import Failure, Finding, Status, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.mistake import Mistake
from handgrad.diagnosis.repairs import Repair, RepairedLine
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, restored
from handgrad.kernels import using

__all__ = ["repairs"]

CLOSE = 0.06
"""By how much the score of a repair may be worse for it to count as well."""
FIRST = 0.4
"""Which share of the time is for one edit that makes the code right as we do it."""
SURELY = 6
"""How many repairs are examined, even if the time is up."""
ENOUGH = 5
"""How many repairs of one line are examined."""
PATIENCE = 10
"""Seconds that an examination may take."""
SEEDS = (101, 211)
"""Seeds on which a repair is examined as a whole."""


def repairs(
    make: Callable[[], Student], budget: float, shapes: Shapes | None = None, seed: int = 0
) -> tuple[Repair, ...]:
    """Return the smallest change of the student's code that makes everything right.

    Parameters
    ----------
    make
        Returns the student's code, ready to be called, each time anew.
    budget
        How long to search, in seconds.
    shapes, seed
        Those of the diagnosis.

    Returns
    -------
    tuple of Repair
        One, or none where none is found, or those that are found do not agree.
    """
    deadline = perf_counter() + budget
    student = make()
    # To compile a loop takes longer than a trial may, and is not to be ended in the middle.
    with restored(*student.around), silent(), using("numpy"), Watch() as watch:
        return _Mending(make, student, shapes, seed, watch).repairs(deadline)


class _Mending:
    """What the steps share."""

    def __init__(
        self,
        make: Callable[[], Student],
        student: Student,
        shapes: Shapes | None,
        seed: int,
        watch: Watch,
    ) -> None:
        self.make, self.student, self.seed, self.watch = make, student, seed, watch
        self.shapes = shapes or student.kind.shapes
        self.units = units(student.around)
        self.failure: Failure | None = None
        self.examination: Examination | None = None
        try:
            self.examination = Examination(student, shapes, seed, timed=False)
            self.failure = self.examination.outcome.failure
        except StudentError as error:
            self.failure = error.failure
        self.givens = self._givens()
        self._known: set[str] = set()
        self._beyond: dict[Hit, set[str] | None] = {}

    @property
    def findings(self) -> list[Finding]:
        """What the diagnosis has found, nothing where the code could not be run."""
        return self.examination.outcome.findings if self.examination else []

    def repairs(self, deadline: float) -> tuple[Repair, ...]:
        """Return the repair, if there is one."""
        if not self.units or (self.findings and Status.of(self.findings) is Status.RIGHT):
            return ()
        first, *others = self._meant()
        if others:  # one line that makes all right as we do it is likelier than a convention
            soon = perf_counter() + FIRST * (deadline - perf_counter())
            if found := self._repairs(first, soon, alone=True):
                return found
            (first,) = others
        return self._repairs(first, deadline)

    def _repairs(
        self, expected: Expected, deadline: float, alone: bool = False
    ) -> tuple[Repair, ...]:
        """Return the repair by what is right, if there is one, or one of a single edit alone."""
        self._known = {cause.name for _, cause in self.student.layout} | self.student.customs
        self._known |= set() if alone else _conventions(self.findings)
        self._beyond.clear()
        with recorded(self.units) as ran:
            bench = self._bench(expected)
        if not bench.showing:
            return ()
        forward = self._ran(lambda: self.student.look(self._fresh(), self.givens[0]))
        tested = self._ran(lambda: self.student.evaluate(self.givens[0].changed()))
        bench.keep({*forward, *tested})
        bench.watch_calls(ran)
        self._ran(self._run)  # last, for what the variables hold in it
        # A loss may work out its gradient where it works out its value.
        backward = [unit for unit in ran if unit not in forward or not self.student.kind.upstream]
        blame = judged(forward, backward, self._loss)
        right = not bench.wrong_names & set(self.student.kind.forwards)
        lines = self.failure.lines[-1:] if self.failure else ()
        raising = {(file, number) for file, number, _ in lines}

        def order(hits: Sequence[Hit]) -> list[Ranked]:
            kept = [hit for hit in hits if not refused(hit.edits)]
            return ranked(kept, forward, right, raising, blame)

        def score(hit: Hit) -> float:
            return min((each.score for each in order([hit])), default=inf)

        margin = MARGIN + (RAISES if raising else 0)  # an edit there may score less than it costs
        until = perf_counter() + 0.8 * (deadline - perf_counter())
        apart = forward if self.student.kind.upstream else []
        search = Search(
            bench,
            ran,
            until,
            self._run,
            score,
            partial(self._survives, strictly=False),
            blame,
            apart,
            self.student.kind.forwards,
            raising,
            margin,
            alone,
        )
        best = self._verified(order(search.all()), search, deadline)
        first = nearest(best)
        return (self._said(first, best),) if first else ()

    # What is run.

    def _givens(self) -> list[Given]:
        """Return the input of the trials; all of them where the code does not run on some."""
        if self.examination and not self.failure:
            return [trial.given for trial in self.examination.trials]
        givens = self.student.givens(self.shapes, self.seed)
        for i, given in enumerate(givens):
            given.seed = 1000 * i + self.seed
        return [given for given in givens if not self.student.kind.spares(given)]

    def _bench(self, expected: Expected) -> Bench:
        kind, examination = self.student.kind, self.examination
        owed = [n for n in kind.variables if n not in kind.optional]
        if examination is None:
            names = [*kind.forwards[:1], *owed]
            return Bench(self.watch, self.student, self.givens, expected, names, DOUBLE)
        names = list(dict.fromkeys([*examination.names, *owed]))
        tolerance = self._tolerance(examination)
        extra = self._extra(examination)
        known = {convention.cause.name for convention, _ in examination.conventions}
        customs = [
            partial(_in, convention, expected)
            for convention in kind.conventions
            if convention.cause.name in self.student.customs - known
        ]
        return Bench(
            self.watch, self.student, self.givens, expected, names, tolerance, extra, customs
        )

    def _meant(self) -> list[Expected]:
        """Return what may say what is right: the code's own convention, or ours, or ours first.

        An output that is wrong may be right by a convention that nobody meant. Where the course
        does not ask for it, it is what was meant only if less is wrong by it.
        """
        examination, customs = self.examination, self.student.customs
        if examination is None:
            return [self.student.kind.right]
        asked = [c for c, _ in examination.conventions if c.cause.name in customs]

        def ours(given: Given, seen: Results) -> Results:
            right = self.student.kind.right(given, seen)
            for convention in asked:
                right = convention.apply(given, right)
                given = convention.settled(given)
            return right

        trial, theirs = examination.trials[0], examination.expected

        def wrong(expected: Expected) -> int:
            right, seen = expected(trial.given, trial.seen), trial.seen
            names = examination.names
            tolerance = self._tolerance(examination)
            return sum(not same(seen[n], right[n], tolerance) for n in names)

        if len(asked) == len(examination.conventions):
            return [theirs]
        return [ours, theirs] if wrong(ours) > wrong(theirs) else [ours]

    def _tolerance(self, examination: Examination) -> float:
        """Return the largest difference that is none."""
        return max(examination.tolerance, HIDDEN if examination.hidden else 0)

    def _extra(self, examination: Examination) -> list[Probe]:
        """Return further trials: of unusual input, and of what this kind alone has."""

        def stressed(stress: Stress) -> frozenset[str]:
            return frozenset(examination.stressed(stress)[1])

        def alone() -> frozenset[str]:
            student, given = self.make(), self.givens[0].changed()
            student.run(student.fresh(given), given)
            return frozenset(finding.quantity for finding in student.extra(self.seed))

        # What code may leave out is no fault of it.
        known = {finding.quantity for finding in self.findings}
        stresses = [
            s for s in self.student.stresses(self.seed) if not s.optional or s.name in known
        ]
        found = [Probe(stress.name, partial(stressed, stress)) for stress in stresses]
        return [*found, Probe("of this kind alone", alone)]

    def _fresh(self) -> object:
        return self.student.fresh(self.givens[0].changed())

    def _run(self) -> Results:
        given = self.givens[0].changed()
        return self.student.run(self.student.fresh(given), given)

    def _loss(self) -> float:
        """Return the number whose gradients the backward pass computes in the first trial."""
        given, kind = self.givens[0].changed(), self.student.kind
        seen = self.student.look(self.student.fresh(given), given)
        if not kind.upstream:
            return float(seen[kind.forwards[0]].sum())
        return sum(float(np.vdot(seen[y], given[dy])) for y, dy in kind.upstream.items())

    def _ran(self, run: Callable[[], object]) -> list[Unit]:
        """Run something once; return the student's functions that have run."""
        with recorded(self.units) as ran:
            try:
                run()
            except Exception:  # which may be what is wrong with it
                return ran
        return ran

    # What is left.

    def _verified(self, order: Sequence[Ranked], search: Search, deadline: float) -> list[Ranked]:
        """Return the best repairs that survive everything, those that are as good among them."""
        # Which convention was meant for a special input cannot be seen in what is wrong elsewhere.
        for strictly in (True, False):
            best: list[Ranked] = []
            for tried, each in enumerate(order):
                if best and each.score > best[0].score + CLOSE:
                    break
                if tried >= SURELY and perf_counter() > deadline:
                    break
                if len(best) >= ENOUGH and each.lines in {other.lines for other in best}:
                    continue
                with search.made(each.hit.edits) as made:
                    if made and self._survives(each.hit, strictly):
                        best.append(each)
            if best:
                return best
        return []

    def _survives(self, hit: Hit, strictly: bool = True) -> bool:
        """Return whether everything is right with a hit, which is what runs now.

        It has to be right in the convention in which the student's code was; or, if that is not to
        be taken strictly, in any where nothing was known of it.
        """
        if hit not in self._beyond:
            self._beyond[hit] = self._taken()
        beyond = self._beyond[hit]
        if strictly or not beyond:
            return beyond == set()
        known = {f.quantity for f in self.findings if f.verdict is not Verdict.UNKNOWN}
        return beyond.isdisjoint(known)

    def _taken(self) -> set[str] | None:
        """Return what is right by a new convention with the code as it runs now, on fresh seeds.

        None is returned where anything is wrong.
        """
        taken: set[str] = set()
        for seed in SEEDS:
            try:
                with self.watch.within(PATIENCE):
                    student = self.make()
                    if student.kind.sample and not student.drops(seed):
                        return None
                    outcome = Examination(student, None, seed, timed=False).outcome
            except (Overdue, StudentError):
                return None
            if outcome.failure or Status.of(outcome.findings) is not Status.RIGHT:
                return None
            if self.examination:
                found = outcome.findings
                taken |= {f.quantity for f in found if not _conventions([f]) <= self._known}
        return taken

    # What is said.

    def _said(self, first: Ranked, best: Sequence[Ranked]) -> Repair:
        """Return a repair in words, with the other lines in which as good a one is possible."""
        words = {(e.unit, e.statement.lineno): e.words for e in first.hit.edits}
        common = first.hit.edits[0].words
        lines = tuple(
            RepairedLine(
                step.unit.file,
                step.line,
                step.how,
                words.get((step.unit, step.statement), common),
                step.old,
                step.new,
            )
            for step in first.steps
        )
        unit, told = first.steps[0].unit, {step.line for step in first.steps}
        others = {s.line for each in best for s in each.steps if s.unit is unit} - told
        titles = self.student.kind.titles
        wrong = [f for f in self.findings if f.verdict is Verdict.WRONG]
        known = {f.quantity: _called(titles[f.quantity]) for f in wrong if f.quantity in titles}
        known = known or {f.quantity: _called(f.title) for f in wrong if f.title}
        about = listed(list(known.values()) or ["all that it does"])
        return Repair(tuple(known), about, lines, tuple(sorted(others)))


def _in(convention: Mistake, expected: Expected, given: Given, seen: Results) -> Results:
    """Return what is right in one convention more."""
    return convention.apply(given, expected(given, seen))


_ARTICLE = re.compile("(?:the|a|an|how|what|where|calls|two) ")


def _called(title: str) -> str:
    """Return what a finding is about as a part of a sentence: "the output with a single row"."""
    title, _, _ = title.partition(":")
    what, _, when = title.partition(", ")
    what = what if _ARTICLE.match(what) else f"the {what}"
    return f"{what} {when if when.startswith('where') else f'with {when}'}" if when else what


def _conventions(findings: Sequence[Finding]) -> set[str]:
    """Return the names of the conventions in which something is right."""
    right = [finding for finding in findings if finding.verdict is Verdict.CONVENTION]
    return {cause.name for finding in right for cause in finding.causes}
