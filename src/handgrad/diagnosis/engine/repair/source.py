"""The student's own functions: their syntax trees, and how an edited one is run in their place.

A function is replaced by its code object alone. Whatever refers to it (an object's method, a name
imported elsewhere, a decorator around it) then runs the new code in the old namespace, and putting
the old code object back undoes it all.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from handgrad.diagnosis.student.exceptions import is_theirs
from handgrad.diagnosis.student.source import Piece, parse

__all__ = ["FUTURE", "Unit", "inside", "recorded", "units"]

FUTURE = reduce(or_, (getattr(__future__, n).compiler_flag for n in __future__.all_feature_names))
"""The flags of every `from __future__ import`."""
_LIMIT = 60
"""How many functions are looked at; a student's component has fewer."""


@dataclass(eq=False)
class Unit:
    """One function of the student's, and what its variables held when it last ran.

    Parameters
    ----------
    function
        The function itself, inside of any decorator.
    tree
        Its definition, with the line numbers of the file or cell.
    shell
        A module that defines it alone, within what it needs around it.
    owner
        The class that it is a method of.
    """

    function: types.FunctionType
    tree: ast.FunctionDef
    shell: ast.Module
    owner: type | None
    values: dict[str, Any] = field(default_factory=dict)
    executed: set[int] = field(default_factory=set)
    """The lines that have run."""
    depth: int = 0
    """How many of the student's functions were waiting for it when it first ran."""

    @property
    def file(self) -> str:
        """Where it stands: a path, or what Python calls a cell."""
        return self.function.__code__.co_filename

    @property
    def lines(self) -> list[str]:
        """The lines of that file."""
        return linecache.getlines(self.file, self.function.__globals__)

    @property
    def first_argument(self) -> str | None:
        """What a method calls the object, None for other functions."""
        if self.owner is None or not self.tree.args.args:
            return None
        return self.tree.args.args[0].arg

    def compiled(self) -> types.CodeType | None:
        """Return the tree, as it is now, as a code object; None where that is no program."""
        old = self.function.__code__
        try:
            code = compile(self.shell, old.co_filename, "exec", old.co_flags & FUTURE, True)
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return None
        found = inside(code, old.co_name)
        return found if found is not None and found.co_freevars == old.co_freevars else None

    @contextmanager
    def running(self, code: types.CodeType) -> Iterator[None]:
        """Run other code in the place of this function's."""
        old = self.function.__code__
        self.function.__code__ = code
        try:
            yield
        finally:
            self.function.__code__ = old


def units(roots: Iterable[Any]) -> list[Unit]:
    """Return a `Unit` for every function of the student's that classes or functions lead to.

    Those are the methods of a class and of its bases, and the helpers that they name. What cannot
    be read, or reads otherwise than what runs, is left out.
    """
    found: dict[types.FunctionType, Unit | None] = {}
    files: dict[str, _File] = {}
    waiting: list[tuple[Any, type | None]] = [(root, None) for root in roots]
    seen: set[int] = set()
    while waiting and len(found) < _LIMIT:
        thing, owner = waiting.pop(0)
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            for cls in thing.__mro__:
                if _of_students(sys.modules.get(cls.__module__), cls):
                    waiting += [(value, cls) for value in vars(cls).values()]
            continue
        function = _plain(thing)
        if function is None or function in found or not is_theirs(function.__code__.co_filename):
            continue
        found[function] = _read(function, owner, files)
        waiting += [(value, None) for value in _named(function)]
    return [unit for unit in found.values() if unit is not None]


def _plain(thing: Any) -> types.FunctionType | None:
    """Return the function in a method, a property or a decorated function."""
    if isinstance(thing, staticmethod | classmethod):
        thing = thing.__func__
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, types.MethodType):
        thing = thing.__func__
    try:
        thing = inspect.unwrap(thing) if callable(thing) else None
    except ValueError:  # it wraps itself
        return None
    return thing if isinstance(thing, types.FunctionType) else None


def _of_students(module: types.ModuleType | None, thing: Any) -> bool:
    """Return whether a class is the student's: one of its functions is, or its module is."""
    functions = (_plain(value) for value in vars(thing).values())
    files = [f.__code__.co_filename for f in functions if f is not None]
    files += [file] if (file := getattr(module, "__file__", None)) and not files else []
    return any(is_theirs(file) for file in files)


