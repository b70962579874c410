"""What is wrong with the student's code as it runs now, one short trial after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from handgrad.checking.arrays import identical, same
from handgrad.diagnosis.engine.repair.limits import Overdue, within
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, seeded

__all__ = ["Bench", "Probe"]

RUNS = "runs"
"""What is wrong where the code raises, beside every quantity that it owes."""
PATIENCE = 0.25
"""Seconds that any trial may take; one that is slow as it is may take longer."""


class Probe(NamedTuple):
    """A trial: what it is called, and a function that says what is wrong in it."""

    name: str
    run: Callable[[], frozenset[str]]


class Bench:
    """The trials of one diagnosis, to be run again on code that has been changed.

    Parameters
    ----------
    kind
        How the code is called, and what is right.
    givens
        The input of each trial.
    expected
        What is right in the student's convention.
    names
        The quantities that are judged.
    tolerance
        The largest difference that is none.
    """

    def __init__(
        self,
        kind: Kind,
        givens: Sequence[Given],
        expected: Callable[[Given, Results], Results],
        names: Sequence[str],
        tolerance: float,
    ) -> None:
        self.kind, self.expected = kind, expected
        self.names, self.tolerance = list(names), tolerance
        small = sorted(givens, key=lambda g: sum(array.size for array in g.arrays.values()))
        trials = [Probe(given.label, lambda given=given: self._trial(given)) for given in small]
        often = Probe("the same object again", lambda: self._again(small[0]))
        self._limits: dict[str, float] = {}
        started = [(probe, *self._timed(probe)) for probe in (*trials, often)]
        self.baseline = {probe.name: wrong for probe, wrong, _ in started}
        showing = [(p, t) for p, wrong, t in started if wrong]
        passing = [(p, t) for p, wrong, t in started if not wrong]
        self.probes = [p for p, _ in sorted(showing, key=lambda pair: pair[1])]
        self.showing = len(self.probes)
        self.probes += [p for p, _ in passing]

    def _timed(self, probe: Probe) -> tuple[frozenset[str], float]:
        self._limits[probe.name] = 20.0
        start = perf_counter()
        wrong = self.wrong(probe)
        seconds = perf_counter() - start
        self._limits[probe.name] = max(PATIENCE, 8 * seconds)
        return wrong, seconds

    @property
    def wrong_names(self) -> frozenset[str]:
        """Every quantity that is wrong somewhere in the student's own code."""
        items = (item for wrong in self.baseline.values() for item in wrong)
        return frozenset(item.split(":")[0] for item in items)

    def wrong(self, probe: Probe) -> frozenset[str]:
        """Return what is wrong in one trial."""
        try:
            with within(self._limits[probe.name]):
                return probe.run()
        except Overdue:
            return frozenset({*self.names, RUNS})

    def first(self) -> frozenset[str]:
        """Return what is wrong in the first trial."""
        return self.wrong(self.probes[0])

    def rest(self) -> bool:
        """Return whether nothing is wrong in any of the others."""
        return not any(self.wrong(probe) for probe in self.probes[1:])

    def _trial(self, given: Given) -> frozenset[str]:
        kind, given = self.kind, given.changed()  # the code's own parameters are noted in it
        seen: Results = {}
        failed = False
        try:
            seen = kind.run(kind.fresh(given), given)
        except Exception:  # also where what the code gives is of no use
            failed = True
            try:
                seen = kind.look(kind.fresh(given), given)
            except Exception:
                return frozenset({*self.names, RUNS})
        wrong = self._differing(given, seen)
        return wrong | {RUNS} if failed else wrong

    def _differing(self, given: Given, seen: Results, when: str = "") -> frozenset[str]:
        try:
            right = self.expected(given, seen)
        except Exception:  # there is nothing right for what is so wrong
            right = {}
        return frozenset(
            f"{name}{when}"
            for name in self.names
            if name not in seen
            or name not in right
            or not same(seen[name], right[name], self.tolerance)
        )

    def _again(self, given: Given) -> frozenset[str]:
        """Use one object for two inputs; ask twice for the gradients; look at what it was given."""
        kind, given = self.kind, given.changed()
        second = kind.another(given, np.random.default_rng(6))
        wrong: set[str] = set()
        try:
            thing = kind.fresh(given)
            before = {name: array.copy() for name, array in kind.parameters(thing).items()}
            mine = given.copied()
            forward = kind.forward(thing, mine)
            kind.backward(thing, mine)
            wrong |= {f"given {n}" for n, a in mine.arrays.items() if not identical(a, given[n])}
            after = kind.parameters(thing)
            wrong |= {
                f"parameter {name}"
                for name, array in before.items()
                if name in after and not identical(after[name], array)
            }
            again = {**forward, **kind.backward(thing, given.copied())}
            names = [name for name in self.names if name in again]
            right = self.expected(given, again)
            wrong |= {
                f"{name}: asked again"
                for name in names
                if not same(again[name], right[name], self.tolerance)
            }
            for call, now in enumerate((second, given)):
                seeded(call)
                seen = kind.run(thing, now)
                wrong |= self._differing(now, seen, f": call {call + 2}")
        except Exception:
            return frozenset({f"{RUNS}: again", *wrong})
        return frozenset(wrong)
