"""What a model is made of, walked from the outside to the inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handgrad.component import Component

__all__ = ["evaluating", "parts", "restoring_modes"]


def parts(component: Any) -> Iterator[Any]:
    """Yield a component and everything in it, whatever holds before what is held.

    Parameters
    ----------
    component
        A model, a layer, a layer around a layer, an adapter around somebody else's object.

    Examples
    --------
    >>> from handgrad import Dropout, Linear, Model
    >>> [type(part).__name__ for part in parts(Model([Dropout(Linear(2, 3), 0.5)]))]
    ['Model', 'Dropout', 'Linear']
    """
    yield component
    for held in (
        *getattr(component, "components", ()),
        *(getattr(component, name, None) for name in ("layer", "component")),
    ):
        if held is not None:
            yield from parts(held)


@contextmanager
def restoring_modes(model: Component) -> Iterator[None]:
    """Give every component back the mode that it had, also one that differs from its model's.

    Parameters
    ----------
    model
        The model.

    Examples
    --------
    >>> from handgrad import Model, ReLU
    >>> model = Model([ReLU()])
    >>> with restoring_modes(model):
    ...     model = model.eval()
    >>> model.training
    True
    """
    modes = [(part, part.training) for part in parts(model) if isinstance(part, Component)]
    try:
        yield
    finally:
        for part, training in modes:  # the outer ones first, since they switch the inner ones too
            part.train() if training else part.eval()


@contextmanager
def evaluating(model: Component) -> Iterator[None]:
    """Put a model into evaluation mode for a while.

    Parameters
    ----------
    model
        The model.

    Examples
    --------
    >>> from handgrad import Model, ReLU
    >>> model = Model([ReLU()])
    >>> with evaluating(model):
    ...     print(model.training)
    False
    >>> model.training
    True
    """
    with restoring_modes(model):
        model.eval()
        yield
