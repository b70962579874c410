"""Code of no known kind, and how it is called: a class, a pair of functions, or one function."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.student.arrays import Slot, walk
from handgrad.diagnosis.student.subject import StudentError, Subject, ask, guard, names_around
from handgrad.errors import ArgumentError

__all__ = ["Code", "Place", "Run", "code_of", "needed"]

Place = tuple[Any, ...]
"""Where a gradient is found: "returned" and the way through tuples and dicts, or "self" and the
attribute's path."""


@dataclass
class Run:
    """What the passes of one object, or of one pair of functions, have left."""

    thing: Any = None
    cache: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    early: Any = None
    """Gradients that the forward pass has returned already."""


class Code(ABC):
    """A class, or functions, with a forward and a backward pass."""

    def __init__(self, name: str, around: Sequence[Any], forward: Callable[..., Any]) -> None:
        self.name, self.around = name, tuple(around)
        self.signature = inspect.signature(forward)

    @property
    @abstractmethod
    def upstream(self) -> int:
        """How many upstream gradients the backward pass takes."""

    def begin(self, given: Given) -> Run:
        """Return a new object, where there is one."""
        return Run()

    def slots(self, run: Run) -> dict[str, Slot]:
        """Return the arrays that a new object holds, which are its parameters."""
        return {}

    @abstractmethod
    def forward(self, run: Run, given: Given, bound: inspect.BoundArguments) -> list[Any]:
        """Return the outputs."""

    @abstractmethod
    def backward(self, run: Run, given: Given, upstream: Sequence[Array]) -> dict[Place, Any]:
        """Return whatever may be a gradient, by its place."""


class Functions(Code):
    """``x_forward(...) -> output, cache`` and ``x_backward(dy, cache)``; or one function.

    A backward pass may ask for arguments of the forward pass in place of a cache. One function
    without a backward pass returns its value first, and then the gradients.
    """

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any] | None) -> None:
        around = [forward] if backward is None else [forward, backward]
        super().__init__(forward.__name__, around, forward)
        self._forward, self._backward = forward, backward
        asked = needed(backward) if backward else []
        again = [name for name in asked[1:] if name in self.signature.parameters]
        self._again = again if len(again) == len(asked) - 1 else []
        self._upstream = len(asked) - (len(again) if self._again else 1) if asked else 0

    @property
    def upstream(self) -> int:
        return self._upstream

    def forward(self, run: Run, given: Given, bound: inspect.BoundArguments) -> list[Any]:
        with guard(f"calling {self.name} on {given.label}"):
            returned = self._forward(*bound.args, **bound.kwargs)
        run.arguments = dict(bound.arguments)
        if self._backward is None:
            value, *run.early = returned if isinstance(returned, tuple) else (returned,)
            return [value]
        if self._again or not isinstance(returned, tuple):
            return list(returned) if isinstance(returned, tuple) else [returned]
        *outputs, run.cache = returned
        return outputs

    def backward(self, run: Run, given: Given, upstream: Sequence[Array]) -> dict[Place, Any]:
        if self._backward is None:
            return dict(_flat(tuple(run.early), ("returned",)))
        rest = [run.arguments[name] for name in self._again] if self._again else [run.cache]
        with guard(f"calling {self._backward.__name__} on {given.label}"):
            returned = self._backward(*upstream, *rest)
        return dict(_flat(returned, ("returned",)))


class Objects(Code):
    """A class that is called, and then asked for its gradients."""

    def __init__(self, cls: type) -> None:
        found = (getattr(cls, name, None) for name in ("forward", "__call__"))
        forward = next((f for f in found if inspect.isfunction(f)), None)
        if forward is None:
            raise ArgumentError(
                f"{cls.__name__}, which cannot be called",
                "a class with __call__ or forward, and with grad or backward",
                "write both passes as methods",
            )
        super().__init__(cls.__name__, [cls], forward)
        parameters = list(self.signature.parameters.values())[1:]  # without self
        self.signature = self.signature.replace(parameters=parameters)
        self.subject = Subject(cls)
        backward = getattr(cls, "grad", None) or getattr(cls, "backward", None)
        self._upstream = len(needed(backward)) - 1 if inspect.isfunction(backward) else 0

    @property
    def upstream(self) -> int:
        return self._upstream

    def begin(self, given: Given) -> Run:
        return Run(self.subject.make(*given.options.get("constructor", ())))

    def slots(self, run: Run) -> dict[str, Slot]:
        slots = [s for s in walk(run.thing) if s.array.ndim and s.array.dtype.kind == "f"]
        last = [slot.path[-1] for slot in slots]
        return {
            (name if last.count(name) == 1 else slot.name): slot
            for name, slot in zip(last, slots, strict=True)
        }

    def forward(self, run: Run, given: Given, bound: inspect.BoundArguments) -> list[Any]:
        doing = f"calling {self.name} on {given.label}"
        names = ("__call__", "forward")
        call = next((n for n in names if callable(getattr(run.thing, n, None))), None)
        if call is None:
            ask(run.thing, names, (), doing)  # which says so
        with guard(doing):
            returned = getattr(run.thing, str(call))(*bound.args, **bound.kwargs)
        return list(returned) if isinstance(returned, tuple) else [returned]

    def backward(self, run: Run, given: Given, upstream: Sequence[Array]) -> dict[Place, Any]:
        doing = f"asking {self.name} for its gradients on {given.label}"
        returned = ask(run.thing, ("grad", "backward"), upstream, doing)
        found = dict(_flat(returned, ("returned",)))
        return found | {("self", *slot.path): slot.array for slot in walk(run.thing)}


def code_of(thing: Any) -> Code:
    """Return how a class, or a function with its backward pass beside it, is called.

    The backward pass of ``x_forward`` is ``x_backward`` in the same module. Something that is
    neither a class nor a function raises an ArgumentError.
    """
    if isinstance(thing, type):
        return Objects(thing)
    if inspect.isfunction(thing):
        other = thing.__name__.replace("forward", "backward")
        beside = names_around(thing).get(other) if other != thing.__name__ else None
        return Functions(thing, beside)
    raise ArgumentError(
        f"{type(thing).__name__}, beside a reference",
        "a class, or a function such as x_forward with x_backward beside it",
        "give the class, not an object of it",
    )


def needed(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments without which a function cannot be called."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty]


def _flat(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield what stands in tuples, lists and dicts, with its place."""
    if isinstance(value, Mapping):
        items: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, tuple) or (isinstance(value, list) and not _is_numbers(value)):
        items = list(enumerate(value))
    else:
        if value is not None:
            yield place, value
        return
    for key, inner in items:
        yield from _flat(inner, (*place, key))


def _is_numbers(value: list[Any]) -> bool:
    try:
        return np.array(value).dtype.kind in "fiu"
    except ValueError:
        return False


def missing(code: Code, name: str) -> StudentError:
    """Return the error that an object lacks an array that the reference has."""
    return StudentError.missing(
        f"{name} in {code.name}",
        f"no attribute {name} holds an array, as the reference's does",
        "Keep the parameters where the reference keeps them.",
    )
