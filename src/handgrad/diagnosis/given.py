"""What a component is given in one trial, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.component import Array

__all__ = ["Given", "Results"]

Results = dict[str, Array]
"""What a component gives, by the name of the quantity: "output", "dx", "dW", ..."""


@dataclass
class Given:
    """What a component is given in one trial. Which names there are is the kind's affair.

    Parameters
    ----------
    label
        The sizes in words, "N = 7, D = 3".
    sizes
        The same as numbers, to recognise a factor by.
    inputs
        What goes into the forward pass, in the order of the call: "x"; a loss has "y" too.
    dy
        The upstream gradient; empty for a loss.
    parameters
        What the component learns.
    options
        Everything else that is chosen: dropout's "p", a step's "lr".
    derived
        What the kind works out of the run for its mistakes: which entries a dropout kept.
    seed
        Of NumPy's and Python's global random state before the run.

    Examples
    --------
    >>> given = Given(inputs={"x": np.ones((7, 3))}, options={"p": 0.5})
    >>> given["p"], given["N"]
    (0.5, 7)
    >>> given.changed(p=0.25)["p"]
    0.25
    """

    label: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Array] = field(default_factory=dict)
    dy: Array = field(default_factory=lambda: np.empty(0))
    parameters: dict[str, Array] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def x(self) -> Array:
        """The first input."""
        return next(iter(self.inputs.values()))

    @property
    def arrays(self) -> dict[str, Array]:
        """Every array that the code is given."""
        return {**self.inputs, **({"dy": self.dy} if self.dy.size else {})}

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

    def _groups(self) -> Iterator[dict[str, Any]]:
        yield from (self.inputs, self.parameters, self.options, self.derived, self.sizes)

    def changed(self, label: str | None = None, /, **values: Any) -> Given:
        """Return a copy with other values for some of the names.

        Parameters
        ----------
        label
            Another label.
        values
            By name: inputs, "dy", parameters, options.
        """
        new = replace(
            self,
            label=self.label if label is None else label,
            inputs=dict(self.inputs),
            dy=values.pop("dy", self.dy),
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
