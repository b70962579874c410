"""Which statements feed which quantity, found by stirring what each of them gives."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handgrad.checking.arrays import same
from handgrad.diagnosis.engine.repair.edits import Change, Edit, applied, placed, statements
from handgrad.diagnosis.engine.repair.source import Unit
from handgrad.diagnosis.given import Results

__all__ = ["ALL", "fed"]

_STIR = "_handgrad_stir_"
ALL = "everything"
"""What a statement is said to feed when nothing is known of it."""


class _Stirrer:
    """A function that gives back something else than it is given, where it can."""

    def __init__(self) -> None:
        self.unknown = False
        self._rng = np.random.default_rng(0)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, tuple | list):
            entries = [self(entry) for entry in value]
            return type(value)(entries) if type(value) in (tuple, list) else value
        if type(value) is dict:
            return {key: self(entry) for key, entry in value.items()}
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            noise = np.asarray(self._rng.uniform(0.5, 1.5, value.shape), value.dtype)
            return value * noise + 0.01 * noise
        if isinstance(value, float | np.floating):
            return type(value)(1.37 * value + 0.01)
        if isinstance(value, np.ndarray) and value.dtype.kind == "b":
            return ~value
        self.unknown = True
        return value


def fed(
    units: Sequence[Unit], run: Callable[[], Results], tolerance: float
) -> dict[tuple[Unit, int], frozenset[str]]:
    """Return for each statement that has run, by unit and line, the quantities that it feeds.

    `run` runs the code and returns all quantities. Where a statement that is stirred makes the code
    raise, or cannot be stirred, it feeds `ALL`.
    """
    found: dict[tuple[Unit, int], frozenset[str]] = {}
    right = run()
    for unit in units:
        space = unit.function.__globals__
        stir = _Stirrer()
        space[_STIR] = stir
        try:
            for _, _, statement in statements(unit.tree.body):
                if statement.lineno in unit.executed:
                    names = _feeds(unit, statement, stir, run, right, tolerance)
                    key = unit, statement.lineno
                    found[key] = names | found.get(key, frozenset())
        finally:
            del space[_STIR]
    return found


def _feeds(
    unit: Unit,
    statement: ast.stmt,
    stir: _Stirrer,
    run: Callable[[], Results],
    right: Results,
    tolerance: float,
) -> frozenset[str]:
    everything = frozenset({ALL})
    if not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) or not statement.value:
        return everything
    call = placed(ast.Call(ast.Name(_STIR, ast.Load()), [statement.value], []), statement)
    edit = Edit(unit, statement, (Change(statement, "value", call),), 0, "")
    with applied(edit):
        code = unit.compiled()
    if code is None:
        return everything
    stir.unknown = False
    try:
        with unit.running(code):
            seen = run()
    except Exception:
        return everything
    if stir.unknown:
        return everything
    return frozenset(
        name for name in right if name not in seen or not same(seen[name], right[name], tolerance)
    )
