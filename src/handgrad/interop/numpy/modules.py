"""Where a name of a module comes from, read from the module's text."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from functools import lru_cache
from typing import Any

from handgrad.errors import ArgumentError

__all__ = ["allowed", "class_node", "found", "member"]


def allowed(module: str) -> bool:
    """Return whether a module may be imported where only NumPy is installed."""
    return module.partition(".")[0] in {"numpy", *sys.stdlib_module_names}


def found(module: str, name: str) -> tuple[str, ast.stmt]:
    """Return the statement that binds a name at the top of a module, and the module it is in.

    What a module has imported from another that is not to be imported is looked up there.
    """
    for statement in reversed(_tree(module).body):
        if name not in _bound(statement):
            continue
        if isinstance(statement, ast.ImportFrom) and not allowed(statement.module or ""):
            alias = next(a for a in statement.names if name in (a.asname, a.name))
            return found(_absolute(module, statement), alias.name)
        return module, statement
    raise ArgumentError(
        f"{name}, which {module} has not at its top",
        "names that are bound by a def, a class, an import or an assignment",
        f"bind {name} so, for an export that needs no handgrad",
    )


def class_node(cls: type[Any]) -> ast.ClassDef:
    """Return the text of a class, as a tree."""
    for node in ast.walk(_tree(cls.__module__)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            return node
    raise _unreadable(cls.__module__)


def member(cls: type[Any], name: str) -> tuple[str, ast.stmt] | None:
    """Return what a class or the first of its bases defines as `name`, and in which module."""
    for base in cls.__mro__:
        if name in vars(base) and base.__module__ != "builtins":
            for statement in class_node(base).body:
                if name in _bound(statement):
                    return base.__module__, statement
    return None


@lru_cache(maxsize=256)
def _tree(module: str) -> ast.Module:
    try:
        return ast.parse(inspect.getsource(importlib.import_module(module)))
    except (OSError, TypeError, ImportError, SyntaxError) as error:
        raise _unreadable(module) from error


def _unreadable(module: str) -> ArgumentError:
    return ArgumentError(
        f"a component of the module {module}, whose text cannot be read",
        "components that are written in files",
        "put the class into a file, and import it from there",
    )


def _absolute(module: str, statement: ast.ImportFrom) -> str:
    package = module if hasattr(sys.modules.get(module), "__path__") else module.rpartition(".")[0]
    return importlib.util.resolve_name("." * statement.level + (statement.module or ""), package)


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    nodes = [node for target in targets if target is not None for node in ast.walk(target)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}
