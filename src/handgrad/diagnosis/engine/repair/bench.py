"""What is wrong with the student's code as it runs now, one short trial after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from copy import copy, deepcopy
from functools import partial
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import identical, same
from handgrad.diagnosis.engine.repair.edits import Edit
from handgrad.diagnosis.engine.repair.limits import Overdue, Watch
from handgrad.diagnosis.engine.repair.replay import Replay, UnclearError, watched
from handgrad.diagnosis.engine.repair.snapshot import Snapshot, UnknownError
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.student.student import Student, seeded

__all__ = ["Bench", "Expected", "Probe"]

RUNS = "runs"
"""What is wrong where the code raises, beside every quantity that it owes."""
SECOND = ": call 2"
"""The call of an object again, which has another input."""
SHARES = tuple(0.7**k for k in range(1, 12))
"""Of how many entries it is noted that they are wrong: what is half right is on its way."""
PATIENCE = 0.1
"""Seconds that any trial may take; one that is slow as it is may take longer."""


Expected = Callable[[Given, Results], Results]
"""What says what is right for an input, also of what is drawn at random."""


class Probe(NamedTuple):
    """A trial: what it is called, and a function that says what is wrong in it."""

    name: str
    run: Callable[[], frozenset[str]]


class _Halfway(NamedTuple):
    """What the forward pass and evaluation mode leave in the first trial."""

    early: frozenset[Unit]
    thing: Callable[[], Any]
    given: Given
    forward: frozenset[str]
    wrong: frozenset[str]


class Bench:
    """The trials of one diagnosis, to be run again on code that has been changed.

    Parameters
    ----------
    watch
        Ends what takes too long.
    student
        The code, and how it is called.
    givens
        The input of each trial.
    expected
        What is right in the student's convention.
    names
        The quantities that are judged.
    tolerance
        The largest difference that is none.
    extra
        Further trials, of input that these avoid, for code that is right in these.
    customs
        What is right as well, in conventions of which nobody knows whether the student meant them.
    """

    def __init__(
        self,
        watch: Watch,
        student: Student,
        givens: Sequence[Given],
        expected: Expected,
        names: Sequence[str],
        tolerance: float,
        extra: Sequence[Probe] = (),
        customs: Sequence[Expected] = (),
    ) -> None:
        self.watch, self.student = watch, student
        self.expected, self.customs = expected, customs
        self.names, self.tolerance = list(names), tolerance
        self._halfway: _Halfway | None = None
        self._stepwise: Given | None = None
        self._replays: dict[Unit, Replay] = {}
        self._around: dict[Unit, list[Unit]] = {}
        items = (_items(name, 1) for name in self.names)
        self._all = frozenset({RUNS}).union(*items)
        self._givens = small = sorted(
            givens, key=lambda g: sum(array.size for array in g.arrays.values())
        )
        trials = [Probe(given.label, partial(self._trial, given)) for given in small]
        often = Probe("the same object again", partial(self._again, small[0]))
        self._limits: dict[str, float] = {}
        self._known: dict[str, Results] = {}
        self._also: dict[str, dict[str, list[Array]]] = {}
        self._seen: set[str] = set()
        self.overdue = False
        """Whether the last trial took too long."""
        self._kept = {n: v for n, v in vars(student).items() if isinstance(v, dict | list | set)}
        started = [(probe, self._timed(probe)) for probe in (*trials, often)]
        if not any(wrong for _, wrong in started):
            started += [(probe, self._timed(probe)) for probe in extra]
        self.baseline = {probe.name: wrong for probe, wrong in started}
        # Those that show what is wrong, the smallest first, whatever time each has taken. One
        # object again is the last of them: it says least of what is wrong.
        self.probes = [probe for probe, wrong in started if wrong]
        self.showing = len(self.probes)
        self.probes += [probe for probe, wrong in started if not wrong]

    def _timed(self, probe: Probe) -> frozenset[str]:
        """Return what is wrong in a trial; note how long it may take from now on."""
        self._limits[probe.name] = 20.0
        start = process_time()
        wrong = self.wrong(probe)
        self._limits[probe.name] = max(PATIENCE, 8 * (process_time() - start))
        return wrong

    @property
    def wrong_names(self) -> frozenset[str]:
        """Every quantity that is wrong somewhere in the student's own code."""
        items = (item for wrong in self.baseline.values() for item in wrong)
        return frozenset(item.split(":")[0] for item in items)

    def crashes(self, wrong: frozenset[str]) -> bool:
        """Return whether the code raises, by what is wrong."""
        return RUNS in wrong

    def wrong(self, probe: Probe) -> frozenset[str]:
        """Return what is wrong in one trial."""
        # What is found out about the code, such as where its parameters are, is kept for the code
        # as the student has written it alone.
        self.overdue = False
        vars(self.student).update({name: copy(value) for name, value in self._kept.items()})
        try:
            with self.watch.within(self._limits[probe.name]):
                return probe.run()
        except Overdue:
            self.overdue = True
            return self._all
        except Exception:
            return self._all

    def keep(self, early: Collection[Unit]) -> None:
        """Keep what the passes that these functions run in leave in the first trial.

        Where other functions alone are edited, their trial begins with a copy of that.
        """
        student, name = self.student, self.probes[0].name
        given = next((each.changed() for each in self._givens if each.label == name), None)
        whole = type(student).run is not Student.run or student.kind.sample
        if given is None or whole or name not in self._known:
            return  # a step, or what is drawn, belongs to both passes
        self._stepwise = given
        try:
            thing = student.fresh(given)
            forward = student.look(thing, given)
            forward |= student.evaluate(given)
            wrong = self._differing(given, forward, only=forward)
            again = _copier(thing)
            self._halfway = _Halfway(frozenset(early), again, given, frozenset(forward), wrong)
            if self.wrong(Probe(name, self._backward)) != self.baseline[name]:
                self._halfway = None
        except Exception:  # it stops, or cannot be copied
            self._halfway = None

    def watch_calls(self, units: Sequence[Unit]) -> None:
        """Note the calls of the first trial, to make them again where they are edited."""
        given, student = self._stepwise, self.student
        if given is None or RUNS in self.baseline[self.probes[0].name]:
            return
        with watched(units) as found:
            try:
                thing, mine = student.fresh(given), given.copied()
                seen = {**student.forward(thing, mine), **student.backward(thing, mine)}
            except Exception:
                return
        right = self._known[given.label]
        seen = {name: array for name, array in seen.items() if name in right}
        for unit, call in found.items():
            with suppress(UnclearError):
                self._replays[unit] = Replay(unit, call, seen, right)
        for unit, call in found.items():
            callers = [u for u in call.callers if u in self._replays and self._replays[u].tells]
            if unit in self._replays and not self._replays[unit].tells:
                self._around[unit] = callers

    def refuted(self, edits: Sequence[Edit], before: frozenset[str]) -> bool:
        """Return whether one call shows that no less is wrong with edits that the tree has."""
        unit, name = edits[0].unit, self.probes[0].name
        replay = self._replays.get(unit)
        if replay is None or any(edit.unit is not unit for edit in edits):
            return False
        around = next((self._replays[u] for u in self._around.get(unit, ())), None)
        self.overdue = False
        try:
            with self.watch.within(self._limits[name]):
                seen = replay.quantities(edits)
                if around is not None:
                    if (code := unit.compiled()) is None:
                        return True
                    with unit.running(code):
                        seen = around.again()
        except UnclearError:
            return False
        except Overdue:
            self.overdue = True
            return True
        except KeyboardInterrupt:  # of whoever sits before it
            raise
        except BaseException:
            return True
        assert self._stepwise is not None
        wrong = self._differing(self._stepwise, seen, only=seen)
        if self._halfway and unit not in self._halfway.early:
            wrong |= self._halfway.wrong
            return bool(wrong) and not wrong < before
        outputs = self.student.kind.forwards
        outputs_wrong = {item for item in before if item.partition(":")[0] in outputs}
        vain = bool(outputs_wrong) and outputs_wrong <= wrong
        return vain or (bool(wrong) and not wrong < before)

    def first(self, edited: Collection[Unit], before: frozenset[str]) -> frozenset[str]:
        """Return what is wrong in the first trial, where these functions are edited.

        It is looked at as far as less may be wrong than before.
        """
        name, run = self.probes[0]
        if self._halfway and self._halfway.early.isdisjoint(edited):
            run = self._backward
        elif self._stepwise:
            run = partial(self._in_steps, self._stepwise, before)
        return self.wrong(Probe(name, run))

    def rest(self) -> bool:
        """Return whether nothing is wrong in any of the others."""
        return not any(self.wrong(probe) for probe in self.probes[1:])

    def _trial(self, given: Given) -> frozenset[str]:
        student, given = self.student, given.changed()  # the code's own parameters are noted in it
        seen: Results = {}
        failed = False
        try:
            seen = student.run(student.fresh(given), given)
        except Exception:  # also where what the code gives is of no use
            failed = True
            try:
                seen = student.look(student.fresh(given), given)
            except Exception:
                return self._all
        wrong = self._differing(given, seen)
        return wrong | {RUNS} if failed else wrong

    def _in_steps(self, given: Given, before: frozenset[str]) -> frozenset[str]:
        """Run one pass after the other, as long as there is hope that less is wrong than before."""
        student, given = self.student, given.changed()
        thing, mine = student.fresh(given), given.copied()
        wrong: frozenset[str] = frozenset()
        seen: Results = {}
        passes = (
            partial(student.forward, thing, mine),
            partial(student.backward, thing, mine),
            partial(student.evaluate, given),
        )
        for run in passes:
            found = run()
            seen |= found
            now = self._differing(given, found, only=found)
            was = {item for item in before if item.partition(":")[0] in found}
            wrong |= now
            if now - was or (run is passes[0] and was and now == was):
                return before | wrong
        missing = (_items(name, 1) for name in self.names if name not in seen)
        return wrong.union(*missing)

    def _backward(self) -> frozenset[str]:
        """Run the backward pass alone, in the first trial."""
        assert self._halfway is not None
        _, thing, given, forward, wrong = self._halfway
        owed = [name for name in self.names if name not in forward]
        try:
            seen = self.student.backward(thing(), given.copied())
        except Exception:
            return wrong.union({RUNS}, *(_items(name, 1) for name in owed))
        return wrong | self._differing(given, seen, only=owed)

    def _differing(
        self, given: Given, seen: Results, when: str = "", only: Collection[str] | None = None
    ) -> frozenset[str]:
        trial = f"{given.label}{when * (when == SECOND)}"
        right = self._right(given, seen, trial)
        also = self._also.get(trial, {})
        wrong: set[str] = set()
        for name in self.names if only is None else [n for n in self.names if n in only]:
            if name not in seen or name not in right:
                wrong |= _items(name + when, 1)
                continue
            share = _share(seen[name], right[name], self.tolerance)
            for other in also.get(name, ()) if share else ():
                share = min(share, _share(seen[name], other, self.tolerance))
            wrong |= _items(name + when, share) if share else set()
        return frozenset(wrong)

    def _right(self, given: Given, seen: Results, trial: str) -> Results:
        """Return what is right, of what is drawn at random from what is seen, else once for all."""
        known = self._known.get(trial)
        if known is not None:
            return known
        try:
            right = self.expected(given, seen)
            if trial in self._seen:
                return right
            self._seen.add(trial)
            other = self.expected(given, {name: array + 1.0 for name, array in seen.items()})
        except Exception:  # there is nothing right for what is so wrong
            return {}
        if all(identical(array, other[name]) for name, array in right.items()):
            self._known[trial] = right
            self._also[trial] = self._customary(given, seen, right)
        return right

    def _customary(self, given: Given, seen: Results, right: Results) -> dict[str, list[Array]]:
        """Return what is right as well, by the names of the quantities."""
        found: dict[str, list[Array]] = {}
        for custom in self.customs:
            for name, array in custom(given, seen).items():
                if name in right and not identical(array, right[name]):
                    found.setdefault(name, []).append(array)
        return found

    def _again(self, given: Given) -> frozenset[str]:
        """Use one object for two inputs; ask twice for the gradients; look at what it was given."""
        student, given = self.student, given.changed()
        second = student.kind.another(given, np.random.default_rng(6))
        wrong: set[str] = set()
        try:
            thing = student.fresh(given)
            before = {name: array.copy() for name, array in student.parameters(thing).items()}
            mine = given.copied()
            forward = student.forward(thing, mine)
            student.backward(thing, mine)
            wrong |= {f"given {n}" for n, a in mine.arrays.items() if not identical(a, given[n])}
            after = student.parameters(thing)
            wrong |= {
                f"parameter {name}"
                for name, array in before.items()
                if name in after and not identical(after[name], array)
            }
            again = {**forward, **student.backward(thing, given.copied())}
            names = [name for name in self.names if name in again]
            wrong |= {
                f"{name}: asked again"
                for name in names
                if self._differing(given, again, only=[name])
            }
            for call, now in enumerate((second, given)):
                seeded(call)
                seen = student.run(thing, now)
                wrong |= self._differing(now, seen, f": call {call + 2}")
        except Exception:
            return frozenset({f"{RUNS}: again", *wrong})
        return frozenset(wrong)


def _copier(thing: Any) -> Callable[[], Any]:
    """Return what makes copies of a thing as it is now."""
    try:
        return Snapshot(thing).fresh
    except UnknownError:
        return partial(deepcopy, deepcopy(thing))


def _items(name: str, share: float) -> set[str]:
    """Return what is noted of a quantity of which this share is wrong."""
    return {name, *(f"{name}: {limit:.2f} of it" for limit in SHARES if share > limit)}


def _share(seen: Array, right: Array, tolerance: float) -> float:
    """Return how many of the entries are wrong, of 1; all are in another shape."""
    if seen.shape != right.shape:
        return 1
    most = tolerance * np.abs(right).max(initial=0)
    far: Array = np.abs(seen - right)
    wrong = far.size - int(np.count_nonzero(far <= most))
    if not wrong or (not far.max() > 2 * most and same(seen, right, tolerance)):
        return 0.0
    return wrong / far.size
