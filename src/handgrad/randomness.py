"""Random generators: what may be given as one, where an object holds them, and their states.

Whatever draws takes a `numpy.random.Generator`, or None for NumPy's global state. `Sources` finds
every generator that an object can reach, and puts them all back to a moment of before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import numpy as np

from handgrad.errors import ArgumentError, CheckpointError

__all__ = [
    "Sources",
    "check_rng",
    "default_generator",
    "generator_state",
    "is_generator",
    "repeatable",
    "restore_generator",
    "restore_global_state",
    "tried",
]

P = ParamSpec("P")
R = TypeVar("R")


def check_rng(rng: object, owner: str) -> None:
    """Raise `ArgumentError` where `rng` is neither None nor a `numpy.random.Generator`."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise ArgumentError(
            f"rng={rng!r} for {owner}",
            "a numpy.random.Generator, or None for NumPy's global state",
            "make one from a seed with numpy.random.default_rng(seed)",
        )


def default_generator() -> np.random.Generator:
    """Return a generator seeded from NumPy's global state, so that ``np.random.seed`` fixes it."""
    return np.random.default_rng(np.random.randint(0, 2**32, size=4, dtype=np.uint32))


class _Legacy:
    """A `numpy.random.RandomState`, or NumPy's global one, with a state as a bit generator's."""

    def __init__(self, source: Any) -> None:
        self.source = source

    @property
    def state(self) -> dict[str, Any]:
        return self.source.get_state(legacy=False)  # type: ignore[no-any-return]

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        self.source.set_state(value)


_LEAVES = (np.ndarray, np.generic, str, bytes, int, float, type, type(None), ModuleType)


def _reachable(owner: Any) -> Iterator[Any]:
    """Yield what attributes, lists, tuples and dicts lead to, each thing once."""
    seen: dict[int, Any] = {}  # holds the things, so that no id is given out a second time
    waiting = [owner]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, _LEAVES) or id(thing) in seen:
            continue
        seen[id(thing)] = thing
        yield thing
        if isinstance(thing, list | tuple):
            waiting += thing
        elif isinstance(thing, dict):
            waiting += thing.values()
        attributes = getattr(thing, "__dict__", None)
        if isinstance(attributes, dict):  # there are things that answer to any name
            waiting += attributes.values()


def is_generator(thing: Any) -> bool:
    """Return whether something is a generator of NumPy's, of the new kind or of the old."""
    return isinstance(thing, np.random.Generator | np.random.RandomState)


