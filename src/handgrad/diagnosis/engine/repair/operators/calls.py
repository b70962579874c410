"""Edits of calls: another function, another axis, with or without keepdims."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from handgrad.diagnosis.engine.repair.edits import Offer, Slot, clone, short, written
from handgrad.diagnosis.engine.repair.operators.forgotten import SIZED
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

__all__ = ["axes", "functions", "keywords", "wraps"]

_GROUPS = (
    ("sum", "mean", "max", "min", "prod"),
    ("maximum", "minimum"),
    ("exp", "log", "sqrt", "square", "abs", "tanh", "expm1", "log1p", "sign"),
    ("sinh", "cosh", "tanh"),
    ("zeros_like", "ones_like"),
    ("zeros", "ones"),
    ("argmax", "argmin"),
    ("var", "std"),
    ("dot", "multiply", "matmul", "outer"),
    ("floor", "ceil"),
    ("rand", "randn", "random", "normal", "uniform"),
    ("hstack", "vstack"),
    ("cumsum", "sum"),
    ("empty_like", "zeros_like"),
    ("append", "insert"),
    ("add", "subtract"),
)
_REDUCTIONS = {"sum", "mean", "max", "min", "var", "std", "argmax", "argmin", "prod", "softmax"}
_REDUCTIONS |= {"log_softmax", "amax", "amin", "norm", "logsumexp", "any", "all", "cumsum"}


def functions(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Call another function of the same family."""
    node = slot.node
    if not isinstance(node, ast.Call):
        return
    said = f"the function in {short(node)}"
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
        for other in _others(name):
            named = ast.Attribute(node.func.value, other, ast.Load())
            yield Offer(ast.Call(named, node.args, node.keywords), 1.3, said)
    elif isinstance(node.func, ast.Name):
        for other in _others(node.func.id):
            yield Offer(ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords), 1.3, said)
    for func, takes in words.functions:  # one that is called elsewhere
        if isinstance(node.func, ast.Name) and takes == len(node.args) + len(node.keywords):
            yield Offer(ast.Call(clone(func), node.args, node.keywords), 1.6, said)
    for unit in words.others:  # one of the student's own
        takes = len(unit.tree.args.args) if unit.owner is None else -1
        if isinstance(node.func, ast.Name) and takes == len(node.args):
            own = ast.Name(unit.tree.name, ast.Load())
            yield Offer(ast.Call(own, node.args, node.keywords), 1.7, said)


def _others(name: str) -> Iterator[str]:
    for group in _GROUPS:
        if name in group:
            yield from (other for other in group if other != name)


def axes(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Work along another axis, or along none, with or without keepdims."""
    node = slot.node
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else written(node.func)
    known = next((k for k in node.keywords if k.arg == "axis"), None)
    kept = next((k for k in node.keywords if k.arg == "keepdims"), None)
    others = [k for k in node.keywords if k is not known and k is not kept]
    method = isinstance(node.func, ast.Attribute) and written(node.func.value) not in (
        "np",
        "numpy",
    )
    place = 0 if method else 1
    positional = name in _REDUCTIONS and len(node.args) > place
    if known is None and not positional and name not in _REDUCTIONS:
        return
    old = written(known.value) if known else written(node.args[place]) if positional else "None"
    said = f"the axis of {short(node)}"
    before = [] if kept is None else [kept]
    args = node.args[:place] if positional else node.args
    for axis in ("None", *_axes(words.axes)):
        for keep in (False, True):
            same = bool(before) == keep
            if axis == old and (same or name.startswith("arg")):
                continue
            extra = [ast.keyword("keepdims", ast.Constant(True))] if keep else []
            if not same and axis == old:
                cost, what = 1.1, f"keepdims in {short(node)}"
            else:
                cost = (1.1 if same else 1.5) + (0.2 if axis in ("None", "-2") else 0)
                cost += 0.3 * (old == "None") + 0.2 * axis.startswith("(")
                what = said
            along = [] if axis == "None" else [ast.keyword("axis", _axis(axis))]
            new = ast.Call(node.func, args, [*along, *(before if same else extra), *others])
            yield Offer(new, cost, what)


def _axes(most: int) -> Iterator[str]:
    yield from ("0", "1", "-1", "-2")
    if most > 2:
        yield from ("2", "(0, 1)", "(1, 2)", "(0, 2)")
    if most > 3:
        yield from ("3", "(0, 1, 2)", "(0, 2, 3)", "(2, 3)", "(1, 2, 3)")


def _axis(code: str) -> ast.expr:
    if code.startswith("("):
        return ast.Tuple([ast.Constant(int(c)) for c in code[1:-1].split(",")], ast.Load())
    value = int(code)
    number: ast.expr = ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), number) if value < 0 else number


def keywords(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Leave a keyword out, or turn a flag round."""
    node = slot.node
    if not isinstance(node, ast.Call):
        return
    for i, keyword in enumerate(node.keywords):
        if keyword.arg in ("axis", "keepdims"):
            continue
        rest = [*node.keywords[:i], *node.keywords[i + 1 :]]
        said = f"the argument `{keyword.arg}` of {short(node.func)}"
        yield Offer(ast.Call(node.func, node.args, rest), 1.4, said)
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool):
            turned = ast.keyword(keyword.arg, ast.Constant(not keyword.value.value))
            new = [*node.keywords[:i], turned, *node.keywords[i + 1 :]]
            yield Offer(ast.Call(node.func, node.args, new), 1.2, said)


