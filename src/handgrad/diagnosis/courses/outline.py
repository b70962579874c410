"""What stands in a student's file, without running anything."""

from __future__ import annotations

import ast
from pathlib import Path

from handgrad.diagnosis.student.source import parse, pieces

__all__ = ["names_in", "outline"]


def names_in(file: Path, classes_only: bool = False) -> set[str] | None:
    """Return the names at the top of a script or notebook, or None where nothing can be read."""
    body = _body(file)
    if body is None:
        return None
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif classes_only:
            continue
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def outline(file: Path) -> dict[str, frozenset[str]]:
    """Return the functions and classes of a file, and what each class mentions.

    That are the names of its methods and of every attribute, its bases' too.
    """
    found: dict[str, frozenset[str]] = {}
    for node in _body(file) or ():
        if isinstance(node, ast.FunctionDef):
            found[node.name] = frozenset()
        elif isinstance(node, ast.ClassDef):
            inside = list(ast.walk(node))
            names = {each.attr for each in inside if isinstance(each, ast.Attribute)}
            names |= {each.name for each in inside if isinstance(each, ast.FunctionDef)}
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            found[node.name] = frozenset(names).union(*(found.get(base, ()) for base in bases))
    return found


def _body(file: Path) -> list[ast.stmt] | None:
    """Return the statements at the top of a file, or None where nothing can be read."""
    try:
        parts = pieces(file)
    except (OSError, SyntaxError, ValueError):
        return None
    body: list[ast.stmt] = []
    unread = 0
    for piece in parts:
        try:
            body += parse(piece).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            unread += 1
    if unread == len(parts):
        return None
    return body
