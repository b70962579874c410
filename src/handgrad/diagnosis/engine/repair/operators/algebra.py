"""Edits of operators, operands and signs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, short, written
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

__all__ = ["comparisons", "drop", "groups", "operators", "order", "signs", "transpositions"]

_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_INSTEAD: dict[type[ast.operator], dict[type[ast.operator], float]] = {
    ast.Add: {ast.Sub: 1.1, ast.Mult: 1.8},
    ast.Sub: {ast.Add: 1.1, ast.Mult: 2.0},
    ast.Mult: {ast.Div: 1.2, ast.MatMult: 1.4, ast.Add: 1.8, ast.Sub: 2.0},
    ast.Div: {ast.Mult: 1.2, ast.FloorDiv: 2.0},
    ast.MatMult: {ast.Mult: 1.5},
    ast.FloorDiv: {ast.Div: 1.4, ast.Mod: 1.8},
    ast.Mod: {ast.FloorDiv: 1.8},
    ast.BitAnd: {ast.BitOr: 1.3},
    ast.BitOr: {ast.BitAnd: 1.3},
}
_PRODUCTS = ast.Mult | ast.Div | ast.MatMult


def drop(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Leave out an operand, a call, an attribute, a subscript, a sign."""
    node = slot.node
    if isinstance(node, ast.BinOp):
        sign = _SIGNS.get(type(node.op), "")
        what = "term" if isinstance(node.op, ast.Add | ast.Sub) else "factor"
        what = "exponent" if isinstance(node.op, ast.Pow) else what
        said = short(node.right).strip("`")
        yield Offer(node.left, 1.0, f"the {what} `{sign} {said}`")
        if isinstance(node.op, ast.Sub):
            yield Offer(ast.UnaryOp(ast.USub(), node.right), 1.2, f"the term {short(node.left)}")
        if not isinstance(node.op, ast.Pow):
            cost = {ast.Sub: 1.4, ast.Div: 1.8}.get(type(node.op), 1.0)
            yield Offer(node.right, cost, f"the {what} {short(node.left)}")
    elif isinstance(node, ast.UnaryOp):
        what = "sign" if isinstance(node.op, ast.USub) else "negation"
        yield Offer(node.operand, 1.0, f"the {what} of {short(node.operand)}")
    elif isinstance(node, ast.Call):
        name = written(node.func)
        if node.args and name not in ("len", "range", "isinstance", "super", "float", "int"):
            yield Offer(node.args[0], 1.1, f"the call of `{name}`")
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, words):
            yield Offer(node.func.value, 1.1, f"the call of `.{node.func.attr}`")
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield Offer(node.value, 1.0, f"the transposition of {short(node.value)}")
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield Offer(node.value, 1.5, f"the index of {short(node.value)}")
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            others = [v for v in node.values if v is not value]
            rest = others[0] if len(others) == 1 else ast.BoolOp(node.op, others)
            yield Offer(rest, 1.2, f"the condition {short(value)}")
    elif isinstance(node, ast.IfExp):
        for branch in (node.body, node.orelse):
            yield Offer(branch, 1.4, f"the condition {short(node.test)}")


def _is_module(node: ast.expr, words: Vocabulary) -> bool:
    return isinstance(node, ast.Name) and node.id not in words.unit.values


def signs(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put a minus before an expression, where no product around it has the same sign."""
    node, parent = slot.node, slot.parent
    if isinstance(node, ast.UnaryOp | ast.Constant):
        return
    if isinstance(parent, ast.UnaryOp | ast.Attribute | ast.Starred | ast.Compare | ast.keyword):
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, _PRODUCTS | ast.Add | ast.Sub):
        return
    if isinstance(parent, ast.Subscript) or not _may_be_array(node):
        return
    if isinstance(words.value(node), int):
        return  # a count has no sign
    cost = (
        1.2 if isinstance(node, ast.BinOp | ast.Call) else 1.4
    )  # what is there is as it should be
    yield Offer(_negative(node), cost, f"the sign of {short(node)}")


def _negative(node: ast.expr) -> ast.expr:
    """Return an expression with a minus before it, where it is written without parentheses."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        return ast.BinOp(_negative(node.left), node.op, node.right)
    return ast.UnaryOp(ast.USub(), node)


def _may_be_array(node: ast.expr) -> bool:
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.BinOp | ast.Call)


