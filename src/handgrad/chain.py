"""Components in a row: the order in which they are walked, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from handgrad.adapter import adapt
from handgrad.arguments import Array, in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError, GradientsError
from handgrad.per_sample.contract import Seen, as_it_is
from handgrad.shapes import Shape

__all__ = ["Chain"]


class Chain(Component):
    """Components in a row, each fed with the output of the one before it.

    `Model` is this with one vector for all parameters, and says when a walk back may end.
    """

    has_buffers = True
    _reverse: Sequence[tuple[int, str, Any]] = ()
    _first = 0  # below which there is no gradient that anybody reads

    def _consist_of(self, components: Iterable[Any]) -> None:
        """Take components, and look at what the first of them takes, and whether they fit."""
        try:
            given = tuple(components)
        except TypeError:
            given = ()
        if not given:
            raise ArgumentError(
                f"{components!r} as the components of a Model",
                "a list with at least one component",
                "write Model([Linear(4, 8), ReLU(), Linear(8, 3)])",
            )
        made = {id(component): adapt(component) for component in given}
        self.components: tuple[Any, ...] = tuple(made[id(component)] for component in given)
        self.takes_integers = self.components[0].takes_integers
        # A tuple is what the first one takes, or else sequences and their lengths.
        own = self.components[0].takes_tuple and not self.components[0].takes_lengths
        self.takes_lengths = not own and any(c.takes_lengths for c in self.components)
        self.takes_tuple = own or self.takes_lengths
        self.output_shape((...,))

    def children(self) -> dict[str, Component]:
        return {str(i): component for i, component in enumerate(self.components)}

    def apply(self, x: Any) -> tuple[Array, list[Any]]:
        """Run the components one after the other, and keep what each of them saves."""
        saved: list[Any] = []
        x, *more = x if self.takes_lengths and isinstance(x, tuple) else (x,)
        try:
            for component in self.components:
                if more and component.takes_lengths:
                    # Lengths concern what follows too; keys, values and states do not.
                    x, more = (x, *more), [m for m in more[:1] if np.asarray(m).dtype.kind in "biu"]
                x, kept = component.apply(x)
                saved.append(kept)
        except Exception as error:
            self._locate(error, len(saved))
            raise
        return x, saved

    def pullback(
        self,
        dy: Array,
        saved: list[Any],
        need_dx: bool = True,
        out: Any = None,
        seen: Seen = as_it_is,
    ) -> tuple[Any, dict[str, Any]]:
        """Run the components' pullbacks in reverse, each fed with the one's that stands after it.

        Without `need_dx` the walk ends at the first component that learns something.
        """
        offered = {} if out is None else out
        others: dict[str, Any] = {}
        first = 0 if need_dx else self._first
        dx: Any = dy
        more: list[Any] = []
        try:
            for i, name, component in self._reverse:
                if i < first:
                    break
                mine = offered.get(name)
                need = need_dx or i > first
                dx, given = seen(component).pullback(dx, saved[i], need, mine)
                if given is not mine and (given or mine):
                    others[name] = given
                if self.takes_lengths and isinstance(dx, tuple):
                    dx, *more = dx  # at last those of the first that took lengths
                if dx is None and i > first:
                    raise GradientsError(
                        f"no gradient of the input from {in_short(component)}",
                        "one for what stands before it",
                        "put a component whose input has no gradient, such as indices, first",
                    )
        except Exception as error:
            self._locate(error, i)
            raise
        dx = None if not need_dx else (dx, *more) if more else dx
        return dx, {**offered, **others} if others else offered

    def update_buffers(self, saved: list[Any]) -> None:
        if self.has_buffers:
            for component, kept in zip(self.components, saved, strict=True):
                if component.training:
                    component.update_buffers(kept)

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.takes_lengths and input_shape and isinstance(input_shape[0], tuple):
            input_shape = input_shape[0]
        for i, component in enumerate(self.components):
            try:
                input_shape = component.output_shape(input_shape)
            except Exception as error:
                self._locate(error, i)
                raise
        return input_shape

    def _locate(self, error: Exception, i: int) -> None:
        error.add_note(f"in component {i} of the model, {in_short(self.components[i])}")

    def __len__(self) -> int:
        """Return how many components stand in the row."""
        return len(self.components)
