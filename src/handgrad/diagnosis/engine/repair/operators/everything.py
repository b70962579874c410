"""All single edits of a function, each with its cost, the cheapest first.

There are thousands, of which few are tried before one hits: each is made when its turn comes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Any

from handgrad.diagnosis.engine.repair.edits import (
    Edit,
    Offer,
    Slot,
    Texts,
    clone,
    key,
    remembered,
    replaceable,
    short,
    slots,
    written,
)
from handgrad.diagnosis.engine.repair.operators.algebra import (
    comparisons,
    drop,
    groups,
    operators,
    order,
    signs,
    transpositions,
)
from handgrad.diagnosis.engine.repair.operators.calls import axes, functions, keywords, wraps
from handgrad.diagnosis.engine.repair.operators.expressions import (
    borrowed,
    leaves,
    small,
)
from handgrad.diagnosis.engine.repair.operators.forgotten import (
    centred,
    derivatives,
    entries,
    stabilized,
    unread,
)
from handgrad.diagnosis.engine.repair.operators.names import (
    constants,
    counts,
    factors,
    indices,
    other_names,
    ranges,
    subscripts,
    terms,
)
from handgrad.diagnosis.engine.repair.operators.statements import (
    defined,
    earlier,
    exchanged,
    gathered,
    picked,
)
from handgrad.diagnosis.engine.repair.operators.structure import (
    Place,
    Proposal,
    assignments,
    copies,
    left_out,
    moved,
    neighbours,
    own,
    resets,
    saved,
)
from handgrad.diagnosis.engine.repair.operators.windows import crops, windows
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

__all__ = ["singles", "whole_expressions"]

EXPRESSIONS: tuple[tuple[float, tuple[Callable[[Slot, Vocabulary], Iterator[Offer]], ...]], ...] = (
    (1.0, (drop, groups, signs, order, operators, comparisons, transpositions)),
    (1.1, (functions, axes, keywords)),
    (1.3, (other_names, counts, constants, indices, ranges, windows)),
    (1.4, (derivatives,)),
    (1.5, (wraps, crops, unread)),
    (1.6, (stabilized,)),
    (1.8, (subscripts, entries)),
    (1.9, (leaves, borrowed, factors, centred)),
    (2.5, (terms,)),
)
"""Operators on expressions, by what their cheapest edit costs."""
STATEMENTS: tuple[tuple[float, Callable[[Place, Vocabulary], Iterator[Proposal]]], ...] = (
    (1.0, assignments),
    (1.3, left_out),
    (1.5, saved),
    (1.5, exchanged),
    (1.5, defined),
    (1.6, copies),
    (1.6, gathered),
    (1.7, resets),
    (1.7, earlier),
    (1.8, own),
    (1.9, moved),
    (1.9, neighbours),
    (1.9, picked),
)
"""Operators on whole statements."""
MORE = 0.5
"""What it costs to make one replacement everywhere, beyond what it costs once."""


def singles(
    unit: Unit, words: Vocabulary, later: Mapping[int, float]
) -> Iterator[tuple[float, Edit]]:
    """Yield all single edits of the statements of a function that begin on some lines.

    Each comes with its turn, which is its cost and how much `later` the edits of its line are
    tried; the turns only grow.
    """
    yield from _Turns(unit, words, later).edits()


class _Turns:
    """Edits, and what will make edits, in the order of their turns."""

    def __init__(self, unit: Unit, words: Vocabulary, later: Mapping[int, float]) -> None:
        self.unit, self.words = unit, words
        self._waiting: list[tuple[float, int, Callable[[], Edit | None]]] = []
        self._numbers = count()
        self._alike: dict[tuple[str, Any], list[tuple[ast.stmt, Slot]]] = {}
        self._seen: set[tuple[int, str | int, str]] = set()
        self._repeated: set[tuple[int, ast.stmt, str, str]] = set()
        self._texts: Texts = {}
        with remembered(self._texts):
            self._begin(later)

    def _begin(self, later: Mapping[int, float]) -> None:
        """Let every operator wait for its turn in every place."""
        unit = self.unit
        for place in _places(unit.tree):
            late = later.get(place.statement.lineno)
            if late is None:
                continue
            for least, structural in STATEMENTS:
                self._wait(late + least, self._statement, place, structural, late)
            for slot in slots(place.statement):
                self._alike.setdefault(_kind(slot), []).append((place.statement, slot))
                for least, group in EXPRESSIONS:
                    if _is_written_to(slot) and other_names not in group:
                        continue
                    self._wait(late + least, self._expression, place.statement, slot, group, late)

    def _wait(self, turn: float, make: Callable[..., Edit | None], *arguments: Any) -> None:
        heappush(self._waiting, (turn, next(self._numbers), lambda: make(*arguments)))

    def edits(self) -> Iterator[tuple[float, Edit]]:
        """Yield every edit when its turn has come."""
        while self._waiting:
            turn, _, make = heappop(self._waiting)
            with remembered(self._texts):
                edit = make()
            if edit is not None:
                yield turn, edit

    def _statement(
        self,
        place: Place,
        operator: Callable[[Place, Vocabulary], Iterator[Proposal]],
        late: float,
    ) -> None:
        """Let the edits of a statement as a whole wait for their turns."""
        for changes, cost, said in operator(place, self.words):
            self._wait(late + cost, Edit, self.unit, place.statement, changes, cost, said)

    def _expression(
        self,
        statement: ast.stmt,
        slot: Slot,
        group: tuple[Callable[[Slot, Vocabulary], Iterator[Offer]], ...],
        late: float,
    ) -> None:
        """Let the edits of one expression wait for their turns."""
        for operator in group:
            for offer in operator(slot, self.words):
                self._wait(late + offer.cost, self._made, statement, slot, offer, late)

    def _made(self, statement: ast.stmt, slot: Slot, offer: Offer, late: float) -> Edit | None:
        """Return the edit that takes an offer; None where it is the same as one before."""
        old, new = written(slot.node), key(offer.new)
        this = id(slot.holder), slot.key, new
        if old == new or this in self._seen:
            return None
        self._seen.add(this)
        alike = self._alike[_kind(slot)]
        within = [pair for pair in alike if pair[0] is statement]
        for pairs, most in ((within, len(alike) - 1), (alike, 30)):
            repeated = len(pairs), pairs[0][0], old, new
            if 1 < len(pairs) <= most and repeated not in self._repeated:
                self._repeated.add(repeated)
                turn = late + offer.cost + MORE
                self._wait(turn, self._everywhere, statement, [s for _, s in pairs], offer)
        change = slot.change(offer.new)
        return Edit(self.unit, statement, (change,), offer.cost, offer.words)

    def _everywhere(self, statement: ast.stmt, alike: list[Slot], offer: Offer) -> Edit:
        """Return the edit that makes a replacement in all of these places."""
        changes = tuple(slot.change(clone(offer.new)) for slot in alike)
        return Edit(self.unit, statement, changes, offer.cost + MORE, offer.words)


def _is_written_to(slot: Slot) -> bool:
    """Return whether an array is written to there: what another would hold is lost."""
    parent = slot.parent
    return (
        isinstance(parent, ast.Subscript)
        and slot.key == "value"
        and isinstance(parent.ctx, ast.Store)
    )


def _kind(slot: Slot) -> tuple[str, Any]:
    """Return what tells an expression from others that cannot be replaced together with it."""
    return written(slot.node), type(getattr(slot.node, "ctx", None))


def whole_expressions(
    unit: Unit, words: Vocabulary, later: Mapping[int, float]
) -> Iterator[tuple[float, Edit]]:
    """Yield the edits that put a small expression of the student's own names in a place."""
    places = [
        (place.statement, slot, later[place.statement.lineno])
        for place in _places(unit.tree)
        if place.statement.lineno in later
        for slot in slots(place.statement)
        if replaceable(slot)
    ]
    for late in sorted({late for _, _, late in places}):
        for cost, new in sorted(small(words), key=lambda pair: pair[0]):
            for statement, slot, its in places:
                if its == late:
                    said = f"the expression {short(slot.node)}"
                    edit = Edit(unit, statement, (slot.change(clone(new)),), 3 + cost, said)
                    yield late + edit.cost, edit


def _places(outer: ast.AST) -> Iterator[Place]:
    for field in ("body", "orelse", "finalbody"):
        body = getattr(outer, field, None)
        if not isinstance(body, list):
            continue
        for at, statement in enumerate(body):
            if isinstance(statement, ast.stmt):
                yield Place(body, at, statement, outer, field)
                yield from _places(statement)
    for handler in getattr(outer, "handlers", []):
        yield from _places(handler)