def _named(function: types.FunctionType) -> Iterator[Any]:
    """Yield the student's functions and classes that a function names."""
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    space = function.__globals__
    for name in sorted(names):
        value = space.get(name)
        if isinstance(value, types.ModuleType):
            file = getattr(value, "__file__", None)
            if file and is_theirs(file):
                yield from (v for n in sorted(names) if (v := vars(value).get(n)) is not None)
        elif isinstance(value, type):
            if _of_students(None, value):
                yield value
        elif callable(value):
            yield value


_Read = tuple[bytes, tuple[str, ...], str]


def _read_as(code: types.CodeType) -> _Read:
    """Return what a code object does, by which another one is told from it."""
    consts = [const for const in code.co_consts if not isinstance(const, types.CodeType)]
    return code.co_code, code.co_names, repr(consts)


@dataclass(frozen=True)
class _File:
    """A file or a cell, read again."""

    nodes: dict[tuple[str, int], ast.FunctionDef]
    codes: dict[tuple[str, int], _Read]

    @classmethod
    def read(cls, name: str, space: dict[str, Any]) -> _File:
        """Return what a file defines, nothing where it cannot be read."""
        try:
            tree = parse(Piece(name, "".join(linecache.getlines(name, space))))
            codes = _codes(compile(tree, name, "exec", dont_inherit=True))
        except (SyntaxError, ValueError):
            return cls({}, {})
        return cls(
            {
                (node.name, line): node
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
                for line in (node.lineno, *(d.lineno for d in node.decorator_list[:1]))
            },
            {(code.co_name, code.co_firstlineno): _read_as(code) for code in codes},
        )


def _read(function: types.FunctionType, owner: type | None, files: dict[str, _File]) -> Unit | None:
    code = function.__code__
    if code.co_filename not in files:
        files[code.co_filename] = _File.read(code.co_filename, function.__globals__)
    file, key = files[code.co_filename], (code.co_name, code.co_firstlineno)
    if key not in file.nodes:
        return None
    unit = Unit(function, file.nodes[key], _shell(file.nodes[key], code, owner), owner)
    again = unit.compiled()
    # A name that is imported is looked up in another way where its import is seen.
    read = {file.codes.get(key), again and _read_as(again)}
    return unit if again is not None and _read_as(code) in read else None


def _shell(node: ast.FunctionDef, code: types.CodeType, owner: type | None) -> ast.Module:
    """Return a module that defines a function within a class, and the names that it closes over."""
    body: ast.stmt = node
    if owner is not None:
        name = code.co_qualname.split(".")[-2] if "." in code.co_qualname else owner.__name__
        body = ast.ClassDef(name, [], [], [node], [])
    outer = [name for name in code.co_freevars if name != "__class__"]
    if outer:
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in outer]
        given = ast.Assign(targets, ast.Constant(None))
        arguments = ast.arguments([], [], None, [], [], None, [])
        body = ast.FunctionDef("_", arguments, [given, body], [])
    module = ast.Module([body], [])
    for part in ast.walk(module):  # only what was made here has no place yet
        if isinstance(part, ast.expr | ast.stmt) and not hasattr(part, "lineno"):
            ast.copy_location(part, node)
    return module


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those within it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


def inside(code: types.CodeType, name: str) -> types.CodeType | None:
    """Return the code object of this name, the outermost one."""
    return next((each for each in _codes(code) if each.co_name == name), None)


@contextmanager
def recorded(known: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Note which units run, the lines that do, and what their variables hold at the end.

    Yields the list of the units that have run, in that order.
    """
    by_code = {code: unit for unit in known for code in _codes(unit.function.__code__)}
    ran: list[Unit] = []

    def inner(unit: Unit) -> Callable[..., Any]:
        def trace(frame: types.FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                unit.executed.add(frame.f_lineno)
            elif event == "return" and frame.f_code is unit.function.__code__:
                unit.values.update(frame.f_locals)
            return trace

        return trace

    def outer(frame: types.FrameType, event: str, argument: Any) -> Any:
        unit = by_code.get(frame.f_code)
        if unit is None:
            return None
        if unit not in ran:
            ran.append(unit)
            unit.depth, above = 0, frame.f_back
            while above is not None:
                unit.depth += above.f_code in by_code
                above = above.f_back
        return inner(unit)

    before = sys.gettrace()
    sys.settrace(outer)
    try:
        yield ran
    finally:
        sys.settrace(before)
