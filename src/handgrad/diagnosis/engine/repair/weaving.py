"""New code as the student would have written it: with their spaces, parentheses and lines."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Sequence
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from handgrad.diagnosis.engine.repair.edits import COMPOUND, header, text
from handgrad.diagnosis.engine.repair.source import Unit

__all__ = ["Passage", "reads", "rendered", "woven"]

_TO_THE_COLON = re.compile(r"(?:[)\s\\]|#.*)*:")
_NOTHING_LEFT = re.compile(r"\s*(?:#.*)?")
_OPENS = re.compile(r"[^\w\s\"')\]}]+")
_LAYOUT = {
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.COMMENT,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


class Passage:
    """The student's own code of a node; of a statement with others in it the head alone.

    Parameters
    ----------
    unit
        The function.
    node
        An expression or a statement that stands in its file.
    """

    def __init__(self, unit: Unit, node: ast.expr | ast.stmt) -> None:
        self.line = node.lineno
        self._lines = unit.lines[node.lineno - 1 :]
        end = node.end_lineno or node.lineno, node.end_col_offset or 0
        if isinstance(node, COMPOUND):
            inner = (n for n in ast.walk(header(node)) if isinstance(n, ast.expr))
            end = max(((n.end_lineno or 0, n.end_col_offset or 0) for n in inner), default=end)
        rest = "".join(self._lines)
        self._start, stop = self._offset(node.lineno, node.col_offset), self._offset(*end)
        if isinstance(node, COMPOUND) and (colon := _TO_THE_COLON.match(rest, stop)):
            stop = colon.end()
        last = rest.find("\n", stop)
        self.code = rest[self._start : stop]
        self.before, self.after = rest[: self._start], rest[stop : last if last >= 0 else None]

    def _offset(self, line: int, column: int) -> int:
        """Return how many letters stand before a place, whose column Python counts in bytes."""
        at = line - self.line
        here = self._lines[at] if 0 <= at < len(self._lines) else ""
        above = sum(len(line) for line in self._lines[:at])
        return above + len(here.encode()[:column].decode(errors="replace"))

    @property
    def rows(self) -> list[str]:
        """The lines on which it stands, as they are."""
        return f"{self.before}{self.code}{self.after}".split("\n")

    def replaced(self, places: Sequence[tuple[ast.expr, str]]) -> str:
        """Return the code with other code in the places of some of its expressions."""
        code = self.code
        for old, new in sorted(places, key=lambda p: -self._offset(p[0].lineno, p[0].col_offset)):
            start = self._offset(old.lineno, old.col_offset) - self._start
            end = self._offset(old.end_lineno or 0, old.end_col_offset or 0) - self._start
            if not 0 <= start <= end <= len(code):
                return ""
            code = code[:start] + new + code[end:]
        return code


def reads(code: str) -> str:
    """Return code as Python reads it, "" where it cannot."""
    for tried in (code, f"{code.rstrip()}\n    pass", f"({code})"):
        try:
            return text(ast.parse(tried).body[0])
        except (SyntaxError, IndexError, ValueError):
            continue
    return ""


def rendered(unit: Unit, node: ast.expr | ast.stmt) -> str:
    """Return new code in which the expressions that are the student's are as they wrote them."""
    own: dict[str, str] = {}
    code = text(_masked(unit, node, own)).removesuffix("\n    pass")
    wanted = text(node)

    def filled() -> str:
        parts = re.split(r"(_own_\d+_)", code)
        return "".join(own.get(part, part) for part in parts)

    bare, own = own, {name: f"({passage})" for name, passage in own.items()}
    for name, passage in bare.items():
        enclosed, own[name] = own[name], passage
        if reads(filled()) != wanted:
            own[name] = enclosed
    return filled() if reads(filled()) == wanted else wanted.removesuffix("\n    pass")


def _masked(unit: Unit, node: Any, own: dict[str, str]) -> Any:
    """Return a copy with a name in the place of each expression that stands in the file so."""
    if isinstance(node, list):
        return [_masked(unit, each, own) for each in node]
    if not isinstance(node, ast.AST) or isinstance(node, ast.JoinedStr):
        return node
    if isinstance(node, ast.expr) and not isinstance(node, ast.Name) and hasattr(node, "lineno"):
        code = Passage(unit, node).code
        if reads(code) == text(node):
            name = f"_own_{len(own)}_"
            own[name] = code
            return ast.copy_location(ast.Name(name, ast.Load()), node)
    fields = {name: _masked(unit, value, own) for name, value in ast.iter_fields(node)}
    return ast.copy_location(type(node)(**fields), node)