def order(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Exchange operands, or the arguments of a call, or two entries of a tuple."""
    node = slot.node
    said = f"the order in {short(node)}"
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add | ast.Mult):
        cost = {ast.Sub: 1.1, ast.MatMult: 1.2, ast.Div: 1.4, ast.Pow: 2.0}.get(type(node.op), 2.0)
        yield Offer(ast.BinOp(node.right, node.op, node.left), cost, said)
    elif isinstance(node, ast.Call) and len(node.args) > 1:
        for entries in _exchanged(node.args):
            yield Offer(ast.Call(node.func, entries, node.keywords), 1.3, said)
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        for entries in _exchanged(node.elts):
            yield Offer(type(node)(entries, node.ctx), 1.3, said)
    elif isinstance(node, ast.IfExp):
        yield Offer(ast.IfExp(node.test, node.orelse, node.body), 1.3, said)


def _exchanged(entries: list[ast.expr]) -> Iterator[list[ast.expr]]:
    if len(entries) > 8:
        return
    for i in range(len(entries)):
        for j in range(i + 1, len(entries)):
            new = list(entries)
            new[i], new[j] = new[j], new[i]
            yield new


def operators(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Put another operator between two operands."""
    node = slot.node
    if isinstance(node, ast.BinOp):
        for other, cost in _INSTEAD.get(type(node.op), {}).items():
            said = f"the operator `{_SIGNS.get(type(node.op), '')}` in {short(node)}"
            yield Offer(ast.BinOp(node.left, other(), node.right), cost, said)
    elif isinstance(node, ast.BoolOp):
        turned = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Offer(ast.BoolOp(turned, node.values), 1.3, f"the operator in {short(node)}")


def groups(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Move a parenthesis."""
    node = slot.node
    said = f"the parentheses in {short(node)}"

    def one(call: ast.Call, argument: ast.expr) -> ast.expr:
        return ast.Call(call.func, [argument, *call.args[1:]], call.keywords)

    if isinstance(node, ast.BinOp):
        left, op, right = node.left, node.op, node.right
        if isinstance(left, ast.BinOp):
            yield Offer(ast.BinOp(left.left, left.op, ast.BinOp(left.right, op, right)), 1.4, said)
        if isinstance(right, ast.BinOp):
            yield Offer(
                ast.BinOp(ast.BinOp(left, op, right.left), right.op, right.right), 1.4, said
            )
        if isinstance(left, ast.Call) and left.args:
            yield Offer(one(left, ast.BinOp(left.args[0], op, right)), 1.4, said)
        if isinstance(right, ast.Call) and right.args:
            yield Offer(one(right, ast.BinOp(left, op, right.args[0])), 1.5, said)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.BinOp):
        inner = node.args[0]
        yield Offer(ast.BinOp(one(node, inner.left), inner.op, inner.right), 1.4, said)
        yield Offer(ast.BinOp(inner.left, inner.op, one(node, inner.right)), 1.4, said)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.BinOp):
        inner = node.operand
        first = ast.UnaryOp(node.op, inner.left)
        yield Offer(ast.BinOp(first, inner.op, inner.right), 1.3, said)


def comparisons(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Compare in another way, or turn a condition round."""
    node = slot.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        said = f"the comparison {short(node)}"
        for other in (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq):
            if not isinstance(node.ops[0], other | ast.In | ast.NotIn | ast.Is | ast.IsNot):
                yield Offer(ast.Compare(node.left, [other()], node.comparators), 1.2, said)
        turned = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
        for old, new in turned.items():
            if isinstance(node.ops[0], old):
                yield Offer(ast.Compare(node.left, [new()], node.comparators), 1.3, said)
    if isinstance(slot.parent, ast.If | ast.IfExp | ast.While) and slot.key == "test":
        yield Offer(ast.UnaryOp(ast.Not(), node), 1.3, f"the condition {short(node)}")


def transpositions(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Transpose what is multiplied, or what is stored or returned."""
    node, parent = slot.node, slot.parent
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        said = f"the order or a transposition in {short(node)}"
        a, b = node.left, node.right
        for left, right in ((b, _turned(a)), (_turned(b), a), (_turned(b), _turned(a))):
            yield Offer(ast.BinOp(left, node.op, right), 1.5, said)
        yield Offer(ast.BinOp(_turned(a), node.op, _turned(b)), 1.5, said)
    if isinstance(node, ast.Constant | ast.Tuple | ast.Attribute) and _is_turned(node):
        return
    if not _may_be_array(node):
        return
    within = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)
    root = isinstance(parent, ast.Assign | ast.Return | ast.Tuple | ast.Dict) or (
        isinstance(parent, ast.Call) and slot.holder is parent.args
    )
    if within or root:
        cost = 1.2 if within else 1.5
        yield Offer(_turned(node), cost, f"the transposition of {short(node)}")


def _is_turned(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "T"


def _turned(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())
