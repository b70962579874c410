"""Small expressions of the student's own names, to stand in the place of whole ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, clone, replaceable, short, written
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary, is_handle

__all__ = ["borrowed", "leaves", "small"]

_MOST = 8
"""How many names are combined."""


def leaves(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put a name in the place of what is worked out."""
    worked_out = isinstance(slot.node, ast.BinOp | ast.Call | ast.UnaryOp | ast.Subscript)
    if worked_out and not is_handle(slot.node) and replaceable(slot):
        floats = [h for h in words.numbers if isinstance(h.value, float)]
        for handle in (*words.arrays, *floats):
            yield Offer(handle.load(), 1.9, f"the expression {short(slot.node)}")
        yield Offer(ast.Constant(1), 2.0, f"the expression {short(slot.node)}")


def borrowed(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Do with an expression what is done with another one elsewhere: mask it, scale it, or both."""
    whole = ast.Assign | ast.AugAssign | ast.Return | ast.Call | ast.Tuple | ast.Dict
    if not isinstance(slot.parent, whole):
        return
    if not replaceable(slot) or slot.holder is getattr(slot.parent, "targets", None):
        return
    old = written(slot.node)
    said = f"something is missing around {short(slot.node)}"
    for factors in _products(words):
        new = slot.node
        for op, factor in factors:
            if written(factor) in old:
                break
            new = ast.BinOp(new, op, clone(factor))
        else:
            yield Offer(new, 2.0, said)


_Factors = tuple[tuple[ast.operator, ast.expr], ...]


def _products(words: Vocabulary) -> Iterator[_Factors]:
    """Yield what the student multiplies and divides something by, with operators in between."""
    known = {handle.code for handle in words.handles}
    seen = set()
    for unit in (words.unit, *words.others):
        for node in ast.walk(unit.tree):
            factors: _Factors = ()
            while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
                mine = [n for n in ast.walk(node.right) if isinstance(n, ast.Name)]
                if not all(n.id in words.unit.values or n.id in _GLOBAL for n in mine):
                    break
                attributes = [n for n in ast.walk(node.right) if isinstance(n, ast.Attribute)]
                if any(is_handle(n) and written(n) not in known for n in attributes):
                    break
                factors = ((node.op, node.right), *factors)
                code = "".join(f"{type(op).__name__} {written(factor)}" for op, factor in factors)
                if code not in seen and len(factors) < 4:
                    seen.add(code)
                    yield factors
                node = node.left


_GLOBAL = {"np", "numpy"}


def small(words: Vocabulary) -> Iterator[tuple[float, ast.expr]]:
    """Yield expressions of one and of two names, with what they cost."""
    numbers = [h.load() for h in words.numbers[:3]]
    leaves = [h.load() for h in words.arrays[:_MOST]]
    ones: list[tuple[float, ast.expr]] = [(0.0, leaf) for leaf in (*leaves, *numbers)]
    for leaf in leaves:
        ones.append((0.2, ast.UnaryOp(ast.USub(), leaf)))
        ones.append((0.2, ast.Attribute(leaf, "T", ast.Load())))
        ones.append((0.2, ast.BinOp(ast.Constant(1), ast.Sub(), leaf)))
        ones.append((0.3, ast.BinOp(leaf, ast.Pow(), ast.Constant(2))))
        ones.append((0.4, ast.Compare(leaf, [ast.Gt()], [ast.Constant(0)])))
    yield from ones
    operators = (ast.Mult, ast.Sub, ast.Add, ast.Div, ast.MatMult)
    for i, (first, a) in enumerate(ones):
        for j, (second, b) in enumerate(ones):
            if isinstance(a, ast.UnaryOp) or isinstance(b, ast.UnaryOp):
                continue
            for operator in operators:
                if operator in (ast.Mult, ast.Add) and j < i:
                    continue
                yield 0.5 + first + second, ast.BinOp(a, operator(), b)
