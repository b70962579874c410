"""What stands in a student's file, without running anything."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from handgrad.diagnosis.student.source import parse, pieces

__all__ = ["Entry", "names_in", "outline", "outline_of"]


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


@dataclass(frozen=True)
class Entry:
    """A function, and how many arguments it may be given; or a class, and what it mentions."""

    is_class: bool = False
    mentions: frozenset[str] = frozenset()
    """The names of its methods and of every attribute, its bases' too."""
    least: int = 0
    most: float = inf


def outline(file: Path) -> dict[str, Entry]:
    """Return the functions and classes at the top of a file."""
    found: dict[str, Entry] = {}
    for node in _body(file) or ():
        if isinstance(node, ast.FunctionDef):
            found[node.name] = _function(node.args)
        elif isinstance(node, ast.Assign):
            if entry := _assigned(node.value, found):
                found |= {name.id: entry for name in node.targets if isinstance(name, ast.Name)}
        elif isinstance(node, ast.ClassDef):
            inside = list(ast.walk(node))
            names = {each.attr for each in inside if isinstance(each, ast.Attribute)}
            names |= {each.name for each in inside if isinstance(each, ast.FunctionDef)}
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            inherited = (found[base].mentions for base in bases if base in found)
            mentions = frozenset(names).union(*inherited)
            found[node.name] = Entry(True, mentions)
    return found


def _function(arguments: ast.arguments) -> Entry:
    """Return the entry of a function with these arguments."""
    count = len(arguments.posonlyargs) + len(arguments.args)
    most = inf if arguments.vararg else count
    return Entry(least=count - len(arguments.defaults), most=most)


def _assigned(value: ast.expr, found: Mapping[str, Entry]) -> Entry | None:
    """Return the entry of what a name is given to: a lambda, or what has a name already."""
    if isinstance(value, ast.Lambda):
        return _function(value.args)
    return found.get(value.id) if isinstance(value, ast.Name) else None


def outline_of(names: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the same of what has been imported; of a class, what it holds."""
    found: dict[str, Entry] = {}
    for name, value in names.items():
        if isinstance(value, type):
            found[name] = Entry(True, frozenset(dir(value)))
        elif inspect.isfunction(value):
            code, defaults = value.__code__, value.__defaults__ or ()
            most = inf if code.co_flags & inspect.CO_VARARGS else code.co_argcount
            found[name] = Entry(least=code.co_argcount - len(defaults), most=most)
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
    if parts and unread == len(parts):
        return None
    return body
