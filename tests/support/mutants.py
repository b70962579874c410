"""Mutants: somebody's right code with one thing changed at random, anywhere in it.

The operators are those of mutation testing, written without a look at the edits by which the
diagnosis repairs code.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

ARITHMETIC = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
}
COMPARISONS = {
    ast.Gt: (ast.Lt, ast.GtE),
    ast.GtE: (ast.Lt,),
    ast.Lt: (ast.Gt,),
    ast.LtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
TWINS = {
    "sum": ("mean", "max"),
    "mean": ("sum",),
    "max": ("min", "sum"),
    "argmax": ("argmin",),
    "maximum": ("minimum",),
    "exp": ("log", "tanh"),
    "log": ("exp",),
    "sqrt": ("square",),
    "tanh": ("exp",),
    "var": ("std",),
    "zeros_like": ("ones_like",),
    "zeros": ("ones",),
    "hstack": ("vstack",),
    "reversed": ("list",),
}


@dataclass(frozen=True)
class Mutant:
    """A changed source; the lines on which the change stands, and what it is in words."""

    source: str
    lines: tuple[int, ...]
    what: str


def mutants(source: str, function: str, number: int, seed: int) -> list[Mutant]:
    """Return up to this many mutants of one function of a module, each another one."""
    tree = ast.parse(source)
    place = next(
        i for i, n in enumerate(tree.body) if isinstance(n, ast.FunctionDef) and n.name == function
    )
    found = list(_changes(tree.body[place]))
    rng = np.random.default_rng([seed, *map(ord, function)])
    chosen: dict[str, Mutant] = {}
    for i in rng.permutation(len(found)):
        if len(chosen) == number:
            break
        changed, node, what = found[i]
        text = _written(source, tree.body[place], changed)
        if text != source:
            lines = tuple(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            chosen.setdefault(text, Mutant(text, lines, what))
    return list(chosen.values())


def _written(source: str, old: ast.stmt, new: ast.stmt) -> str:
    """Return the source with one statement of a function in another form, its lines where they are.

    Every other line stays as its author wrote it.
    """
    lines = source.splitlines()
    for a, b in _differing(old, new):
        assert a.end_lineno is not None
        indent = " " * a.col_offset
        text = [indent + line for line in (ast.unparse(b) if b else "pass").splitlines()]
        room = a.end_lineno - a.lineno + 1
        text += [""] * (room - len(text))
        lines[a.lineno - 1 : a.end_lineno] = text[:room] if len(text) > room else text
    return "\n".join(lines) + "\n"


def _differing(old: ast.stmt, new: ast.stmt | None) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Yield the smallest statements that differ; a compound statement's header counts as it all."""
    if new is None or type(old) is not type(new):
        yield old, new
        return
    bodies = [f for f in ("body", "orelse") if isinstance(getattr(old, f, None), list)]
    blank_old, blank_new = copy.deepcopy(old), copy.deepcopy(new)
    for f in bodies:
        setattr(blank_old, f, [])
        setattr(blank_new, f, [])
    if not bodies or ast.dump(blank_old) != ast.dump(blank_new):
        if ast.dump(old) != ast.dump(new):
            yield old, new
        return
    for f in bodies:
        for a, b in zip(getattr(old, f), getattr(new, f), strict=True):
            yield from _differing(a, b)


def _changes(function: ast.FunctionDef) -> Iterator[tuple[ast.FunctionDef, ast.stmt, str]]:
    """Yield the function once for each change, with the statement that holds it."""
    names = sorted(
        {n.id for n in ast.walk(function) if isinstance(n, ast.Name)} - {"np", "range", "len"}
    )
    for path, statement in _statements(function, ()):
        if isinstance(statement, ast.Assign | ast.AugAssign):
            yield _with(function, path, ast.Pass()), statement, "left out"
        if isinstance(statement, ast.AugAssign):
            plain = ast.Assign([statement.target], statement.value, lineno=statement.lineno)
            yield _with(function, path, plain), statement, "assigned, not added"
        for i, node in enumerate(ast.walk(statement)):
            if isinstance(node, ast.stmt) and node is not statement:
                continue
            if _belongs_deeper(statement, node):
                continue
            for j, what in enumerate(_edits(node, names)):
                new = copy.deepcopy(statement)
                target = next(n for k, n in enumerate(ast.walk(new)) if k == i)
                replacement = list(_made(target, names))[j]
                new = _replaced(new, target, replacement)
                yield _with(function, path, new), statement, what


def _belongs_deeper(statement: ast.stmt, node: ast.AST) -> bool:
    """Return whether a node stands in a statement inside of a compound one."""
    inner = [s for f in ("body", "orelse") for s in getattr(statement, f, [])]
    return any(node is n for s in inner for n in ast.walk(s))


def _statements(
    node: ast.AST, path: tuple[tuple[str, int], ...]
) -> Iterator[tuple[tuple[tuple[str, int], ...], ast.stmt]]:
    for field in ("body", "orelse"):
        for i, statement in enumerate(getattr(node, field, [])):
            here = (*path, (field, i))
            is_docstring = isinstance(statement, ast.Expr) and isinstance(
                statement.value, ast.Constant
            )
            if not is_docstring:
                yield here, statement
            yield from _statements(statement, here)


def _with(
    function: ast.FunctionDef, path: tuple[tuple[str, int], ...], statement: ast.stmt
) -> ast.FunctionDef:
    new = copy.deepcopy(function)
    holder: ast.AST = new
    for field, i in path[:-1]:
        holder = getattr(holder, field)[i]
    field, i = path[-1]
    getattr(holder, field)[i] = ast.copy_location(statement, getattr(holder, field)[i])
    return new


def _replaced(root: ast.stmt, old: ast.AST, new: ast.AST) -> ast.stmt:
    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return new if node is old else self.generic_visit(node)

    done = Replace().visit(root)
    assert isinstance(done, ast.stmt)
    return done


def _edits(node: ast.AST, names: list[str]) -> list[str]:
    return [f"{_text(node)} became {_text(new)}" for new in _made(node, names)]


def _text(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))


def _made(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """Yield what a node may become, always in the same order."""
    match node:
        case ast.BinOp(left, op, right):
            for other in ARITHMETIC.get(type(op), ()):
                yield ast.BinOp(left, other(), right)
            yield left
            yield right
            if isinstance(op, ast.Sub | ast.Div | ast.MatMult):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS.get(type(op), ()):
                yield ast.Compare(left, [other()], [right])
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case ast.Constant(float(value)):
            yield ast.Constant(2 * value or 1.0)
        case ast.Attribute(value, "T", ctx):
            yield value
        case ast.Attribute(value, name, ctx) if name in TWINS:
            for twin in TWINS[name]:
                yield ast.Attribute(value, twin, ctx)
        case ast.Name(name, ast.Load()) if name in names:
            i = names.index(name)
            for other in (names[i - 1], names[(i + 1) % len(names)]):
                if other != name:
                    yield ast.Name(other, ast.Load())
        case ast.Slice(lower, upper, step):
            if lower is not None:
                yield ast.Slice(None, upper, step)
            if upper is not None:
                yield ast.Slice(lower, None, step)
        case ast.Call(function, [first, second], keywords):
            yield ast.Call(function, [second, first], keywords)
    if isinstance(node, ast.Call) and node.keywords:
        for i in range(len(node.keywords)):
            yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
