"""What is changed in a statement is changed in its line, and all else stays as it was written."""

import ast
import linecache
from textwrap import indent

import pytest

from handgrad.diagnosis.engine.repair.edits import Edit, slots, statements
from handgrad.diagnosis.engine.repair.rewriting import steps
from handgrad.diagnosis.engine.repair.source import units


def unit_of(code, tmp_path):
    """The unit of a function `f` that holds these lines, from its line 2 on."""
    path = tmp_path / "student.py"
    path.write_text("def f(a, b, c, w):" + indent(code, "    "), encoding="utf-8")
    space = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    linecache.checkcache()
    (unit,) = units([space["f"]])
    return unit


def changed(code, old, new, tmp_path):
    """The steps that put one expression in the place of another."""
    unit = unit_of(code, tmp_path)
    statement, slot = next(
        (statement, slot)
        for _, _, statement in statements(unit.tree.body)
        for slot in slots(statement)
        if ast.unparse(slot.node) == old
    )
    inner = {ast.unparse(node): node for node in ast.walk(slot.node) if isinstance(node, ast.expr)}

    class Own(ast.NodeTransformer):
        """The parts that stay are the student's own nodes, as in an edit."""

        def visit(self, node):
            own = inner.get(ast.unparse(node)) if isinstance(node, ast.expr) else None
            return own or self.generic_visit(node)

    fresh = ast.parse(new, mode="eval").body
    for node in ast.walk(fresh):
        for place in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, place):
                delattr(node, place)
    fresh = Own().visit(fresh)
    edit = Edit(unit, statement, (slot.change(fresh),), 1, "it")
    return [(step.line, step.how, step.old, step.new) for step in steps([edit])]


LONG = """
dx = (
    a.sum()  # first
    - b.mean( )
    - 1. * c
) / w
return dx
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "b.mean()",
            "b.sum()",
            (4, "replace", "- b.mean( )", "- b.sum( )"),
        ),
        ("a.sum() - b.mean()", "a.sum()", (4, "remove", "- b.mean( )", "")),
        (
            "a.sum() - b.mean() - 1.0 * c",
            "a.sum() - b.mean()",
            (5, "remove", "- 1. * c", ""),
        ),
        ("1.0 * c", "1.0 * c * w", (5, "replace", "- 1. * c", "- 1. * c * w")),
        ("c", "c ** 2", (5, "replace", "- 1. * c", "- 1. * c ** 2")),
        ("w", "(1 - w)", (6, "replace", ") / w", ") / (1 - w)")),
        ("a.sum()", "(a * c).sum()", (3, "replace", "a.sum()  # first", "(a * c).sum()  # first")),
    ],
)
def test_of_a_long_statement_the_line_alone_is_told(old, new, expected, tmp_path):
    assert changed(LONG, old, new, tmp_path) == [expected]


def test_two_lines_of_a_statement_are_two(tmp_path):
    told = changed(LONG, "a.sum() - b.mean() - 1.0 * c", "a.sum()", tmp_path)
    assert [(line, how) for line, how, _, _ in told] == [(4, "remove"), (5, "remove")]


@pytest.mark.parametrize(
    ("code", "old", "new", "expected"),
    [
        ("x = (a@b) / w # mean\n", "a @ b / w", "a @ b", "x = a@b # mean"),
        ("x = a@ (b+c)  # mean\n", "a @ (b + c)", "(b + c) @ a", "x = (b+c) @ a  # mean"),
        ("x = 'é', a*b\n", "a * b", "a * b * c", "x = 'é', a*b * c"),
        ("if a > 0: x = a * b\n", "a * b", "a", "if a > 0: x = a"),
        ("if (a\n        > b):\n    x = a\n", "a > b", "a >= b", ">= b):"),
        (
            "for i in range(len(a) - 1):  # all\n    x = a\n",
            "len(a) - 1",
            "len(a)",
            "for i in range(len(a)):  # all",
        ),
    ],
)
def test_what_is_not_edited_stays_as_it_was_written(code, old, new, expected, tmp_path):
    ((_, _, _, line),) = changed("\n" + code, old, new, tmp_path)
    assert line == expected
