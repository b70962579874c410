"""Which results of a reference are which: its outputs, and what each gradient belongs to."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.reference.code import Code, Place, Run, missing
from handgrad.diagnosis.student.subject import numbers

__all__ = ["Interface"]


@dataclass
class Interface:
    """How the reference and the student's code alike are given arrays and asked for results."""

    truth: Code
    outputs: tuple[str, ...] = ()
    places: dict[str, Place] = field(default_factory=dict)
    """For each gradient where it is found."""
    parameters: tuple[str, ...] = ()

    @property
    def upstream(self) -> dict[str, str]:
        """For each output the name of its upstream gradient."""
        names = self.outputs[: self.truth.upstream]
        return {name: "dy" if i == 0 else f"dy {i + 1}" for i, name in enumerate(names)}

    def place(self, code: Code, run: Run, given: Given) -> None:
        """Write the parameters into an object."""
        slots = code.slots(run) if self.parameters else {}
        for name in self.parameters:
            if name not in slots or slots[name].array.shape != given[name].shape:
                raise missing(code, name)
            slots[name].write(given[name])

    def forward(self, code: Code, run: Run, given: Given) -> Results:
        """Return the outputs by name."""
        arguments = {  # whoever writes to a dict writes to one of his own
            name: deepcopy(given[name]) if name in given.options else given[name]
            for name in given.options["arguments"]
        }
        outputs = code.forward(run, given, self.truth.signature.bind(**arguments))
        names = self.outputs or tuple(_names(outputs, bool(self.truth.upstream)))
        return {n: numbers(o, f"the {n}") for n, o in zip(names, outputs, strict=False)}

    def backward(self, code: Code, run: Run, given: Given) -> Results:
        """Return the gradients by name."""
        found = code.backward(run, given, [given[name] for name in self.upstream.values()])
        return {
            quantity: numbers(found[place], f"the gradient {quantity}")
            for quantity, place in self.places.items()
            if place in found
        }


def _names(outputs: list[object], upstream: bool) -> list[str]:
    """Name outputs: one is "output", or "value" where it is a number without upstream gradient."""
    if len(outputs) == 1 and not upstream and np.size(outputs[0]) == 1:  # type: ignore[arg-type]
        return ["value"]
    return ["output" if i == 0 else f"output {i + 1}" for i in range(len(outputs))]
