"""All single edits of a function, each with its cost."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

from handgrad.diagnosis.engine.repair.edits import (
    Change,
    Edit,
    Offer,
    Slot,
    clone,
    key,
    remembered,
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
    replaceable,
    small,
)
from handgrad.diagnosis.engine.repair.operators.names import (
    constants,
    counts,
    factors,
    indices,
    other_names,
    ranges,
    terms,
)
from handgrad.diagnosis.engine.repair.operators.structure import STRUCTURE, Place
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

__all__ = ["on_expressions", "on_statements", "singles", "whole_expressions"]

EXPRESSIONS: tuple[Callable[[Slot, Vocabulary], Iterator[Offer]], ...] = (
    drop,
    groups,
    signs,
    order,
    operators,
    comparisons,
    transpositions,
    functions,
    axes,
    keywords,
    wraps,
    other_names,
    counts,
    constants,
    indices,
    ranges,
    leaves,
    borrowed,
    factors,
    terms,
)
MORE = 0.5
"""What it costs to make one replacement everywhere, beyond what it costs once."""


def singles(unit: Unit, words: Vocabulary, lines: Collection[int]) -> list[Edit]:
    """Return all single edits of the statements of a function that begin on some lines."""
    found: list[Edit] = []
    with remembered():
        for place in _places(unit.tree):
            if place.statement.lineno in lines:
                found += on_expressions(unit, place.statement, words)
                found += on_statements(unit, place, words)
    return [*found, *_everywhere(found)]


def whole_expressions(unit: Unit, words: Vocabulary, lines: Collection[int]) -> list[Edit]:
    """Return the edits that put a small expression of the student's own names in a place."""
    smalls = list(small(words))
    found = []
    for place in _places(unit.tree):
        if place.statement.lineno not in lines:
            continue
        for slot in slots(place.statement):
            if not replaceable(slot):
                continue
            old = written(slot.node)
            said = f"the expression {short(slot.node)}"
            for cost, new in smalls:
                change = slot.change(clone(new))
                found.append(Edit(unit, place.statement, (change,), 3 + cost, said, old))
    return found


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


def on_expressions(unit: Unit, statement: ast.stmt, words: Vocabulary) -> Iterator[Edit]:
    """Yield the edits of the expressions in one statement, those in it not among them."""
    for slot in slots(statement):
        old = written(slot.node)
        seen = {old}
        offers = [offer for operator in EXPRESSIONS for offer in operator(slot, words)]
        for offer in sorted(offers, key=lambda offer: offer.cost):
            new = key(offer.new)
            if new not in seen:
                seen.add(new)
                change = slot.change(offer.new)
                yield Edit(unit, statement, (change,), offer.cost, offer.words, old, new)


def on_statements(unit: Unit, place: Place, words: Vocabulary) -> Iterator[Edit]:
    """Yield the edits of a statement as a whole."""
    for operator in STRUCTURE:
        for changes, cost, said in operator(place, words):
            yield Edit(unit, place.statement, changes, cost, said)


def _everywhere(edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield the replacements that can be made in several places, made in all of them."""

    def replacement(edit: Edit) -> tuple[str, str]:
        return edit.old, edit.new

    alike = sorted((edit for edit in edits if edit.old), key=replacement)
    for _, group in groupby(alike, replacement):
        same = list(group)
        if 1 < len(same) <= 30:
            first = same[0]
            changes: tuple[Change, ...] = tuple(c for edit in same for c in edit.changes)
            words = first.words
            cost = first.cost + MORE
            yield Edit(first.unit, first.statement, changes, cost, words, first.old, first.new)