def woven(passage: Passage, new: str) -> list[str | None] | None:
    """Return the lines of a passage with nothing changed but what new code has otherwise.

    A line of which nothing is left is None, and all is None where new code cannot be woven in.
    """
    rows: list[str | None] = list(passage.rows)
    try:
        olds, news = _tokens(passage.code, len(passage.before)), _tokens(new, 0)
    except (tokenize.TokenError, SyntaxError):
        return None
    match = SequenceMatcher(None, [t.string for t in olds], [t.string for t in news], False)
    for tag, i, j, k, m in reversed(match.get_opcodes()):
        if tag == "equal":
            continue
        by = _slid(olds, i, j) if tag == "delete" else 0
        come = _between(new, news, k, m)
        around = _gap(new, news, k + by), _gap(new, news, m + by)
        _change(rows, olds, i + by, j + by, come, around)
    code = "\n".join(row for row in rows if row is not None).lstrip()
    wanted = reads(f"{passage.before.lstrip()}{new}{passage.after}")
    return rows if reads(code) == wanted else None


def _tokens(code: str, indent: int) -> list[tokenize.TokenInfo]:
    """Return what code is made of, comments and ends of lines left out, as if it were indented."""

    def placed(row: int, column: int) -> tuple[int, int]:
        return row - 1, column + (indent if row == 1 else 0)

    return [
        token._replace(start=placed(*token.start), end=placed(*token.end))
        for token in tokenize.generate_tokens(StringIO(code).readline)
        if token.type not in _LAYOUT
    ]


def _between(code: str, tokens: Sequence[tokenize.TokenInfo], first: int, last: int) -> str:
    """Return the code of some tokens on one line."""
    if first == last:
        return ""
    rows = code.split("\n")
    (top, start), (bottom, end) = tokens[first].start, tokens[last - 1].end
    inner = rows[top : bottom + 1]
    inner[-1] = inner[-1][:end]
    inner[0] = inner[0][start:]
    return " ".join(row.strip() for row in inner)


def _slid(tokens: Sequence[tokenize.TokenInfo], first: int, last: int) -> int:
    """Return by how many tokens what goes can be told to be later or earlier, on fewer lines."""
    shifts, by = [0], -1
    while first + by >= 0 and tokens[first + by].string == tokens[last + by].string:
        shifts.append(by)
        by -= 1
    by = 0
    while last + by < len(tokens) and tokens[first + by].string == tokens[last + by].string:
        by += 1
        shifts.append(by)
    return min(shifts, key=lambda by: tokens[last + by - 1].end[0] - tokens[first + by].start[0])


def _gap(code: str, tokens: Sequence[tokenize.TokenInfo], at: int) -> str:
    """Return what stands between a token and the one before it."""
    if not 0 < at < len(tokens):
        return ""
    (row, end), (below, start) = tokens[at - 1].end, tokens[at].start
    return code.split("\n")[row][end:start] if row == below else " "


def _change(
    rows: list[str | None],
    tokens: Sequence[tokenize.TokenInfo],
    first: int,
    last: int,
    come: str,
    gaps: tuple[str, str],
) -> None:
    """Put code in the place of some tokens, be it none, and leave out the lines that it empties."""
    if first == last:  # nothing goes: after the token before, unless that one begins something
        opened = not first or (first < len(tokens) and _OPENS.fullmatch(tokens[first - 1].string))
        (top, start) = (bottom, end) = tokens[first].start if opened else tokens[first - 1].end
    else:
        (top, start), (bottom, end) = tokens[first].start, tokens[last - 1].end
    head, tail = (rows[top] or "")[:start], (rows[bottom] or "")[end:]
    more = not _NOTHING_LEFT.fullmatch(tail)
    if first == last:
        head = head.rstrip() + gaps[0] if head.strip() else head
        come += gaps[1] if more else ""
        tail = tail.lstrip() if more else tail
    if top == bottom:
        if not come and head.strip():
            head = head.rstrip() + (gaps[0] if more else "")
            tail = tail.lstrip() if more else tail
        changed = {top: head + come + tail}
    else:
        line = rows[bottom] or ""
        indent = line[: len(line) - len(line.lstrip())]
        changed = dict.fromkeys(range(top, bottom), "")
        changed |= {top: head + come, bottom: indent + tail.lstrip()}
    for at, row in changed.items():
        rows[at] = None if _NOTHING_LEFT.fullmatch(row) else row.rstrip()
