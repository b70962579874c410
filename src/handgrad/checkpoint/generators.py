"""The state of random generators as JSON values, so that a training goes on with the same draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad.errors import CheckpointError

__all__ = ["generator_state", "restore_generator", "restore_global_state"]

_BIT_GENERATORS = {
    cls.__name__: cls
    for cls in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.MT19937,
        np.random.Philox,
        np.random.SFC64,
    )
}

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
    if _BIT_GENERATORS.get(name) is not type(rng.bit_generator):
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
        made = np.random.Generator(_BIT_GENERATORS[state["bit_generator"]](0))
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
