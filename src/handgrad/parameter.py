"""How a component holds its arrays: a dict of them, and a name in the class body for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self, overload

import numpy.typing as npt

from handgrad.arguments import Array, as_numbers
from handgrad.errors import ArgumentError, ShapeError

__all__ = ["NOTHING", "OwnArrays", "Parameter"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


class OwnArrays:
    """A dict of arrays that a component is given once, since a model goes on to train its arrays.

    It lies in the instance's ``__dict__``, under the attribute's own name.
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    def __get__(self, component: Any, owner: type[Any]) -> Any:
        return self if component is None else vars(component).get(self.name, NOTHING)

    def __set__(self, component: Any, arrays: dict[str, Array]) -> None:
        if self.name in vars(component):
            raise ArgumentError(
                f"another dict as the {self.name} of {component!r}",
                "the dict that it was made with",
                "assign the arrays one by one, as in layer.weights = array, which copies them",
            )
        vars(component)[self.name] = arrays


class Parameter:
    """An array that a component learns, declared in the class body: ``weights = Parameter()``.

    Reading it gives the array. Assigning to it copies into that array after a check of the shape,
    so that whoever holds a view (a `Model` keeps all parameters in one vector) sees the new values.
    It is None where a component has been made without it, as ``Linear(2, 1, bias=False)``.

    Examples
    --------
    >>> from handgrad import Linear
    >>> layer = Linear(2, 1)
    >>> held = layer.weights
    >>> layer.weights = [[1.0], [-2.0]]
    >>> held
    array([[ 1.],
           [-2.]])
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, component: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, component: Any, owner: type[Any]) -> Array: ...
    def __get__(self, component: Any, owner: type[Any]) -> Self | Array:
        # Straight from the instance, since every step of a training reads it.
        return self if component is None else component.__dict__["parameters"].get(self.name)

    def __set__(self, component: Any, value: npt.ArrayLike) -> None:
        array = component.parameters.get(self.name)
        if array is None:
            raise ArgumentError(
                f"an array for the {self.name} of {component!r}, which has none",
                f"one of its parameters: {', '.join(component.parameters)}",
                "make the component with it",
            )
        given = as_numbers(value, self.name, component)
        if given.shape != array.shape:
            raise ShapeError(
                f"an array of shape {given.shape} for the {self.name} of {component!r}",
                f"shape {array.shape}",
                "reshape or transpose it; a layer's sizes are fixed when it is made",
            )
        array[...] = given
