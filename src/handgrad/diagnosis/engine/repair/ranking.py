"""Which of several repairs a teacher would make."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from handgrad.diagnosis.engine.repair.edits import Edit, applied, text
from handgrad.diagnosis.engine.repair.refusal import dead
from handgrad.diagnosis.engine.repair.rewriting import Step, steps
from handgrad.diagnosis.engine.repair.search import Hit
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.engine.repair.vocabulary import is_handle

__all__ = ["RAISES", "Ranked", "nearest", "ranked"]

PACKS = 1.5
"""What it costs to blame a line that only keeps something for later."""
HANDS_OVER = 0.3
"""What it costs to work something out in a line that only hands over what is there."""
RENAMES = 0.1
"""What it is worth that a line which only gave a value another name works something out."""
FORWARD = 0.3
"""What it costs to blame the forward pass, where its results are right."""
RAISES = 0.6
"""What it is worth that a line is the one that raises."""
GUILTY = 0.3
"""What it is worth that a line is the first to give a wrong gradient."""
DEAD = 0.5
"""What each name costs that is left without use, and is worth that gets one."""
SIZE = 0.004
"""What each letter costs that a function becomes longer or shorter by."""


@dataclass(frozen=True)
class Ranked:
    """A hit, and how unlikely it is to be what a teacher would change."""

    hit: Hit
    score: float

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What it changes, line by line."""
        return tuple(steps(self.hit.edits))

    @property
    def lines(self) -> frozenset[tuple[str, int]]:
        """The lines that it changes."""
        return frozenset((step.unit.file, step.line) for step in self.steps)

    @property
    def size(self) -> tuple[int, int]:
        """How long the changed lines are, and how many letters of them are others than before."""
        match = [SequenceMatcher(None, s.old, s.new, False) for s in self.steps]
        same = sum(block.size for each in match for block in each.get_matching_blocks())
        length = sum(len(step.new) for step in self.steps)
        return length, length - same


def ranked(
    hits: Sequence[Hit],
    forward: Collection[Unit],
    forward_is_right: bool,
    raising: Collection[tuple[str, int]],
    blame: Mapping[tuple[Unit, int], bool],
) -> list[Ranked]:
    """Return hits, the likeliest first, each change once.

    `forward` are the functions that run in the forward pass, `raising` the lines where the code
    raises, `blame` says of lines whether the gradient that they assign is right.
    """
    found: dict[tuple[str, ...], Ranked] = {}
    for hit in sorted(hits, key=lambda hit: hit.cost):
        units = list(dict.fromkeys(edit.unit for edit in hit.edits))
        before = [text(unit.tree) for unit in units]
        with applied(*hit.edits):
            after = [text(unit.tree) for unit in units]
        key = tuple(f"{id(unit)} {code}" for unit, code in zip(units, after, strict=True))
        if key in found or before == after:
            continue
        grown = sum(abs(len(b) - len(a)) for a, b in zip(before, after, strict=True))
        score = hit.cost + SIZE * grown + DEAD * dead(hit.edits)
        for edit in hit.edits:
            if forward_is_right and edit.unit in forward:
                score += FORWARD
            score += PACKS if _packs(edit.statement) else _worked_out(edit)
            if (edit.unit.file, edit.statement.lineno) in raising:
                score -= RAISES
            if blame.get((edit.unit, edit.statement.lineno), True) is False:
                score -= GUILTY
        found[key] = Ranked(hit, score)
    return sorted(found.values(), key=lambda r: r.score)


def _packs(statement: ast.stmt) -> bool:
    """Return whether a statement only gives a value that is there another place."""
    if not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    if isinstance(value, ast.Tuple | ast.Dict | ast.List):
        return _only_names(value)
    kept = any(not isinstance(target, ast.Name) for target in statement.targets)
    return kept and is_handle(value)


def _only_names(node: ast.expr | None) -> bool:
    """Return whether an expression is a name, or some of them together."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_handle(entry) for entry in node.elts)
    if isinstance(node, ast.Dict):
        return all(is_handle(entry) for entry in node.values)
    return node is not None and is_handle(node)


def _worked_out(edit: Edit) -> float:
    """Return what it costs, or is worth, that a line of names alone works something out."""
    statement = edit.statement
    if not isinstance(statement, ast.Return | ast.Assign) or statement.value is None:
        return 0
    renames = isinstance(statement, ast.Assign) and is_handle(statement.value)
    if not renames and not _hands_over(statement):
        return 0
    with applied(edit):
        if renames:
            return 0 if is_handle(statement.value) else -RENAMES
        return 0 if _hands_over(statement) else HANDS_OVER


def _hands_over(statement: ast.Return | ast.Assign) -> bool:
    """Return whether a statement adds names up, returns some or what a call makes of them."""
    value = statement.value
    if isinstance(statement, ast.Assign):
        return _adds_names(statement.value)
    if isinstance(value, ast.Call):
        return all(is_handle(entry) for entry in value.args)
    return _only_names(value)


def _adds_names(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        return _adds_names(node.left) and _adds_names(node.right)
    return is_handle(node)


def nearest(best: Sequence[Ranked]) -> Ranked | None:
    """Return which of several that are as good is nearest to what is wrong, None where none is.

    What a function does is nearer than the line that calls it, and of two lines of a function the
    later one. Only repairs in functions of one pass, and of as many lines, can be compared. Of the
    forms of one line it is the simplest.
    """
    if len({each.lines for each in best}) > 1:
        if any(len(each.lines) > 1 for each in best):
            return None
        deepest = max(each.hit.edits[0].unit.depth for each in best)
        units = {e.hit.edits[0].unit for e in best if e.hit.edits[0].unit.depth == deepest}
        if len(units) > 1:
            return None
        best = sorted(
            (each for each in best if each.hit.edits[0].unit in units),
            key=lambda each: (-each.steps[0].line, each.score),
        )
    alike = (each for each in best if each.lines == best[0].lines)
    return min(alike, key=lambda each: each.size, default=None)
