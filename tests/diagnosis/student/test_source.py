"""Which statements of a script define, and what they need."""

import ast
import json

import pytest

from handgrad.diagnosis.student.source import Piece, definitions, parse, pieces, source_line


def taken(text, name=""):
    statements, _ = definitions([Piece("mine.py", text)], name)
    return [ast.unparse(each.node).splitlines()[0] for each in statements]


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np",
        "from os import *",
        "def f():",
        "class A(B):",
        "EPS = 1e-08",
        "sizes = {'a': [1, -2]}",
        "g = f",
        "A.forward = f",
        "square = lambda x: x * x",
        "count: int = 0",
        "if np.__version__ > '2':",
        "try:",
    ],
)
def test_it_defines(text):
    bodies = {"if": "\n    g = 1\nelse:\n    g = 2", "try": "\n    import a\nexcept OSError: a = 0"}
    body = bodies.get(text.rstrip(":").split()[0], "\n    pass")
    assert taken(text + body * text.endswith(":")) == [text]


@pytest.mark.parametrize(
    "text",
    ["train()", "x = load()", "for i in range(3): pass", "if a: train()", "assert x", "a: int"],
)
def test_it_does_not(text):
    assert taken(text) == []


def test_what_a_function_needs_is_taken_and_what_that_needs():
    text = """
seed = int(input())
rng = make(seed)
log = []
for i in range(3): table = log.append(i)
def f():
    def g(): return rng
"""
    assert taken(text) == ["seed = int(input())", "rng = make(seed)", "log = []", "def f():"]
    assert taken("layer = Linear(3, 5)\nother = Linear(1, 1)", "layer") == ["layer = Linear(3, 5)"]
    late = "from __future__ import annotations\ndef f(x: nothing): pass"
    statements, _ = definitions([Piece("mine.py", late)])
    for each in statements:  # the annotation is not looked up
        exec(each.code, {})


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("%time x\ny = 1", "pass\ny = 1"),
        ("if a:\n    !ls\ny = 1", "if a:\n    pass\ny = 1"),
        ("files = !ls\nnp.dot?\ny = 1", "pass\npass\ny = 1"),
        ("%%time\ny = 1", "y = 1"),
        ("\n%%html\ny = 1", ""),
        ("%%writefile a/layers.py\ny = 1", "y = 1"),
        ("%%writefile notes.txt\ny = 1", ""),
        ("text = '''\n%d\n'''", "text = '\\n%d\\n'"),
    ],
)
def test_magic_lines_are_no_python(text, plain):
    assert ast.unparse(parse(Piece("mine.py", text))) == plain


def test_a_line_keeps_its_number():
    assert parse(Piece("mine.py", "\n%%time\n!ls\ny = 1")).body[-1].lineno == 4


def test_what_stays_unreadable_is_told_as_it_stands():
    _, (error,) = definitions([Piece("a", "!ls\nclass A\n"), Piece("b", "b = 1")])
    assert (error.filename, error.text) == ("a", "!ls\n")


def test_a_script_is_one_piece_in_its_own_encoding(tmp_path):
    file = tmp_path / "mine.py"
    file.write_bytes("# coding: latin-1\nname = 'größe'\n".encode("latin-1"))
    (piece,) = pieces(file)
    assert "größe" in piece.text
    assert source_line(str(tmp_path / "none.ipynb, cell 1"), 1) == ""


def test_an_old_notebook_is_read(tmp_path):
    file = tmp_path / "old.ipynb"
    cells = [{"cell_type": "heading"}, {"cell_type": "code", "input": ["a = 1\n", "b = 2"]}]
    file.write_text(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert pieces(file) == [Piece(f"{file}, cell 1", "a = 1\nb = 2")]
