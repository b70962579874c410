"""What a component is given in one trial, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["Given", "Results"]

Results = dict[str, Array]
"""What a component gives, by the name of the quantity: "output", "dx", "dW", ..."""


@dataclass
class Given:
    """What a component is given in one trial. Which names there are is the kind's affair.

    ``given[name]`` finds any of them. A loss has an input "y" too, and an empty `dy`.
    """

    label: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    """To recognise a factor by."""
    inputs: dict[str, Array] = field(default_factory=dict)
    dy: Array = field(default_factory=lambda: np.empty(0))
    parameters: dict[str, Array] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)
    """What the kind works out of the run for its mistakes: which entries a dropout kept."""
    seed: int = 0
    """Of NumPy's and Python's global random state before the run."""
    upstream: dict[str, Array] = field(default_factory=dict)
    """The upstream gradients of further outputs, by name."""

    @property
    def x(self) -> Array:
        """The first input."""
        return next(iter(self.inputs.values()))

    @property
    def arrays(self) -> dict[str, Array]:
        """Every array that the code is given."""
        return {**self.inputs, **({"dy": self.dy} if self.dy.size else {}), **self.upstream}

    def __getitem__(self, name: str) -> Any:
        if name == "dy":
            return self.dy
        if name == "N":
            return len(self.x)
        for group in self._groups():
            if name in group:
                return group[name]
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return name in ("dy", "N") or any(name in group for group in self._groups())

    def known(self) -> dict[str, Any]:
        """Return all that ``given[name]`` finds, by name."""
        groups = [*self._groups()][::-1]
        return {n: a for group in groups for n, a in group.items()} | {
            "dy": self.dy,
            "N": self["N"],
        }

    def _groups(self) -> Iterator[dict[str, Any]]:
        yield from (self.inputs, self.parameters, self.upstream)
        yield from (self.options, self.derived, self.sizes)

    def changed(self, label: str | None = None, /, **values: Any) -> Given:
        """Return a copy with other values for some of the names; parameters and options too."""
        new = replace(
            self,
            label=self.label if label is None else label,
            inputs=dict(self.inputs),
            dy=values.pop("dy", self.dy),
            upstream=dict(self.upstream),
            parameters=dict(self.parameters),
            options=dict(self.options),
            derived=dict(self.derived),
        )
        for name, value in values.items():
            next(group for group in new._groups() if name in group)[name] = value
        return new

    def copied(self) -> Given:
        """Return a copy with arrays of its own, for code that may write to them."""
        return self.changed(**{name: array.copy() for name, array in self.arrays.items()})