def wraps(slot: Slot, words: Vocabulary) -> Iterator[Offer]:
    """Sum, average, copy or reshape an expression; square it, or take it from 1."""
    node, parent = slot.node, slot.parent
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        if not isinstance(node.ctx, ast.Load) or isinstance(parent, ast.Attribute):
            return
    elif not isinstance(node, ast.BinOp | ast.Call):
        return
    called = written(parent.func).rpartition(".")[2] if isinstance(parent, ast.Call) else ""
    if called and (slot.key == "func" or called in SIZED):
        return
    if isinstance(parent, ast.Subscript) and slot.key != "value":
        return
    root = isinstance(parent, ast.Assign | ast.Return | ast.Tuple | ast.Dict | ast.AugAssign)
    said = f"something is missing around {short(node)}"
    leaf = isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
    if root or leaf:
        copied = ast.Call(ast.Attribute(node, "copy", ast.Load()), [], [])
        if leaf:
            yield Offer(copied, 1.5, f"{short(node)} itself is used where it is changed later")
        for name, axis, keep in _SUMS:
            cost = (2.0 if root else 2.5) + (0.2 if name == "mean" else 0)
            if axis in ("0", "None"):
                cost -= 0.1
            along = [] if axis == "None" else [ast.keyword("axis", _axis(axis))]
            along += [ast.keyword("keepdims", ast.Constant(True))] if keep else []
            yield Offer(ast.Call(ast.Attribute(node, name, ast.Load()), [], along), cost, said)
    value = words.value(node) if leaf else None
    if isinstance(value, list | tuple) and not isinstance(parent, ast.Call):
        step = ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))
        yield Offer(ast.Subscript(node, step, ast.Load()), 1.6, f"the order of {short(node)}")
    yield from _shares(node, said)
    if root:
        for shape in _shapes(words):
            call = ast.Call(ast.Attribute(node, "reshape", ast.Load()), [shape], [])
            yield Offer(call, 2.2, said)
    if isinstance(parent, ast.Attribute | ast.Starred):
        return
    yield Offer(ast.BinOp(node, ast.Pow(), ast.Constant(2)), 1.6, said)
    yield Offer(ast.BinOp(ast.Constant(1), ast.Sub(), node), 1.7, said)
    module = next((n for n in ("np", "numpy") if n in words.unit.function.__globals__), None)
    for name in ("sqrt", "exp", "log", "tanh", "sign", "abs") if module else ():
        func = ast.Attribute(ast.Name(str(module), ast.Load()), name, ast.Load())
        yield Offer(ast.Call(func, [node], []), 2.3, said)


def _shares(node: ast.expr, said: str) -> Iterator[Offer]:
    """Put an array over its size, or its rows, in the place of its mean."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr == "mean":
        array = node.args[0] if node.args else node.func.value
        size = ast.Attribute(array, "size", ast.Load())
        shape = ast.Attribute(array, "shape", ast.Load())
        rows = ast.Subscript(shape, ast.Constant(0), ast.Load())
        for count in (size, rows):
            new = ast.BinOp(array, ast.Div(), count)
            yield Offer(new, 1.8, f"the mean {short(node)}")


_SUMS = tuple(
    (name, axis, keep)
    for name in ("sum", "mean")
    for axis, keep in (
        ("0", False),
        ("0", True),
        ("1", False),
        ("1", True),
        ("-1", True),
        ("None", False),
    )
)


def _shapes(words: Vocabulary) -> Iterator[ast.expr]:
    seen: set[tuple[int, ...]] = set()
    for handle in words.arrays:
        if handle.value.shape not in seen:
            seen.add(handle.value.shape)
            yield ast.Attribute(handle.load(), "shape", ast.Load())
