"""What stays of a formula's text where it is only to predict.

Annotations and docstrings go; so does what is for training, what is saved for a backward pass, and
what only checks an argument's form. What remains is the formula, as its component has it.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from handgrad import errors

__all__ = ["shaped"]

_FASTER = {"kernel"}
"""Decorators of formulas that have a compiled form beside NumPy's, which is the truth."""
_PURE = {"isinstance", "len", "max", "min", "prod", "range", "slice", "tuple", "zip"}
"""What returns something, and does nothing else."""
_KNOWN = {"as_floats", "as_numbers"}
"""What makes arrays of arguments, which are NumPy's arrays already."""


def shaped(function: ast.FunctionDef, *, component: bool) -> ast.FunctionDef:
    """Return a function for predicting alone; of a component, as one of its methods."""
    made: ast.FunctionDef = _Bare().visit(copy.deepcopy(function))
    made = _Evaluation(component).visit(made)
    if component and made.name == "apply":
        made = _WithoutSaved().visit(made)
    _drop_unused(made)
    return ast.fix_missing_locations(made)


class _Bare(ast.NodeTransformer):
    """Take away annotations, docstrings and assertions."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        node.decorator_list = [d for d in node.decorator_list if _name(d) not in _FASTER]
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        return ast.Assign([node.target], node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        return None


class _Evaluation(ast.NodeTransformer):
    """Decide what depends on the mode, and leave out what only checks."""

    def __init__(self, component: bool) -> None:
        self.component = component

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, _up_to_the_return(statements))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if self.component and node.attr == "training" and _is_self(node.value):
            return ast.Constant(False)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)
        for value in node.values:
            if isinstance(value, ast.Constant) and value.value is decides:
                return value
        others = [v for v in node.values if not isinstance(v, ast.Constant)]
        node.values = others or [ast.Constant(not decides)]
        return node if len(node.values) > 1 else node.values[0]

    def visit_If(self, node: ast.If) -> Any:
        if isinstance(node.body[-1], ast.Raise) and self.visit_Raise(node.body[-1]) is None:
            node.body = []  # it only checks, and others word what is wrong
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node if node.body else self._else(node)

    def _else(self, node: ast.If) -> Any:
        """Return an if without a body: what is done else."""
        if not node.orelse:
            return None
        return ast.If(ast.UnaryOp(ast.Not(), node.test), node.orelse, [])

    def visit_Try(self, node: ast.Try) -> Any:
        """Keep what is tried alone, where an error would only be worded anew."""
        only = not node.finalbody and not node.orelse
        only = only and all(isinstance(h.body[-1], ast.Raise) for h in node.handlers)
        self.generic_visit(node)
        return node.body if only else node

    def visit_Expr(self, node: ast.Expr) -> Any:
        """Leave out a call whose result nobody reads, of what writes to nothing: it checks."""
        self.generic_visit(node)
        call = node.value
        if isinstance(call, ast.Call):
            function = call.func
            own = isinstance(function, ast.Attribute) and _is_self(function.value)
            if (self.component and own) or _name(function).startswith("check"):
                return None
        return node

    def visit_Raise(self, node: ast.Raise) -> Any:
        """Tell what was given, as an error of Python's own; leave out what others word."""
        raised = node.exc
        if raised is None or not isinstance(raised, ast.Call):
            return node
        if _name(raised.func) not in errors.__all__:
            return None
        message = _Named().visit(raised.args[0])
        return ast.Raise(ast.Call(ast.Name("ValueError", ast.Load()), [message], []), None)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = _name(node.func)
        if name == "isinstance" and ast.unparse(node.args[1]) == "np.ndarray":
            return ast.Constant(True)
        return node.args[0] if name in _KNOWN else node


class _Named(ast.NodeTransformer):
    """Call a component by its class in a message."""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        value = node.value
        if isinstance(value, ast.Call) and _name(value.func) == "in_short":
            value = value.args[0]
        if _name(value) not in ("self", "owner"):
            return node
        kind = ast.Call(ast.Name("type", ast.Load()), [value], [])
        return ast.FormattedValue(ast.Attribute(kind, "__name__", ast.Load()), -1)


class _WithoutSaved(ast.NodeTransformer):
    """Let `apply` return the output alone, here and in the children that are run."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        self.generic_visit(node)
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            return ast.Return(node.value.elts[0])
        if _runs(node.value):
            return node
        assert node.value is not None
        return ast.Return(ast.Subscript(node.value, ast.Constant(0), ast.Load()))

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        target = node.targets[0]
        if _runs(node.value) and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            return ast.Assign([target.elts[0]], node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        first = isinstance(node.slice, ast.Constant) and node.slice.value == 0
        return node.value if first and _runs(node.value) else node


def _drop_unused(function: ast.FunctionDef) -> None:
    """Leave out what is computed without a call and then read by nobody, until nothing is."""
    while _Unused(function).dropped:
        pass


class _Unused(ast.NodeTransformer):
    """Take away what is unused in a function now, and know whether there was any."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.read: set[str] = set()
        self._read_in(function)
        self.dropped = False
        self.visit(function)

    def _read_in(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if _appended(child) is None:
                self._read_in(child)
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                self.read.add(child.id)

    def visit_Expr(self, node: ast.Expr) -> Any:
        name = _appended(node)
        return self._kept(node if name is None or name in self.read else None)

    def visit_Assign(self, node: ast.Assign) -> Any:
        target, value = node.targets[0], node.value
        if not isinstance(target, ast.Tuple):
            itself = _name(target) == _name(value) != ""  # of what made an array of an argument
            wanted = self._is_read(target) or _calls(value)
            return self._kept(node if wanted and not itself else None)
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(target.elts):
            for i, each in enumerate(target.elts):
                if not self._is_read(each):
                    target.elts[i] = ast.Name("_", ast.Store())
            return node
        pairs = list(zip(target.elts, value.elts, strict=True))
        kept = [(t, v) for t, v in pairs if self._is_read(t) or _calls(v)]
        if len(kept) == len(pairs):
            return node
        self.dropped = True
        if len(kept) < 2:
            return ast.Assign([kept[0][0]], kept[0][1]) if kept else None
        target.elts, value.elts = map(list, zip(*kept, strict=True))
        return node

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        return self._kept(node if node.body else None)

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        return self._kept(node if node.body else None)  # only checks had an else, and were turned

    def _kept(self, node: Any) -> Any:
        self.dropped |= node is None
        return node

    def _is_read(self, target: ast.AST) -> bool:
        return not isinstance(target, ast.Name) or target.id in self.read


def _appended(node: ast.AST) -> str | None:
    """Return the list to which a statement only appends."""
    if isinstance(node, ast.Expr) and isinstance(call := node.value, ast.Call):
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "append":
            return _name(function.value) or None
    return None


def _calls(node: ast.AST) -> bool:
    """Return whether an expression calls what may write to something."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
    return any(_name(call.func) not in _PURE for call in calls)


def _runs(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "apply"


def _up_to_the_return(statements: list[ast.stmt]) -> list[ast.stmt]:
    ends = (i for i, s in enumerate(statements) if isinstance(s, ast.Return | ast.Raise))
    return statements[: next(ends, len(statements)) + 1]


def _is_self(node: ast.AST) -> bool:
    return _name(node) == "self"


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""
