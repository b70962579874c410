"""The text of a student's script or notebook: its pieces, and those of its statements that define.

A notebook's code cells are pieces; a script is one. Lines are counted within a piece, so that a
traceback names the cell and the line in it. Magic lines (``%matplotlib inline``, ``!pip``) are no
Python, and count as empty.
"""

from __future__ import annotations
import __future__

import ast
import dis
import json
import linecache
import re
import types
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.util import decode_source
from pathlib import Path

__all__ = [
    "Piece",
    "Statement",
    "definitions",
    "is_notebook",
    "parse",
    "pieces",
    "place",
    "remember",
    "source_line",
]

_MAGIC = re.compile(r"^([ \t]*)(?:[%!?]|\w+ *= *[%!]|[\w.]+\?+ *$).*$", re.MULTILINE)
_PYTHON = re.compile(r"\s*%%(?:time|timeit|capture|prun|python3?|writefile .*\.py)\b.*")
"""Magic in the first line of a cell that is Python otherwise, be it written to a file."""
_CELL = re.compile(r"(.+\.ipynb), cell (\d+)$")
_LIVE = re.compile(r"<ipython-input-|.*[/\\]ipykernel_\d+[/\\]")
"""What a notebook that runs calls its cells."""


@dataclass(frozen=True)
class Piece:
    """A script, or a cell of a notebook, and the name by which a traceback calls it."""

    filename: str
    text: str


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a piece, ready to be run."""

    node: ast.stmt
    code: types.CodeType

    @property
    def makes(self) -> set[str]:
        """The names that it binds."""
        names = set()
        for child in ast.walk(self.node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                names.add(child.id)
            elif isinstance(child, ast.FunctionDef | ast.ClassDef):
                names.add(child.name)
            elif isinstance(child, ast.alias):
                names.add(child.asname or child.name.partition(".")[0])
        return names


def is_notebook(file: Path) -> bool:
    """Return whether a file is a notebook by its name."""
    return file.suffix == ".ipynb"


def pieces(file: Path) -> list[Piece]:
    """Return what a script or a notebook is made of.

    A notebook that cannot be read raises a ValueError; a file, whatever reading it raises.
    """
    if not is_notebook(file):
        return [Piece(str(file), decode_source(file.read_bytes()))]
    try:
        book = json.loads(file.read_text("utf-8-sig"))
        # Until 2014 the cells lay in a worksheet, and what they hold was called their input.
        cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in code]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{file.name} is no notebook that can be read: {error!r}") from error
    return [Piece(f"{file}, cell {i}", text) for i, text in enumerate(texts, start=1)]


def parse(piece: Piece) -> ast.Module:
    """Return the piece as a tree; magic lines are taken out where Python cannot read it else."""
    try:
        return ast.parse(piece.text, piece.filename)
    except SyntaxError as error:
        first, _, rest = piece.text.lstrip("\n").partition("\n")
        if first.lstrip().startswith("%%"):
            rest = "\n" * (piece.text.count("\n") - rest.count("\n")) + rest
            return parse(Piece(piece.filename, rest if _PYTHON.match(first) else ""))
        plain = _MAGIC.sub(r"\1pass", piece.text)
        if plain == piece.text:
            raise
        try:
            return ast.parse(plain, piece.filename)
        except SyntaxError:
            raise error from None  # about the text as it stands


def remember(piece: Piece) -> None:
    """Have tracebacks, and whoever asks for the source, find the lines of a piece."""
    lines = piece.text.splitlines(keepends=True)
    linecache.cache[piece.filename] = (len(piece.text), None, lines, piece.filename)


def place(filename: str, files: Collection[str]) -> str:
    """Return where a line is for somebody who looks at these files: a cell, or another file."""
    if cell := _CELL.match(filename):
        return f"cell {cell[2]}"
    if filename in files:
        return ""
    return "another cell" if _LIVE.match(filename) else Path(filename).name


def source_line(filename: str, number: int) -> str:
    """Return a line of a script or of a notebook's cell, "" where there is none."""
    cell = _CELL.match(filename)
    if cell is None:
        return linecache.getline(filename, number).strip()
    try:
        lines = pieces(Path(cell[1]))[int(cell[2]) - 1].text.splitlines()
        return lines[number - 1].strip()
    except (OSError, ValueError, IndexError):
        return ""


def definitions(parts: list[Piece], name: str = "") -> tuple[list[Statement], list[SyntaxError]]:
    """Return the statements that define, and those that they need; what cannot be read, too.

    Imports, functions, classes, constants and other names for them define. Another statement is
    taken only where it makes the name that is asked for, or one that is used in a function; a loop,
    such as that of a training, is never.
    """
    statements, unreadable = _statements(parts)
    kept = {i for i, each in enumerate(statements) if _defines(each.node)}
    while True:
        needed = {name}.union(*(_globals(statements[i].code) for i in kept))
        more = {
            i
            for i, each in enumerate(statements)
            if i not in kept and each.makes & needed and not _works(each.node)
        }
        if not more:
            return [each for i, each in enumerate(statements) if i in kept], unreadable
        kept |= more


def _statements(parts: list[Piece]) -> tuple[list[Statement], list[SyntaxError]]:
    statements: list[Statement] = []
    unreadable: list[SyntaxError] = []
    flags = 0
    for piece in parts:
        try:
            for node in parse(piece).body:
                if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                    flags |= __future__.annotations.compiler_flag
                alone = ast.Module([node], [])
                code = compile(alone, piece.filename, "exec", flags, dont_inherit=True)
                statements.append(Statement(node, code))
        except SyntaxError as error:
            unreadable.append(error)
    return statements, unreadable


def _defines(node: ast.stmt) -> bool:
    """Return whether a statement only gives a name to something."""
    if isinstance(node, ast.If | ast.Try):
        return all(_defines(child) for child in _blocks(node))
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is not None and _is_plain(node.value)
    simple = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return isinstance(node, simple | ast.Pass)


def _blocks(node: ast.If | ast.Try) -> Iterator[ast.stmt]:
    yield from (*node.body, *node.orelse)
    if isinstance(node, ast.Try):
        yield from node.finalbody
        for handler in node.handlers:
            yield from handler.body


def _is_plain(value: ast.expr) -> bool:
    """Return whether an expression is a constant, a name or a function."""
    if isinstance(value, ast.Name | ast.Lambda):
        return True
    if isinstance(value, ast.Attribute):
        return _is_plain(value.value)
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _works(node: ast.stmt) -> bool:
    return any(isinstance(child, ast.For | ast.While | ast.AsyncFor) for child in ast.walk(node))


def _globals(code: types.CodeType) -> set[str]:
    """Return the names that a code, and all functions in it, look up outside of themselves."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in _LOOKUPS}
    return names.union(*(_globals(c) for c in code.co_consts if isinstance(c, types.CodeType)))


_LOOKUPS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