class Sources:
    """The generators that something holds, at whatever depth, and NumPy's global state.

    The owner is whatever may draw: a model, a list of a model and a loss. Attributes, lists, tuples
    and dicts are followed; arrays, classes and modules are not.
    """

    def __init__(self, owner: Any) -> None:
        found: dict[int, Any] = {}
        for thing in _reachable(owner):
            if isinstance(thing, np.random.Generator):  # two of them may share a bit generator
                found[id(thing.bit_generator)] = thing.bit_generator
            elif isinstance(thing, np.random.RandomState):
                found[id(thing)] = _Legacy(thing)
        self.held = [*found.values(), _Legacy(np.random)]

    def now(self) -> list[dict[str, Any]]:
        """Return the state of each source."""
        return [source.state for source in self.held]

    def keep_changed(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Forget the sources that have not moved, and return the others' states of `before`."""
        changed = [not _same(s.state, b) for s, b in zip(self.held, before, strict=True)]
        self.held = [source for source, moved in zip(self.held, changed, strict=True) if moved]
        return [state for state, moved in zip(before, changed, strict=True) if moved]

    def go_back(self, states: list[dict[str, Any]]) -> None:
        """Put every source to the state that `now` returned."""
        for source, state in zip(self.held, states, strict=True):
            source.state = state

    def branch(self, *numbers: int) -> None:
        """Put every source to a state that follows from its own and from some numbers.

        So whoever stand at the same state, and have other numbers, draw different ones.
        """
        for source in self.held:
            state = source.state
            text = json.dumps([numbers, _plain(state)], sort_keys=True)
            seed = list(hashlib.sha256(text.encode()).digest())
            fresh = getattr(np.random, state["bit_generator"])(seed).state
            unused = {"has_gauss": 0} if "has_gauss" in state else {}
            source.state = {**state, **fresh, **unused}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(np.array_equal(one, other))


_nothing_drawn: ContextVar[bool] = ContextVar("nothing_drawn", default=False)


@contextmanager
def tried(f: Callable[[], R], owner: Any) -> Iterator[R]:
    """Yield what `f` returns; if it drew no random number, `repeatable` does nothing inside.

    To look for generators and to keep their states costs more than a small layer's pass. In the
    end everything is put back, whatever was drawn.
    """
    sources = Sources(owner)
    before = sources.now()
    token = _nothing_drawn.set(False)
    try:
        result = f()
        _nothing_drawn.set(all(map(_same, sources.now(), before)))
        sources.go_back(before)
        yield result
    finally:
        _nothing_drawn.reset(token)
        sources.go_back(before)


def repeatable(f: Callable[P, R], owner: Any = None) -> Callable[P, R]:
    """Return `f` with the random numbers that it draws the same at every call.

    Parameters
    ----------
    f
        Any function.
    owner
        What may hold generators, as in `Sources`. NumPy's global state always counts.

    Returns
    -------
    callable
        Calls `f` and puts the random state back to what it was before the call.

    Examples
    --------
    >>> draw = repeatable(np.random.random)
    >>> draw() == draw()
    True
    """

    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        if _nothing_drawn.get():
            return f(*args, **kwargs)
        sources = Sources(owner)
        states = sources.now()
        try:
            return f(*args, **kwargs)
        finally:
            sources.go_back(states)

    return again


# By name, since to look at one of them is to load numpy.random.
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

# NumPy believes what it is told, and reads from there: a position outside of a generator's table
# would be a read outside of its memory. So every number is held against its range.
_LIMITS = {"pos": 624, "buffer_pos": 4, "has_uint32": 1, "has_gauss": 1, "uinteger": 2**32 - 1}
_LARGEST = 2**128 - 1


def generator_state(rng: np.random.Generator | None = None) -> dict[str, Any]:
    """Return the state of a generator, or of NumPy's global one, as values that JSON can hold.

    Parameters
    ----------
    rng
        The generator; NumPy's global state where it is None.

    Raises
    ------
    CheckpointError
        Its bit generator is not one of NumPy's.

    Examples
    --------
    >>> generator_state(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    if rng is None:
        return dict(_plain(np.random.get_state(legacy=False)))
    name = type(rng.bit_generator).__name__
    if name not in _BIT_GENERATORS or getattr(np.random, name) is not type(rng.bit_generator):
        raise CheckpointError(
            f"a generator whose bit generator is {name}",
            f"one of {', '.join(_BIT_GENERATORS)}",
            "use numpy.random.default_rng(seed)",
        )
    return dict(_plain(rng.bit_generator.state))


def restore_generator(
    state: Mapping[str, Any], rng: np.random.Generator | None = None
) -> np.random.Generator:
    """Return a generator that goes on where the one whose state was stored stood.

    Parameters
    ----------
    state
        What `generator_state` returned.
    rng
        Set to that state, and returned; a new generator where it is None.

    Raises
    ------
    CheckpointError
        The state is none that the generator can have.

    Notes
    -----
    What ``rng.spawn`` would give next is no part of the state.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> twin = restore_generator(generator_state(rng))
    >>> bool(twin.random() == rng.random())
    True
    """
    try:
        name = _BIT_GENERATORS[_BIT_GENERATORS.index(state["bit_generator"])]
        made = np.random.Generator(getattr(np.random, name)(0))
        checked = _checked(state, made.bit_generator.state, "state")
        rng = made if rng is None else rng
        rng.bit_generator.state = checked
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _refused("a generator", error) from error
    return rng


def restore_global_state(state: Mapping[str, Any]) -> None:
    """Set NumPy's global state to what ``generator_state()`` returned.

    Parameters
    ----------
    state
        What `generator_state` returned without an argument.

    Raises
    ------
    CheckpointError
        The state is none that it can have.

    Examples
    --------
    >>> state = generator_state()
    >>> number = np.random.random()
    >>> restore_global_state(state)
    >>> bool(np.random.random() == number)
    True
    """
    try:
        pattern = np.random.RandomState(0).get_state(legacy=False)
        np.random.set_state(_checked(state, pattern, "state"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _refused("NumPy's global generator", error) from error


def _plain(state: Any) -> Any:
    if isinstance(state, Mapping):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _checked(given: Any, pattern: Any, name: str) -> Any:
    """Return `given` in the form of `pattern`, a state of the same kind of generator."""
    if isinstance(pattern, Mapping):
        if set(given) != set(pattern):
            raise ValueError(f"{name} has {sorted(given)}, not {sorted(pattern)}")
        return {key: _checked(given[key], value, key) for key, value in pattern.items()}
    if isinstance(pattern, np.ndarray):
        array = np.array(given, dtype=pattern.dtype)
        if array.shape != pattern.shape:
            raise ValueError(f"{name} has shape {array.shape}, not {pattern.shape}")
        return array
    if type(given) is not type(pattern) or (isinstance(given, str) and given != pattern):
        raise ValueError(f"{name} is {given!r}, where {pattern!r} is like what it should be")
    if isinstance(given, int) and not 0 <= given <= _LIMITS.get(name, _LARGEST):
        raise ValueError(f"{name} = {given} is out of range")
    return given


def _refused(owner: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"a state for {owner} that it cannot have ({error})",
        "what generator_state returned",
        "restore an older checkpoint; this one is damaged",
    )
