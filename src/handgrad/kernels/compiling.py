"""A formula in two forms: NumPy's, and a loop that Numba compiles."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar
from zlib import crc32

import numpy as np

from handgrad.kernels.mode import Mode

__all__ = ["Kernel", "fits", "inlined", "kernel", "loop", "prange"]

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

# Sums are taken in the order in which they stand, and products rounded before they are added:
# else the numbers would depend on how many entries a core takes at a time.
OPTIONS: dict[str, Any] = {
    "error_model": "numpy",  # a division by 0 is infinite, as in an array
    "nogil": True,
}
THREADS_FROM = 1_000_000
"""Entries from which on a loop is shared by all cores. Between two products it is not worth it
before: the threads of OpenBLAS keep the cores busy while they wait for the next one."""

PATIENCE = 1.0
"""Seconds of compiling after which a line says what takes so long."""

_lock = threading.RLock()  # of whatever compiles
_helpers: set[Callable[..., Any]] = set()
_threads = threading.Lock()  # of whoever uses all cores
_seconds = 0.0
_said = False
_NUMBERS = (bool, int, float, np.number)
_TYPES = (np.float32, np.float64, np.intp, np.bool_)


def kernel(formula: Callable[P, R]) -> Kernel[P, R]:
    """Declare a formula to be worth compiling: the decorator of NumPy's form.

    Examples
    --------
    >>> import numpy as np
    >>> @kernel
    ... def squares(x):
    ...     return x * x
    >>> @squares.compiled()
    ... def _(x):
    ...     y = np.empty_like(x)
    ...     for i in range(x.size):
    ...         y[i] = x[i] * x[i]
    ...     return y
    >>> squares(np.array([1.0, 3.0]))
    array([1., 9.])
    """
    return Kernel(formula)


def loop(*, threads: bool = False) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Declare a loop that stands in for something else than one NumPy form.

    Whoever calls it has looked whether `in_force` says "compiled", and whether `fits` says that it
    takes the arrays: the loop itself does not look again.
    """

    def declare(source: Callable[P, R]) -> Kernel[P, R]:
        made: Kernel[P, R] = _Loop(source)
        made.compiled(threads=threads)(source)
        return made

    return declare


def inlined(function: F) -> F:
    """Declare a function that compiled loops call, an entry at a time."""
    _helpers.add(function)
    return function


prange = range
"""What a compiled loop runs over where its turns may be shared by the cores."""


class Kernel(Generic[P, R]):
    """A formula in two forms: NumPy's, which is the truth, and a compiled loop.

    The loop is compiled at its first call with a kind of arrays, and kept on the disk. It takes
    over where it is in force, and its arguments are plain arrays: contiguous, writable, of one
    type, float32 or float64, with integers behind the first. All others go through NumPy's form.

    Parameters
    ----------
    formula
        NumPy's form. Its arguments come by position.
    """

    def __init__(self, formula: Callable[P, R]) -> None:
        update_wrapper(self, formula)
        self.formula = formula
        self._source: Callable[..., R] | None = None
        self._signatures: dict[bool, list[Any]] = {False: [], True: []}
        self._loop: Callable[..., R] = _not_compiled
        self._threaded: Callable[..., R] = _not_compiled
        self._shared = False

    def compiled(self, *, threads: bool = False) -> Callable[[Callable[..., R]], None]:
        """Declare the compiled form: the decorator of a function that loops over entries.

        Parameters
        ----------
        threads
            Whether the loops over ``prange`` are shared by all cores, where the first argument has
            `THREADS_FROM` entries or more. No entry may depend on another's share.
        """

        def declare(source: Callable[..., R]) -> None:
            self._source, self._shared = source, threads

        return declare

    def __call__(self, *arguments: P.args, **nothing: P.kwargs) -> R:
        first: Any = arguments[0]
        if (
            Mode.compiled
            and type(first) is np.ndarray  # Numba takes fifty times as long to refuse others
            and first.flags.carray
            and first.dtype.char in "fd"
        ):
            many = self._shared and first.size >= THREADS_FROM
            # Whoever finds the cores in use loops alone; the numbers are the same.
            if many and _threads.acquire(blocking=False):
                try:
                    return self._threaded(*arguments)
                except TypeError:  # not compiled for such arguments, or not at all
                    pass
                finally:
                    _threads.release()
                if self._compile(arguments, True):
                    return self(*arguments, **nothing)
            else:
                try:
                    return self._loop(*arguments)
                except TypeError:
                    if self._compile(arguments, False):
                        return self._loop(*arguments)
        return self.formula(*arguments, **nothing)

    def _compile(self, arguments: tuple[Any, ...], threads: bool) -> bool:
        """Compile a loop for the types of some arguments, and return whether it can be."""
        global _seconds, _said
        if not fits(*arguments):
            return False
        with _lock:
            start = time.perf_counter()
            if (numba := _numba()) is None:
                return False
            signature = tuple(map(numba.typeof, arguments))
            new = signature not in self._signatures[threads]  # or another thread was faster
            if new and self._publish([*self._signatures[threads], signature], threads):
                _seconds += time.perf_counter() - start
            if _seconds > PATIENCE and not _said:
                _said = True
                print(
                    "handgrad: compiling its loops, once on this machine; HANDGRAD_KERNELS=numpy "
                    "does without",
                    file=sys.stderr,
                )
        return True

    def _publish(self, signatures: list[Any], threads: bool) -> bool:
        """Make a loop that takes all these signatures, and put it in the place of the last.

        That one is never changed, since other threads call it meanwhile. Whoever interrupts this
        leaves all as it was. Return whether it was compiled: on the disk there was none.
        """
        try:
            made = self._made(threads, signatures)
        except Exception:  # a file of the folder is broken or another's, or the disk is full
            made = self._made(threads, signatures, cache=False)
        made.disable_compile()
        if threads:
            self._threaded = made
        else:
            self._loop = made
        self._signatures[threads] = signatures
        return bool(made.stats.cache_misses)

    def _made(self, threads: bool, signatures: Iterable[Any] = (), cache: bool = True) -> Any:
        """Return a loop that takes all these signatures, with or without threads."""
        # Threads that wait for the next loop in a loop of their own keep the cores from OpenBLAS:
        # a step of training takes twenty times its time. Read when OpenMP is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        from numba import njit

        assert self._source is not None
        source = _named(self._source, self.formula, "_threads" if threads else "_loop")
        made = njit(parallel=threads, cache=cache, **OPTIONS)(source)
        for signature in signatures:
            made.compile(signature)
        return made


