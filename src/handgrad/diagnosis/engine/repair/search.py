"""The search: single edits, pairs of edits, whole expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter

from handgrad.diagnosis.engine.repair.bench import Bench
from handgrad.diagnosis.engine.repair.edits import Edit, applied
from handgrad.diagnosis.engine.repair.operators import singles
from handgrad.diagnosis.engine.repair.source import Unit, recorded
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

__all__ = ["Hit", "Search"]


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
    """The search for edits that make everything right, within a time."""

    bench: Bench
    units: Sequence[Unit]
    deadline: float
    hits: list[Hit] = field(default_factory=list)
    tried: int = 0
    firsts: list[tuple[Hit, frozenset[str]]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return perf_counter() > self.deadline

    def singles(self, base: tuple[Edit, ...] = (), wrong: frozenset[str] | None = None) -> None:
        """Try every single edit, on top of others that are made already."""
        wrong = self.bench.baseline[self.bench.probes[0].name] if wrong is None else wrong
        edits: list[Edit] = []
        for unit in self.units:
            others = [u for u in self.units if u is not unit]
            edits += singles(unit, Vocabulary(unit, others), unit.executed)
        for edit in sorted(edits, key=lambda edit: edit.cost):
            if self.over:
                return
            self.attempt((*base, edit), wrong)

    def attempt(self, edits: tuple[Edit, ...], before: frozenset[str]) -> None:
        """Run the code with some edits; note it where everything is right, or more than before."""
        units = {edit.unit: None for edit in edits}
        self.tried += 1
        with applied(*edits):
            codes = [(unit, unit.compiled()) for unit in units]
        with ExitStack() as stack:
            for unit, code in codes:
                if code is None:
                    return
                stack.enter_context(unit.running(code))
            wrong = self.bench.first()
            if wrong:
                if wrong < before:
                    self.firsts.append((Hit(edits), wrong))
            elif self.bench.rest():
                self.hits.append(Hit(edits))
