"""One call of a function, made again from the first statement on that is edited.

Most edits make a function raise, or give what is as wrong as before. To see that, neither the code
around it has to run again, nor the statements before the edited one, nor need those after it be
compiled once more. What is not refuted here has yet to run as a whole.
"""

from __future__ import annotations

import ast
import sys
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from handgrad.checking.arrays import identical
from handgrad.diagnosis.engine.repair.edits import Edit, placed
from handgrad.diagnosis.engine.repair.snapshot import Snapshot, UnknownError
from handgrad.diagnosis.engine.repair.source import FUTURE, Unit, inside
from handgrad.diagnosis.given import Results

__all__ = ["First", "Replay", "UnclearError", "watched"]

_END = "_handgrad_end_"
"""What tells the end of some statements from a `return` among them."""
_REST = "_handgrad_rest_"
_OWN = (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.Await)
"""What means something else in a part of a function than in the function."""
_PARTS = 60
"""How many values are looked at, of what a call leaves."""

_Path = tuple[Any, ...]
_Axes = tuple[int, ...]


class UnclearError(Exception):
    """What comes back cannot be told from here."""


@dataclass
class First:
    """The first call of a function: what it was given, how it was left, and what it returned.

    `callers` are the functions that were waiting for it, the nearest first.
    """

    given: Snapshot | None = None
    left: Any = None
    returned: Any = None
    callers: tuple[Unit, ...] = ()


@contextmanager
def watched(units: Sequence[Unit]) -> Iterator[dict[Unit, First]]:
    """Note the first call of each of some functions."""
    by_code = {unit.function.__code__: unit for unit in units}
    found: dict[Unit, First] = {}
    running: dict[types.FrameType, First] = {}

    def look(frame: types.FrameType, event: str, argument: Any) -> None:
        unit = by_code.get(frame.f_code)
        if event == "call" and unit is not None and unit not in found:
            above = [by_code[f.f_code] for f in _frames(frame.f_back) if f.f_code in by_code]
            found[unit] = running[frame] = call = First(callers=tuple(above))
            call.left = given = dict(frame.f_locals)
            try:
                call.given = Snapshot((given, given))
            except UnknownError:
                return
        elif event == "return" and frame in running:
            running.pop(frame).returned = argument

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