class _Loop(Kernel[P, R]):
    """A kernel whose callers have looked whether it takes what they give it."""

    def __call__(self, *arguments: P.args, **nothing: P.kwargs) -> R:
        if self._shared and arguments[0].size >= THREADS_FROM:  # type: ignore[attr-defined]
            return super().__call__(*arguments, **nothing)
        try:
            return self._loop(*arguments)
        except TypeError:  # not compiled for such arguments yet
            return super().__call__(*arguments, **nothing)


def _numba() -> Any:
    """Return Numba; or None where it does not work, and let NumPy's forms do without it."""
    try:
        import numba

        if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
            return numba
        why = "NUMBA_DISABLE_JIT is set"
    except Exception as error:  # it does not know a NumPy so new, say
        why = f"Numba cannot be imported: {error}"
    Mode.compiled = False
    print(f"handgrad: computing with NumPy alone; {why}", file=sys.stderr)
    return None


def _named(source: Callable[..., Any], formula: Callable[..., Any], end: str) -> Any:
    """Return a copy of a function that sees Numba's `prange`, and its helpers compiled.

    Its name tells what it consists of, since Numba keeps it on the disk by its name and its file,
    and looks at nothing else.
    """
    import numba

    copy, parts = _seeing(source, {"prange": numba.prange})
    copy.__qualname__ = f"{formula.__qualname__}{end}_{crc32(repr((OPTIONS, parts)).encode()):08x}"
    copy.__module__ = source.__module__
    return copy


def _seeing(source: Any, others: dict[str, Any]) -> tuple[types.FunctionType, list[Any]]:
    """Return a copy of a function that sees its helpers compiled, and what they all consist of."""
    from numba import njit

    code, scope = source.__code__, {**source.__globals__, **others}
    parts: list[Any] = [code.co_code, code.co_consts, code.co_names]
    for name in code.co_names:
        thing = scope.get(name)
        if isinstance(thing, int | float):
            parts.append(thing)
        elif isinstance(thing, types.FunctionType) and thing in _helpers:
            helper, own = _seeing(thing, {})
            scope[name] = njit(**OPTIONS)(helper)
            parts += own
    return types.FunctionType(code, scope, source.__name__), parts


def _not_compiled(*_: Any) -> Any:
    raise TypeError("not compiled yet")


def fits(*arguments: Any) -> bool:
    """Return whether loops take such arguments: plain arrays, of one precision, and numbers.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.ones((3, 2))
    >>> fits(x, 2.0), fits(x, x.T), fits(x, x.astype(np.float32))
    (True, False, False)
    """
    arrays = [a for a in arguments if not isinstance(a, _NUMBERS)]
    return (
        all(type(a) is np.ndarray and a.flags.carray and a.dtype in _TYPES for a in arrays)
        and len({a.dtype for a in arrays if a.dtype.kind == "f"}) == 1
    )


def _alone() -> None:
    """Let all loops run without threads from now on."""
    _threads.acquire(blocking=False)


def _forked() -> None:
    """Go on in a process where no thread of the old one does."""
    _alone()
    if _lock.acquire(blocking=False):
        _lock.release()
    else:  # one was compiling, and holds Numba's locks for ever
        Mode.compiled = False


if os.environ.get("OMP_NUM_THREADS") == "1":  # as for NumPy's own products
    _alone()
if hasattr(os, "register_at_fork"):  # a forked process has one thread
    os.register_at_fork(after_in_child=_forked)
