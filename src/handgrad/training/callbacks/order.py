"""Which callback is called when, and for what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handgrad.errors import ArgumentError
from handgrad.training.callbacks.callback import Callback, FunctionCallback
from handgrad.training.callbacks.model_checkpoint import ModelCheckpoint

__all__ = ["check_callbacks", "overridden"]


def check_callbacks(callbacks: Iterable[Any]) -> list[Callback]:
    """Return callbacks in the order in which they are called, functions made into some."""
    if not isinstance(callbacks, Iterable):
        raise ArgumentError(
            f"callbacks={callbacks!r}", "a list of callbacks", "write callbacks=[EarlyStopping()]"
        )
    made = []
    for callback in callbacks:
        if not isinstance(callback, Callback):
            if isinstance(callback, type) or not callable(callback):
                raise ArgumentError(
                    f"{callback!r} as a callback",
                    "a Callback, or a function of the trainer",
                    "write EarlyStopping() with the brackets"
                    if isinstance(callback, type)
                    else "derive it from handgrad.training.Callback",
                )
            callback = FunctionCallback(callback)
        made.append(callback)
    # What is saved last holds what all the others have learned from the epoch.
    return sorted(made, key=lambda callback: isinstance(callback, ModelCheckpoint))


def overridden(callbacks: Iterable[Callback], name: str) -> list[Any]:
    """Return the methods of that name that callbacks have overridden; the others do nothing."""
    return [
        getattr(callback, name)
        for callback in callbacks
        if getattr(type(callback), name) is not getattr(Callback, name)
    ]
