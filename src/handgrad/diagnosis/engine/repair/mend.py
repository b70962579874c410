"""From a student to the repairs: examine, search, rank, run again, say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from time import perf_counter
from typing import Any

from handgrad.diagnosis.engine.examine import Examination
from handgrad.diagnosis.engine.repair.bench import Bench, Probe
from handgrad.diagnosis.engine.repair.limits import silent
from handgrad.diagnosis.engine.repair.ranking import Ranked, earliest, ranked
from handgrad.diagnosis.engine.repair.refusal import refused
from handgrad.diagnosis.engine.repair.search import Search
from handgrad.diagnosis.engine.repair.source import Unit, recorded, units
from handgrad.diagnosis.findings import Failure, Status, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.repairs import Repair, RepairedLine
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import StudentError, restored

__all__ = ["repairs"]

CLOSE = 0.06
"""By how much the score of a repair may be worse for it to count as well."""
SURELY = 6
"""How many repairs are examined, even if the time is up."""
SEEDS = (101, 211)
"""Seeds on which a repair is examined as a whole."""


def repairs(
    make: Callable[[], Student], budget: float, shapes: Any = None, seed: int = 0
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
    with restored(*student.around), silent():
        return tuple(_Mending(make, student, shapes, seed).repairs(deadline))


class _Mending:
    def __init__(
        self, make: Callable[[], Student], student: Student, shapes: Any, seed: int
    ) -> None:
        self.make, self.student, self.seed = make, student, seed
        self.failure: Failure | None = None
        self.units = units(student.around)
        self.examination: Examination | None = None
        try:
            self.examination = Examination(student, shapes, seed)
            self.failure = self.examination.outcome.failure
        except StudentError as error:
            self.failure = error.failure

    def repairs(self, deadline: float) -> Iterator[Repair]:
        """Yield the repair, if there is one."""
        examination = self.examination
        if not self.units:
            return
        if examination and Status.of(examination.outcome.findings) is Status.RIGHT:
            return
        with recorded(self.units) as ran:
            bench = self._bench()
        forward = self._forward(bench)
        with recorded(self.units):
            self._quietly(bench)
        if not bench.showing:
            return
        search = Search(bench, ran, perf_counter() + 0.8 * (deadline - perf_counter()), self._run)
        hits = [hit for hit in search.all() if not refused(hit.edits)]
        wrong = bench.wrong_names
        right = not wrong & set(self.student.kind.forwards)
        order = ranked(hits, forward, right, self._raising())
        best = self._verified(order, search, deadline)
        if best:
            yield from self._said(best, wrong)

    def _bench(self) -> Bench:
        kind, examination = self.student.kind, self.examination
        if examination is None:
            self.givens = self.student.givens(kind.shapes, self.seed)
            for i, given in enumerate(self.givens):
                given.seed = 1000 * i + self.seed
            names = [*kind.forwards[:1], *(n for n in kind.variables if n not in kind.optional)]
            return Bench(self.student, self.givens, kind.right, names, 1e-9)
        self.givens = [trial.given for trial in examination.trials]
        names = examination.names
        if examination.outcome.failure:  # on some of the shapes
            all_of_them = self.student.givens(kind.shapes, self.seed)
            for i, given in enumerate(all_of_them):
                given.seed = 1000 * i + self.seed
            self.givens = all_of_them
        missing = [f.quantity for f in examination.outcome.findings if f.quantity in kind.variables]
        missing = [n for n in missing if n not in names and n not in kind.optional]
        return Bench(
            self.student,
            self.givens,
            examination.expected,
            [*names, *missing],
            examination.tolerance,
            self._extra(examination),
        )

    def _extra(self, examination: Examination) -> list[Probe]:
        """Return the trials that only this kind has: unusual input, what is drawn at random."""
        found = []
        for stress in self.student.stresses(self.seed):
            found.append(Probe(stress.name, lambda stress=stress: frozenset(examination.stressed(stress)[1])))
        if self.student.kind.sample:
            found.append(
                Probe(
                    "drawn",
                    lambda: frozenset(f.quantity for f in self.make().extra(self.seed)),
                )
            )
        return found

    def _forward(self, bench: Bench) -> list[Unit]:
        given = self.givens[0].changed()
        with recorded(self.units) as ran:
            try:
                self.student.look(self.student.fresh(given), given)
            except Exception:
                return []
        return list(ran)

    def _run(self) -> Results:
        given = self.givens[0].changed()
        return self.student.run(self.student.fresh(given), given)

    def _quietly(self, bench: Bench) -> None:
        """Run the first trial once, for what the variables hold in it."""
        try:
            self._run()
        except Exception:
            return

    def _raising(self) -> Collection[tuple[str, int]]:
        lines = self.failure.lines if self.failure else ()
        return {(file, number) for file, number, _ in lines[-1:]}

    def _verified(self, order: Sequence[Ranked], search: Search, deadline: float) -> list[Ranked]:
        """Return the best repairs that survive everything, those that are as good among them."""
        best: list[Ranked] = []
        tried = 0
        for each in order:
            if best and each.score > best[0].score + CLOSE:
                break
            tried += 1
            if tried > SURELY and perf_counter() > deadline:
                break
            if len(best) > 4 and each.lines in (other.lines for other in best):
                continue
            with search.made(each.hit.edits) as made:
                if made and self._right():
                    best.append(each)
        return best

    def _right(self) -> bool:
        """Return whether everything is right with the code as it runs now, on fresh seeds."""
        known = set()
        if self.examination:
            known = {c for _, c in self.student.layout}
            for f in self.examination.outcome.findings:
                if f.verdict is Verdict.CONVENTION:
                    known |= set(f.causes)
        for seed in SEEDS:
            try:
                student = self.make()
                if student.kind.sample and not student.drops(seed):
                    return False
                outcome = Examination(student, None, seed, timed=False).outcome
            except StudentError:
                return False
            if Status.of(outcome.findings) is not Status.RIGHT or outcome.failure:
                return False
            names = {cause.name for cause in known}
            for f in outcome.findings:
                if f.verdict is Verdict.CONVENTION and not {c.name for c in f.causes} <= names:
                    if self.examination is not None:
                        return False
        return True

    def _said(self, best: Sequence[Ranked], wrong: frozenset[str]) -> Iterator[Repair]:
        """Yield the repair in words, nothing where the best do not agree about the line."""
        first = earliest(best)
        if first is None:
            return
        sure = all(each.form == first.form for each in best if each.lines == first.lines)
        names, about = self._about(wrong)
        words = {(e.unit, e.statement.lineno): e.words for e in first.hit.edits}
        common = first.hit.edits[0].words
        lines = tuple(
            RepairedLine(
                step.unit.file,
                step.line,
                step.how,
                words.get((step.unit, step.line), common),
                step.old,
                step.new if sure else "",
            )
            for step in first.steps
        )
        yield Repair(names, about, lines)


    def _about(self, wrong: frozenset[str]) -> tuple[tuple[str, ...], str]:
        """Return what is wrong, by its names and in words."""
        titles = self.student.kind.titles
        if self.examination is None:
            return tuple(n for n in titles if n in wrong), "what it does at all"
        found = [f for f in self.examination.outcome.findings if f.verdict is Verdict.WRONG]
        known = {f.quantity: titles.get(f.quantity, f.title) for f in found if f.title}
        known.pop("runs", None)
        names = tuple(known) or ("runs",)
        return names, _listed([f"the {t}" if n in titles else t for n, t in known.items()])


def _listed(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
