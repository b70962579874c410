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
from handgrad.diagnosis.engine.repair.bench import Bench, Probe
from handgrad.diagnosis.engine.repair.blame import judged
from handgrad.diagnosis.engine.repair.limits import Overdue, Watch, silent
from handgrad.diagnosis.engine.repair.ranking import RAISES, Ranked, nearest, ranked
from handgrad.diagnosis.engine.repair.refusal import refused
from handgrad.diagnosis.engine.repair.search import MARGIN, Hit, Search
from handgrad.diagnosis.engine.repair.source import Unit, recorded, units
from handgrad.diagnosis.findings import Failure, Finding, Status, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Shapes, Stress
from handgrad.diagnosis.repairs import Repair, RepairedLine
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, restored
from handgrad.kernels import using

__all__ = ["repairs"]

Expected = Callable[[Given, Results], Results]

CLOSE = 0.06
"""By how much the score of a repair may be worse for it to count as well."""
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
        self._tested: dict[Hit, bool] = {}

    @property
    def findings(self) -> list[Finding]:
        """What the diagnosis has found, nothing where the code could not be run."""
        return self.examination.outcome.findings if self.examination else []

    def repairs(self, deadline: float) -> tuple[Repair, ...]:
        """Return the repair, if there is one."""
        if not self.units or (self.findings and Status.of(self.findings) is Status.RIGHT):
            return ()
        with recorded(self.units) as ran:
            bench = self._bench()
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
        settled = forward if right and self.student.kind.upstream else []
        search = Search(
            bench,
            ran,
            until,
            self._run,
            score,
            self._survives,
            blame,
            settled,
            raising,
            margin,
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

    def _bench(self) -> Bench:
        kind, examination = self.student.kind, self.examination
        owed = [n for n in kind.variables if n not in kind.optional]
        if examination is None:
            names = [*kind.forwards[:1], *owed]
            return Bench(self.watch, self.student, self.givens, kind.right, names, DOUBLE)
        names = list(dict.fromkeys([*examination.names, *owed]))
        tolerance = max(examination.tolerance, HIDDEN if examination.hidden else 0)
        extra = self._extra(examination)
        expected = self._expected(examination, tolerance)
        return Bench(self.watch, self.student, self.givens, expected, names, tolerance, extra)

    def _expected(self, examination: Examination, tolerance: float) -> Expected:
        """Return what says what is right: by our own convention, unless more is wrong by it.

        An output that is wrong may be right by a convention that nobody meant; with it alone the
        gradients would be changed.
        """

        def wrong(expected: Expected) -> int:
            trial = examination.trials[0]
            right = expected(trial.given, trial.seen)
            return sum(not same(trial.seen[n], right[n], tolerance) for n in examination.names)

        ours, theirs = self.student.kind.right, examination.expected
        causes = {convention.cause.name for convention, _ in examination.conventions}
        meant = causes <= self.student.customs or wrong(ours) > wrong(theirs)
        return theirs if meant else ours

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
        best: list[Ranked] = []
        for tried, each in enumerate(order):
            if best and each.score > best[0].score + CLOSE:
                break
            if tried >= SURELY and perf_counter() > deadline:
                break
            if len(best) >= ENOUGH and each.lines in {other.lines for other in best}:
                continue
            with search.made(each.hit.edits) as made:
                if made and self._survives(each.hit):
                    best.append(each)
        return best

    def _survives(self, hit: Hit) -> bool:
        """Return whether everything is right with a hit, which is what runs now."""
        if hit not in self._tested:
            self._tested[hit] = self._right()
        return self._tested[hit]

    def _right(self) -> bool:
        """Return whether everything is right with the code as it runs now, on fresh seeds.

        It has to be right in the convention in which the student's code was, and in no other.
        """
        known = {cause.name for _, cause in self.student.layout} | _conventions(self.findings)
        for seed in SEEDS:
            try:
                with self.watch.within(PATIENCE):
                    student = self.make()
                    if student.kind.sample and not student.drops(seed):
                        return False
                    outcome = Examination(student, None, seed, timed=False).outcome
            except (Overdue, StudentError):
                return False
            if outcome.failure or Status.of(outcome.findings) is not Status.RIGHT:
                return False
            if self.examination and not _conventions(outcome.findings) <= known:
                return False
        return True

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