def _frames(frame: types.FrameType | None) -> Iterator[types.FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


class _Start(NamedTuple):
    """What the variables hold before a statement, and beside them what the call was given."""

    names: tuple[str, ...]
    state: Snapshot


class Replay:
    """The first call of a function in a trial.

    Parameters
    ----------
    unit
        The function.
    first
        The call.
    seen
        Quantities of the trial. Those that the call leaves as they are can be told from it alone.
    right
        What is right for them.

    Raises
    ------
    UnclearError
        Where the call cannot be made again, or leaves something else then.
    """

    def __init__(self, unit: Unit, first: First, seen: Results, right: Results) -> None:
        if first.given is None or any(isinstance(n, _OWN) for n in ast.walk(unit.tree)):
            raise UnclearError
        self.unit, self.body = unit, list(unit.tree.body)
        self._where = {
            id(each): at for at, statement in enumerate(self.body) for each in _all(statement)
        }
        self._paths = _paths((first.returned, first.left), first.given.fresh()[1], seen)
        self._seen = {name: seen[name] for name in self._paths}
        self._right = right
        self._shells: dict[tuple[str, ...], ast.Module] = {}
        code = unit.function.__code__
        names = tuple(dict.fromkeys([*first.left, *code.co_varnames, *code.co_cellvars]))
        self._rests = [self._function(self.body[at:], names) for at in range(len(self.body) + 1)]
        for rest in self._rests:
            rest.__kwdefaults__ = dict.fromkeys(names)
        self._starts: list[_Start | None] = [_Start(tuple(first.left), first.given)]
        if not self._is_as_before(0):
            raise UnclearError
        for at in range(1, len(self.body) + 1):
            self._starts.append(self._after(at - 1))
            if not self._is_as_before(at):
                self._starts[at] = None

    @property
    def tells(self) -> frozenset[str]:
        """The quantities that can be told from the call."""
        return frozenset(self._paths)

    def quantities(self, edits: Sequence[Edit]) -> Results:
        """Return the quantities that the call gives with edits, which have been made in the tree.

        Raises
        ------
        UnclearError
            Where that cannot be told.
        """
        first, last = self._between(edits)
        body = self.unit.tree.body
        window = body[first : len(body) - len(self.body) + last]
        while (start := self._starts[first]) is None:
            first -= 1
            window = [self.body[first], *window]
        return self._run(start, window, last)

    def again(self) -> Results:
        """Return the quantities that the call gives as its functions run now."""
        start = self._starts[0]
        assert start is not None
        return self._run(start, [], 0)

    def _between(self, edits: Sequence[Edit]) -> tuple[int, int]:
        """Return from where to where statements are edited, as they were before."""
        old, new = self.body, self.unit.tree.body
        first, last = len(old), 0
        if any(change.holder is self.unit.tree for edit in edits for change in edit.changes):
            most = min(len(old), len(new))
            first = next((i for i in range(most) if old[i] is not new[i]), most)
            most -= first
            tail = next((i for i in range(most) if old[-1 - i] is not new[-1 - i]), most)
            last = len(old) - tail
        for edit in edits:
            for holder, _, _ in edit.changes:
                if holder is not self.unit.tree:
                    at = self._where.get(id(holder))
                    if at is None:  # in what another edit has put there
                        return 0, len(old)
                    first, last = min(first, at), max(last, at + 1)
        return first, last

    def _run(self, start: _Start, window: Sequence[ast.stmt], last: int) -> Results:
        """Make the call from somewhere on, with some statements and then those from `last` on."""
        values, left = start.state.fresh()
        returned = False
        if window:
            returned, values = _passed(self._function(window, start.names), values)
        if not returned:
            returned, values = _passed(self._rests[last], values)
        return self._read((values if returned else None, left))

    def _read(self, left: Any) -> Results:
        found: Results = {}
        for name, paths in self._paths.items():
            try:
                arrays = [np.array(_at(left, path)).transpose(axes) for path, axes in paths]
            except Exception:
                raise UnclearError from None
            value, right = arrays[0], self._right[name]
            if value.dtype.kind not in "fiu" or any(not identical(value, a) for a in arrays[1:]):
                raise UnclearError
            if value.shape != right.shape and value.size == right.size:
                raise UnclearError  # axes of size 1 may be forgiven
            found[name] = value
        return found

    def _after(self, at: int) -> _Start | None:
        """Return what the variables hold after a statement, where nothing is edited."""
        start = self._starts[at]
        if start is None:
            return None
        values, left = start.state.fresh()
        returned, values = _passed(self._function([self.body[at]], start.names), values)
        try:
            return None if returned else _Start(tuple(values), Snapshot((values, left)))
        except UnknownError:
            return None

    def _is_as_before(self, at: int) -> bool:
        """Return whether the call leaves what it left when it is made again from a statement on."""
        start = self._starts[at]
        try:
            seen = self._run(start, [], at) if start else {}
        except Exception:
            return False
        return all(name in seen and identical(a, seen[name]) for name, a in self._seen.items())

    def _function(self, body: Sequence[ast.stmt], names: tuple[str, ...]) -> types.FunctionType:
        """Return some statements as a function of the variables.

        It returns what they return; where they do not, what the variables hold at their end.
        """
        if names not in self._shells:
            self._shells[names] = placed(_shell(names), self.unit.tree)
        shell: Any = self._shells[names]
        shell.body[0].body[:-1] = body
        old = self.unit.function.__code__
        try:
            code = compile(shell, old.co_filename, "exec", old.co_flags & FUTURE, True)
        except (SyntaxError, ValueError, TypeError, RecursionError):
            raise UnclearError from None
        found = inside(code, _REST)
        assert found is not None
        return types.FunctionType(found, self.unit.function.__globals__)


def _shell(names: Sequence[str]) -> ast.Module:
    """Return a module that defines a function of these variables, which ends with all that are."""
    call = ast.Call(ast.Name("locals", ast.Load()), [], [])
    end = ast.Return(ast.Tuple([ast.Name(_END, ast.Load()), call], ast.Load()))
    given = [ast.arg(name) for name in (*names, _END)]
    arguments = ast.arguments([], [], None, given, [None] * len(given), ast.arg(_REST), [])
    return ast.Module([ast.FunctionDef(_REST, arguments, [end], [])], [])


def _passed(function: types.FunctionType, values: dict[str, Any]) -> tuple[bool, Any]:
    """Run some statements; return whether they returned, and what, or else the variables."""
    end = object()
    out = function(**values, **{_END: end})
    if type(out) is tuple and out and out[0] is end:
        del out[1][_END], out[1][_REST]
        return False, out[1]
    return True, out


def _paths(left: Any, given: Any, seen: Results) -> dict[str, list[tuple[_Path, _Axes]]]:
    """Return where the quantities are in what a call has left, and in which order their axes.

    Quantities that are the same are not told from each other, and left out.
    """
    found: dict[str, list[tuple[_Path, _Axes]]] = {}
    before = dict(_parts((None, given)))
    for path, value in _parts(left):
        array = np.asarray(value)
        if path in before and identical(array, np.asarray(before[path])):
            continue  # nothing was written there
        orders = {
            name: axes
            for name, right in seen.items()
            if array.ndim == right.ndim and array.size == right.size
            for axes in permutations(range(array.ndim))
            if identical(array.transpose(axes), right)
        }
        for name, axes in orders.items():
            found.setdefault(name, []).append((path, axes))
    shared = Counter(path for paths in found.values() for path, _ in paths)
    return {n: ps for n, ps in found.items() if all(shared[path] == 1 for path, _ in ps)}


def _all(statement: ast.stmt) -> Iterator[Any]:
    """Yield the nodes of a statement, and the lists that they are in."""
    for node in ast.walk(statement):
        yield node
        yield from (value for _, value in ast.iter_fields(node) if isinstance(value, list))


def _parts(value: Any) -> Iterator[tuple[_Path, Any]]:
    """Yield the arrays and numbers that a call has left, those first that lie less deep."""
    waiting: list[tuple[_Path, Any]] = [((), value)]
    for path, value in waiting:  # which grows
        if isinstance(value, np.ndarray | np.number | int | float):
            yield path, value
        elif isinstance(value, tuple | list):
            waiting += [((*path, i), entry) for i, entry in enumerate(value)]
        elif isinstance(inner := _inner(value), dict):
            waiting += [((*path, key), entry) for key, entry in inner.items()]
        if len(waiting) > _PARTS:
            return


def _inner(value: Any) -> Any:
    return value if isinstance(value, dict) else getattr(value, "__dict__", None)


def _at(value: Any, path: _Path) -> Any:
    for key in path:
        value = value[key] if isinstance(value, tuple | list) else _inner(value)[key]
    return value
