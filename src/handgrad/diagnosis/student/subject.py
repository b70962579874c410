"""Driving a student's code: making objects, calling them, and saying what went wrong."""

from __future__ import annotations

import copy
import inspect
import random
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Failure
from handgrad.diagnosis.student.exceptions import explain
from handgrad.randomness import Sources, is_generator

__all__ = [
    "Stopped",
    "StudentError",
    "Subject",
    "ask",
    "files_of",
    "guard",
    "names_around",
    "numbers",
    "restored",
]


class StudentError(Exception):
    """The student's code raised, or a call that it must have cannot be made.

    Where `failure` is a function it is called when somebody asks: what an exception says takes
    longer to find out than most of the code that raises it.
    """

    def __init__(self, failure: Failure | Callable[[], Failure]) -> None:
        super().__init__()
        self._failure = failure

    @cached_property
    def failure(self) -> Failure:
        """What went wrong."""
        return self._failure if isinstance(self._failure, Failure) else self._failure()

    @property
    def unwritten(self) -> bool:
        """Whether the code says that it is not written yet."""
        return isinstance(self._failure, Failure) and self._failure.unwritten

    def __str__(self) -> str:
        return self.failure.error

    @classmethod
    def missing(cls, what: str, error: str, hint: str) -> StudentError:
        """Return the error that something is not there which must be."""
        return cls(Failure(f"looking for {what}", error, hint=hint))


class Stopped(BaseException):
    """Raised in the student's code by whoever runs it, to end it."""


@contextmanager
def guard(doing: str) -> Iterator[None]:
    """Turn whatever the student's code raises into a `StudentError`, and silence its warnings."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (StudentError, Stopped, KeyboardInterrupt):  # the last is whoever sits before it
        raise
    except MemoryError as error:  # explained at once, which lets go of what has filled it
        raise StudentError(explain(error, doing)) from error
    except BaseException as error:  # SystemExit, and whatever else a class may be made of
        raise StudentError(partial(explain, error, doing)) from error


def ask(thing: Any, names: Sequence[str], arguments: Iterable[Any], doing: str) -> Any:
    """Call the first of these methods that the object has."""
    for name in names:
        call = getattr(thing, name, None)
        if callable(call):
            with guard(doing):
                return call(*arguments)
    raise StudentError.missing(
        f"{type(thing).__name__}.{names[0]}",
        f"AttributeError: there is no method {names[0]}",
        f"The exercise calls {names[0]}: define it in the class.",
    )


def numbers(value: Any, what: str) -> Array:
    """Return a copy of what the student's code gave, as an array of real numbers."""
    with guard(f"reading {what}"):
        if value is None:
            raise TypeError(f"NoneType in place of {what}")
        if np.ma.is_masked(value):
            raise TypeError(f"{what} has entries that are masked, which are no numbers")
        try:
            array = np.array(value)
        except ValueError as error:
            if isinstance(value, tuple):
                raise TypeError(f"{len(value)} values in place of {what}") from error
            raise
        if array.dtype.kind == "O" and not isinstance(value, np.ndarray | Sequence):
            raise TypeError(f"{type(value).__name__} in place of {what}")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{what} holds {array.dtype}, not real numbers")
        return array.astype(np.float64) if array.dtype in (np.bool_, np.longdouble) else array


class Subject:
    """What is diagnosed: a class, of which objects are made, or an object, which is copied."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing
        self.is_class = isinstance(thing, type) or inspect.isfunction(thing)
        self.type = thing if self.is_class else type(thing)
        self.name: str = self.type.__name__

    def make(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new object, made with these arguments where that is ours to choose."""
        if not self.is_class:
            try:
                return copy.deepcopy(self.thing)
            except Exception:  # there are objects that cannot be copied
                return self.thing
        shown = [_short(a) for a in args] + [f"{k}={_short(v)}" for k, v in kwargs.items()]
        with guard(f"calling {self.name}({', '.join(shown)})"):
            return self.thing(*args, **kwargs)

    def arguments(self) -> dict[str, inspect.Parameter]:
        """Return the arguments of the constructor, by name."""
        try:
            return dict(inspect.signature(self.thing).parameters) if self.is_class else {}
        except (TypeError, ValueError):
            return {}

    def takes(self, name: str) -> bool:
        """Return whether the constructor has an argument of this name."""
        return name in self.arguments()

    def needed(self) -> list[str]:
        """Return the arguments that the constructor must be given."""
        return [
            name
            for name, argument in self.arguments().items()
            if argument.default is argument.empty
            and argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
        ]


def _short(value: Any) -> str:
    if isinstance(value, int | float | bool | str):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_short(entry) for entry in value)}]"
    return f"{type(value).__name__}(...)"


@contextmanager
def restored(*things: Any) -> Iterator[None]:
    """Restore every source of random numbers at the end: NumPy's, Python's, and the code's own.

    Those are what `things` hold, at whatever depth, and what lies in their class and their module.
    """
    around = [value for thing in things for value in _around(thing) if is_generator(value)]
    sources, plain = Sources([things, around]), random.getstate()
    states = sources.now()
    try:
        yield
    finally:
        sources.go_back(states)
        random.setstate(plain)


def _around(thing: Any) -> list[Any]:
    kind = thing if isinstance(thing, type) or inspect.isfunction(thing) else type(thing)
    return [*names_around(kind).values(), *vars(kind).values()]


def names_around(kind: Any) -> dict[str, Any]:
    """Return the names of the module in which a class, or a function, is defined."""
    return next((function.__globals__ for function in _functions(kind)), {})


def files_of(things: Iterable[Any]) -> set[str]:
    """Return the files in which functions, and the methods of classes or objects, are defined."""
    kinds = (t if isinstance(t, type) or inspect.isfunction(t) else type(t) for t in things)
    return {function.__code__.co_filename for kind in kinds for function in _functions(kind)}


def _functions(kind: Any) -> Iterator[types.FunctionType]:
    """Yield a function, or those of a class."""
    for function in (kind, *vars(kind).values()):
        function = getattr(function, "__func__", function)  # of a static method
        if inspect.isfunction(function):
            yield function
