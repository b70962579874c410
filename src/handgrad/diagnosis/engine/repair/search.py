"""The search: single edits, pairs of edits, whole expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from heapq import merge
from itertools import combinations, takewhile
from math import inf
from operator import itemgetter
from time import perf_counter
from types import MappingProxyType

from handgrad.diagnosis.engine.repair.bench import Bench
from handgrad.diagnosis.engine.repair.blame import innocent
from handgrad.diagnosis.engine.repair.edits import Edit, applied
from handgrad.diagnosis.engine.repair.operators import singles, whole_expressions
from handgrad.diagnosis.engine.repair.slices import ALL, fed
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary
from handgrad.diagnosis.given import Results

__all__ = ["MARGIN", "Hit", "Search"]

Turns = Iterator[tuple[float, Edit]]
Operators = Callable[[Unit, Vocabulary, Mapping[int, float]], Turns]

LIKELY = 2.0
"""Until which turn a single edit is likely."""

FIRSTS = 12
"""How many first edits get a second one."""
ASIDE = 0.8
"""How much later an edit is tried that changes what is right, if it changes anything."""
SOONER = 0.6
"""How much sooner an edit of a line is tried that raises."""
AWAY = 2.0
"""The same in a function of which all results are right."""

MARGIN = 0.4
"""How much more than the score of a hit an edit may cost for it to be tried."""
SLOW = 3
"""How many edits of a statement may take too long before no other is tried."""
CHEAP = 1.5
"""Most that an edit may cost of which two are made in one statement."""


@dataclass(frozen=True)
class Hit:
    """Edits that together make all trials right."""

    edits: tuple[Edit, ...]

    @property
    def cost(self) -> float:
        """The sum of their costs."""
        return sum(edit.cost for edit in self.edits)


@dataclass
class Search:
    """The search for edits that make everything right, within a time.

    Parameters
    ----------
    bench
        The trials.
    units
        The student's functions that have run.
    deadline
        When to stop, by `time.perf_counter`.
    run
        Runs the code once, and returns all quantities.
    score
        How unlikely a hit is, its cost or more.
    verified
        Whether a hit, which is what runs, survives everything.
    blame
        Lines whose gradient is known to be right, or to be the first that is not.
    forward
        Functions of the forward pass, where that is one of its own.
    outputs
        The quantities that it gives.
    raising
        Lines that raise.
    margin
        How much more than the score of a hit an edit may cost for it to be tried.
    alone
        Whether what takes more than one likely edit is left out.
    """

    bench: Bench
    units: Sequence[Unit]
    deadline: float
    run: Callable[[], Results]
    score: Callable[[Hit], float]
    verified: Callable[[Hit], bool]
    blame: Mapping[tuple[Unit, int], bool]
    forward: Collection[Unit] = ()
    outputs: Collection[str] = ()
    raising: Collection[tuple[str, int]] = ()
    margin: float = MARGIN
    alone: bool = False
    hits: list[Hit] = field(default_factory=list)
    tried: int = 0
    firsts: list[tuple[Hit, frozenset[str]]] = field(default_factory=list)
    best: float = inf
    slow: Counter[tuple[Unit, int]] = field(default_factory=Counter)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return perf_counter() > self.deadline

    def all(self) -> list[Hit]:
        """Search until something is found, each way of searching to its end."""
        start = self.bench.baseline[self.bench.probes[0].name]
        self._single(start)
        if self.alone:
            return self.hits
        for stage in (self._crossed, self._seconds, self._whole, self._within):
            if self.hits or self.over:
                break
            stage(start)
        return self.hits

    def _single(self, wrong: frozenset[str]) -> None:
        """Try single edits; where nothing else is asked for and nothing is found, likely ones."""
        for turn, edit in self._edits(wrong, singles, self.blame):
            self._attempt((edit,), wrong)
            if self.alone and turn > LIKELY and not self.hits:
                break

    def _edits(
        self,
        wrong: frozenset[str],
        operators: Operators,
        blame: Mapping[tuple[Unit, int], bool] = MappingProxyType({}),
    ) -> Turns:
        """Return edits of all statements that feed what is wrong, in the order of their turns."""
        later = self._later(wrong)
        streams = []
        for unit in self.units:
            lines = {line: late for (u, line), late in later.items() if u is unit}
            lines = {n: late for n, late in lines.items() if not innocent(blame, unit, n)}
            if lines:
                others = [u for u in self.units if u is not unit]
                streams.append(operators(unit, Vocabulary(unit, others), lines))
        return takewhile(self._worth_while, merge(*streams, key=itemgetter(0)))

    def _worth_while(self, turn: tuple[float, Edit]) -> bool:
        """Return whether there is time, and what comes now could be better than what is found."""
        return not self.over and turn[0] <= self.best + self.margin + ASIDE

    def _later(self, wrong: frozenset[str]) -> dict[tuple[Unit, int], float]:
        """Return for each statement that is worth editing how much later its edits are tried."""
        everywhere = {
            (unit, line): -SOONER * ((unit.file, line) in self.raising)
            for unit in self.units
            for line in unit.executed
        }
        quantities = frozenset(self.bench.names)
        bad = wrong & quantities
        if not bad or self.bench.crashes(wrong):
            return everywhere
        try:
            feeding = fed(self.units, self.run, self.bench.tolerance)
        except Exception:  # it raises, now and then
            return everywhere
        return {
            (unit, line): self._lateness(unit, names, bad)
            for (unit, line), names in feeding.items()
            if ALL in names or names & bad
        }

    def _lateness(self, unit: Unit, names: frozenset[str], bad: frozenset[str]) -> float:
        """Return how much later a statement is edited that feeds these quantities."""
        right = frozenset(self.bench.names) - bad
        early, fine = unit in self.forward, bad.isdisjoint(self.outputs)
        if early and fine and (ALL in names or names & right):
            return AWAY
        if self.forward and not early and not fine:
            return ASIDE  # what it is given is wrong
        return ASIDE * bool(names & right)

    def _attempt(self, edits: tuple[Edit, ...], before: frozenset[str]) -> None:
        """Run the code with some edits; note it where everything is right, or more than before."""
        places = {(edit.unit, edit.statement.lineno) for edit in edits}
        if sum(edit.cost for edit in edits) > self.best + self.margin:
            return  # it could not be better than what is found
        if any(self.slow[place] >= SLOW for place in places):
            return  # a loop that most edits make endless
        self.tried += 1
        with applied(*edits):
            refuted = self.bench.refuted(edits, before)
        if refuted:
            self.slow.update(places if self.bench.overdue else ())
            return
        with self.made(edits) as made:
            if not made:
                return
            wrong = self.bench.first({edit.unit for edit in edits}, before)
            if self.bench.overdue:
                self.slow.update(places)
            if wrong:
                if wrong < before:
                    self.firsts.append((Hit(edits), wrong))
            elif self.bench.rest():
                self.hits.append(Hit(edits))
                # What scores less than it costs has a merit that others may have as well.
                score = max(self.score(self.hits[-1]), self.hits[-1].cost)
                if score < self.best and self.verified(self.hits[-1]):
                    self.best = score

    @contextmanager
    def made(self, edits: Sequence[Edit]) -> Iterator[bool]:
        """Run edited code in the place of the student's; yield whether there is any."""
        with applied(*edits):
            codes = [(unit, unit.compiled()) for unit in dict.fromkeys(e.unit for e in edits)]
        with ExitStack() as stack:
            for unit, code in codes:
                if code is None:
                    yield False
                    return
                stack.enter_context(unit.running(code))
            yield True

    def _chosen(self) -> list[tuple[Hit, frozenset[str]]]:
        """Return the firsts that leave least, the two cheapest of each line that leave the same."""
        ranked = sorted(self.firsts, key=lambda first: (len(first[1]), first[0].cost))
        chosen: dict[tuple[frozenset[str], Unit, int], list[tuple[Hit, frozenset[str]]]] = {}
        for hit, wrong in ranked:
            edit = hit.edits[0]
            alike = chosen.setdefault((wrong, edit.unit, edit.statement.lineno), [])
            if len(alike) < 2:
                alike.append((hit, wrong))
        return [first for alike in chosen.values() for first in alike]

    def _crossed(self, wrong: frozenset[str]) -> None:
        """Try two edits of which each mends what the other leaves wrong."""
        chosen = self._chosen()[: 5 * FIRSTS]
        pairs = [
            (*a.edits, *b.edits)
            for (a, left), (b, remains) in combinations(chosen, 2)
            if not left & remains
        ]
        for edits in sorted(pairs, key=lambda edits: sum(edit.cost for edit in edits)):
            if self.over:
                return
            self._attempt(edits, frozenset())

    def _seconds(self, wrong: frozenset[str]) -> None:
        """Try every single edit on top of the firsts."""
        for hit, left in self._chosen()[:FIRSTS]:
            with applied(*hit.edits), self.made(hit.edits):
                edits = self._edits(left, singles)
            for turn, edit in _on_top(hit.edits, edits):
                if turn > LIKELY:
                    break
                self._attempt((*hit.edits, edit), frozenset())
            if self.over:
                return

    def _whole(self, wrong: frozenset[str]) -> None:
        """Put small expressions of the student's own names in the place of whole ones."""
        for _, edit in self._edits(wrong, whole_expressions, self.blame):
            self._attempt((edit,), frozenset())

    def _within(self, wrong: frozenset[str]) -> None:
        """Try two edits of one statement."""
        for _, first in self._edits(wrong, singles, self.blame):
            if first.cost > CHEAP:
                continue
            lines = {first.statement.lineno: 0.0}
            others = [u for u in self.units if u is not first.unit]
            turns = singles(first.unit, Vocabulary(first.unit, others), lines)
            for _, second in _on_top((first,), turns):
                if second.cost > CHEAP:
                    break
                if self.over:
                    return
                self._attempt((first, second), frozenset())


def _on_top(first: Sequence[Edit], edits: Turns) -> Turns:
    """Yield edits of code in which others are made, but do not leave these in it meanwhile."""
    while True:
        with applied(*first):
            turn = next(edits, None)
        if turn is None:
            return
        yield turn
