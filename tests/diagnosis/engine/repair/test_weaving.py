"""What is changed in a statement is changed in its line, and all else stays as it was written."""

import pytest

from handgrad.diagnosis.engine.repair.rewriting import steps
from single_edits import edit_of


def changed(code, old, new, folder):
    """The steps that put one expression in the place of another."""
    found = steps([edit_of(code, old, new, folder)])
    return [(step.line, step.how, step.old, step.new) for step in found]


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
        ("for i in a:\n    x = i\n", "a", "reversed(list(a))", "for i in reversed(list(a)):"),
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
