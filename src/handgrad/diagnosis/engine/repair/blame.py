"""Which line of a backward pass is the first to give a wrong intermediate gradient.

A variable of the backward pass that is called ``dvar`` or ``grad_var`` is taken for the gradient of
``var``, if the forward pass has a variable of that name. Moving that one a little, where it is
assigned, shows what its gradient is along a direction.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.engine.repair.edits import Change, Edit, applied, placed, statements
from handgrad.diagnosis.engine.repair.source import Unit

__all__ = ["innocent", "judged"]

_MOVE = "_handgrad_move_"
STEP = 1e-5
TOLERANCE = 1e-5
_OF = re.compile("(?:d|d_|grad_|g_|delta_)(.+)|(.+?)(?:_grad|_gradient)")


def judged(
    forward: Sequence[Unit], backward: Sequence[Unit], loss: Callable[[], float]
) -> dict[tuple[Unit, int], bool]:
    """Return of lines whether the gradient that they assign is right, where that can be told.

    `loss` runs the forward pass and returns the number whose gradients the backward pass computes.
    Of the lines that are wrong only the first of each function is returned: it spoils the others.
    """
    found: dict[tuple[Unit, int], bool] = {}
    slopes: dict[str, float | None] = {}
    for unit in backward:
        for name, line in _assigned(unit).items():
            value = unit.values.get(name)
            match = _OF.fullmatch(name)
            if match is None or not isinstance(value, np.ndarray) or value.dtype.kind != "f":
                continue
            variable = match[1] or match[2]
            if variable not in slopes:
                slopes[variable] = _slope(forward, variable, value.size, loss)
            slope = slopes[variable]
            if slope is None:
                continue
            along = float(value.ravel() @ _direction(value.size))
            right = abs(along - slope) <= TOLERANCE * max(abs(along), abs(slope), 1e-3)
            found[unit, line] = right
            if not right:
                break
    return found


def innocent(blame: Mapping[tuple[Unit, int], bool], unit: Unit, line: int) -> bool:
    """Return whether a line gives what is right, or comes after the first that does not."""
    guilty = [at for (other, at), right in blame.items() if other is unit and not right]
    return line not in guilty and (blame.get((unit, line), False) or any(line > g for g in guilty))


def _assigned(unit: Unit) -> dict[str, int]:
    """Return the names that a function assigns in one statement alone, and the lines."""
    lines: dict[str, list[int]] = {}
    for _, _, statement in statements(unit.tree.body):
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AugAssign):
            targets = [statement.target]
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    lines.setdefault(node.id, []).append(statement.lineno)
    return {name: where[0] for name, where in lines.items() if len(where) == 1}


def _direction(size: int) -> Array:
    return np.random.default_rng(3).standard_normal(size)


def _moved(by: Array, moves: list[Array], array: Array) -> Array:
    """Return an array a little elsewhere; note that it is moved."""
    moves.append(by)
    return array + by.reshape(array.shape)


def _slope(
    forward: Sequence[Unit], name: str, size: int, loss: Callable[[], float]
) -> float | None:
    """Return the slope of the loss where a variable of the forward pass is moved, if it can be."""
    for unit in forward:
        for _, _, statement in statements(unit.tree.body):
            if not isinstance(statement, ast.Assign) or statement.lineno not in unit.executed:
                continue
            value = unit.values.get(name)
            target = statement.targets[0]
            if not (isinstance(target, ast.Name) and target.id == name):
                continue
            if name not in _assigned(unit) or getattr(value, "size", None) != size:
                return None
            call = ast.Call(ast.Name(_MOVE, ast.Load()), [statement.value], [])
            change = Change(statement, "value", placed(call, statement))
            with applied(Edit(unit, statement, (change,), 0, "")):
                code = unit.compiled()
            if code is None:
                return None
            values: list[float] = []
            moves: list[Array] = []
            space = unit.function.__globals__
            for side in (STEP, -STEP):
                space[_MOVE] = partial(_moved, side * _direction(size), moves)
                try:
                    with unit.running(code):
                        values.append(loss())
                except Exception:
                    return None
                finally:
                    del space[_MOVE]
            # In a loop it is another variable each time, of which the last gradient is one.
            once = len(moves) == 2
            return (values[0] - values[1]) / (2 * STEP) if once else None
    return None
