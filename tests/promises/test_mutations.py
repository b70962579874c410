"""The tests are tested: whichever line of a pullback is corrupted, the check must see it."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from handgrad.checking import CASES, check_library, library
from handgrad.cli import app

COMPONENTS = list(dict.fromkeys(case.component for case in CASES))


def times(factor):
    return lambda node: ast.BinOp(ast.Constant(factor), ast.Mult(), node)


def operand(name):
    return lambda node: getattr(node, name)


def transposed(node):
    return ast.Attribute(node, "T", ast.Load())


def first(node):
    """Return the first element of a pair, such as ``dx, gradients``."""
    return node.elts[0] if isinstance(node, ast.Tuple) else None


def with_first(change, pair):
    return ast.Tuple([change(pair.elts[0]), *pair.elts[1:]], ast.Load())


ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult)
ROOM = ("empty_like", "zeros_like")
"""What makes room for a result, which twice is no other room."""


def computes(node):
    """Return whether an expression is a call of NumPy's that computes something."""
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return name.startswith("np.") and not name.endswith(ROOM)


def mutations(node):
    """Yield (what is done, how) for every way in which an expression can be corrupted."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
        yield "twice", times(2)
        yield "negated", times(-1)
        yield "without its right side", operand("left")
        yield "without its left side", operand("right")
        if isinstance(node.op, ast.MatMult):
            yield "transposed", transposed
    elif computes(node):
        yield "twice", times(2)
        yield "negated", times(-1)
        yield "transposed", transposed
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "not transposed", operand("value")
    elif isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Constant):
        yield "left out", lambda node: ast.Pass()
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
        yield "twice", lambda node: ast.Return(times(2)(node.value))
        yield "negated", lambda node: ast.Return(times(-1)(node.value))
    elif isinstance(node, ast.Return) and isinstance(first(node.value), (ast.Name, ast.Call)):
        yield "with twice the first", lambda node: ast.Return(with_first(times(2), node.value))
        yield "with minus the first", lambda node: ast.Return(with_first(times(-1), node.value))
    # What a component that holds others passes on, of each the right one.
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "pullback":
        yield (
            "of twice dy",
            lambda node: ast.Call(
                node.func, [times(2)(node.args[0]), *node.args[1:]], node.keywords
            ),
        )
        yield (
            "of -dy",
            lambda node: ast.Call(
                node.func, [times(-1)(node.args[0]), *node.args[1:]], node.keywords
            ),
        )
        if ast.unparse(node.args[0]) != "dy":
            yield (
                "of dy",
                lambda node: ast.Call(
                    node.func, [ast.Name("dy", ast.Load()), *node.args[1:]], node.keywords
                ),
            )
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        if node.slice.id == "i":
            yield (
                "of the one before",
                lambda node: ast.Subscript(
                    node.value, ast.BinOp(node.slice, ast.Sub(), ast.Constant(1)), node.ctx
                ),
            )
    elif isinstance(node, ast.Dict) and node.keys:
        yield "empty", lambda node: ast.Dict([], [])


class Corrupt(ast.NodeTransformer):
    """Apply one mutation to the node that stands at one place in the walk."""

    def __init__(self, place, change):
        self.place, self.change = place, change

    def visit(self, node):
        if getattr(node, "place", None) == self.place:
            return ast.copy_location(self.change(node), node)
        return self.generic_visit(node)


def parsed(function):
    """Return the tree of a function, of which every expression and statement knows its place."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for place, node in enumerate(ast.walk(tree)):
        if isinstance(node, (ast.expr, ast.stmt)):  # an operator is one object for all trees
            node.place = place
    return tree


def functions_of(component):
    """Return a pullback, and what it calls for parts of it, by the place that each is found in.

    Those are methods and functions whose names end in `_pullback`.
    """
    found = {}
    ahead = [(component, "pullback")]
    while ahead:
        holder, name = place = ahead.pop(0)
        if place in found:
            continue
        function = getattr(holder, name)
        found[place] = function = getattr(function, "formula", function)  # NumPy's, of a kernel
        module = sys.modules[function.__module__]
        for node in ast.walk(parsed(function)):
            if isinstance(node, ast.Attribute) and re.fullmatch(r"_\w+_pullback", node.attr):
                ahead.append((component, node.attr))
            elif isinstance(node, ast.Name) and node.id.endswith("_pullback"):
                ahead.append((module, node.id))
    return found


class Mutant(NamedTuple):
    """A function with one mutation at one place of it; made when it is asked for."""

    holder: object
    name: str
    function: Callable
    place: int
    change: Callable

    def put(self, monkeypatch):
        """Put the mutant where the function is looked up, in the namespace of its own module."""
        tree = Corrupt(self.place, self.change).visit(parsed(self.function))
        module, made = sys.modules[self.function.__module__], {}
        exec(compile(ast.fix_missing_locations(tree), "mutant", "exec"), vars(module), made)
        monkeypatch.setattr(self.holder, self.name, made[self.function.__name__])


def mutants_of(component):
    """Yield (label, mutant) for every mutation of every line of a pullback."""
    for (holder, name), function in functions_of(component).items():
        (definition,) = parsed(function).body
        nodes = [node for line in definition.body for node in ast.walk(line)]
        messages = [node for node in nodes if isinstance(node, ast.Raise)]
        told = {id(node) for message in messages for node in ast.walk(message)}
        for node in nodes:
            if id(node) not in told:
                for what, change in mutations(node):
                    label = f"{component.__name__}: {ast.unparse(node)}: {what}"
                    yield label, Mutant(holder, name, function, node.place, change)


MUTANTS = [
    pytest.param(component, mutant, id=label)
    for component in COMPONENTS
    for label, mutant in mutants_of(component)
]


def lines_of(component):
    """Return the lines of a pullback that compute something: arithmetic or a call of NumPy's."""
    return {
        (function, node.lineno)
        for function in functions_of(component).values()
        for line in parsed(function).body[0].body
        for node in ast.walk(line)
        if isinstance(node, ast.BinOp) or computes(node)
    }


def test_there_are_mutants_of_every_component():
    mutated = {param.values[0] for param in MUTANTS}
    assert mutated == set(COMPONENTS)
    for component in COMPONENTS:
        assert sum(param.values[0] is component for param in MUTANTS) >= 2 * len(
            lines_of(component)
        )


def faults_of(component):
    """Yield what is wrong with its rows, a row at a time."""
    mine = [case for case in CASES if case.component is component]
    for seed in range(3):
        for case in [case for case in mine if seed in case.seeds]:
            report = check_library([replace(case, seeds=(seed,))], pytorch=False)
            if not report.ok:
                yield [str(fault) for _, _, result in report.results for fault in result.faults]


def is_right(component):
    """Return whether its rows agree, of which the first that does not is the last that is asked."""
    return next(faults_of(component), None) is None


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_what_is_not_corrupted_is_right(component):
    assert not list(faults_of(component))


@pytest.mark.parametrize(("component", "mutant"), MUTANTS)
def test_corrupted_pullback_is_found(component, mutant, monkeypatch):
    mutant.put(monkeypatch)
    assert not is_right(component)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_command_exits_1(component, monkeypatch):
    mutant = next(param.values[1] for param in MUTANTS if param.values[0] is component)
    mutant.put(monkeypatch)
    rows = [replace(case, seeds=(0,)) for case in CASES if case.component is component]
    monkeypatch.setattr(library, "check_library", partial(check_library, rows))
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 1, result.output
    assert "WRONG" in result.output
