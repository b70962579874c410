"""Gates that stand side by side along the last axis, and the mistakes that any of them can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.kinds.lines import Line, Program, Renamed
from handgrad.diagnosis.mistake import Formula, Mistake

__all__ = ["Gate", "beside", "gate_mistakes", "order_words", "part"]


@dataclass(frozen=True)
class Gate:
    """A gate: its letter, what it is called, and whether it is a tanh, where others are sigmoids.

    The line of its value is called as its letter is, that of its argument ``a`` and the letter;
    the gradients have a ``d`` before that.
    """

    letter: str
    name: str
    tanh: bool = False

    @property
    def argument(self) -> str:
        """The name of its argument."""
        return f"a{self.letter}"

    @property
    def function(self) -> str:
        """The function whose value it is."""
        return "tanh" if self.tanh else "sigmoid"

    def value(self, tanh: bool) -> Line:
        """Return the line of its value."""
        return Renamed(np.tanh if tanh else _sigmoid, (self.argument,))

    def slope(self, tanh: bool) -> Line:
        """Return the line of its argument's gradient."""
        through = _through_tanh if tanh else _through_sigmoid
        return Renamed(through, (f"d{self.letter}", self.letter))


def _sigmoid(a: Array) -> Array:
    return np.asarray((1 + np.tanh(a / 2)) / 2)  # which does not overflow


def _through_tanh(dy: Array, y: Array) -> Array:
    return np.asarray(dy * (1 - y * y))


def _through_sigmoid(dy: Array, y: Array) -> Array:
    return np.asarray(dy * y * (1 - y))


def part(array: Array, order: str, letter: str) -> Array:
    """Return the columns of one gate, where the gates stand in an order.

    Examples
    --------
    >>> part(np.arange(6), "rzn", "z")
    array([2, 3])
    """
    H = array.shape[-1] // len(order)
    k = order.index(letter)
    return np.asarray(array[..., k * H : (k + 1) * H])


def beside(order: str, parts: Mapping[str, Array]) -> Array:
    """Return the columns of all gates side by side in an order.

    Examples
    --------
    >>> beside("rzn", {"z": np.ones(1), "n": np.zeros(1), "r": np.full(1, 2.0)})
    array([2., 1., 0.])
    """
    return np.concatenate([parts[letter] for letter in order], axis=-1)


def order_words(usual: str) -> Iterator[tuple[str, str, str]]:
    """Yield every order in which gates can stand but the usual one: name, explanation, letters.

    Examples
    --------
    >>> [letters for *_, letters in order_words("rz")]
    ['zr']
    """
    for letters in permutations(usual):
        if (order := "".join(letters)) != usual:
            yield (
                f"gates in the order {' '.join(order)}",
                "Along the last axis of the weights the gates stand in the order "
                f"{', '.join(order)}.",
                order,
            )


def gate_mistakes(program: Program, gates: tuple[Gate, ...]) -> Iterator[Mistake]:
    """Yield what can go wrong in any gate.

    The line ``places`` says in which order the gates' gradients are put side by side.
    """
    for gate in gates:
        yield from _of_one(program, gate)
    for one, other in combinations(gates, 2):
        yield program.instead(
            f"the gradients of {one.name} and {other.name} are exchanged",
            {"places": _exchanged(one.letter, other.letter)},
            f"The gradient of {one.name} stands where that of {other.name} belongs, and the other "
            "way round.",
            "Two blocks of columns of each parameter's gradient have changed places.",
            "A column of the gradient belongs to the same column of the weights.",
            "The line that cuts the sum into gates: its backward pass puts them together in the "
            "same order.",
            "Put the gradients side by side in the order in which the sum was cut.",
        )


def _exchanged(one: str, other: str) -> Formula:
    table = str.maketrans(one + other, other + one)
    return lambda order: order.translate(table)


def _of_one(program: Program, gate: Gate) -> Iterator[Mistake]:
    letter, name = gate.letter, gate.name
    other = "sigmoid" if gate.tanh else "tanh"
    slope = f"1 - {letter}**2" if gate.tanh else f"{letter} * (1 - {letter})"
    mend = f"Multiply by the slope, written with the value: `d{letter} * {slope}`."
    yield program.instead(
        f"the derivative of {name} is left out",
        {f"d{gate.argument}": Renamed(lambda dy: dy, (f"d{letter}",))},
        f"The gradient of {name} goes to the weights as if there was no {gate.function}.",
        f"Where {name} is at an end of its range, its gradient does not go to zero.",
        "Where a function is flat, nothing before it has influence.",
        f"The line of {name}: the derivative of its function is one of two factors.",
        mend,
    )
    yield program.instead(
        f"the derivative of {other} for {name}",
        {f"d{gate.argument}": gate.slope(not gate.tanh)},
        f"The derivative of {name} is taken to be the one of {other}.",
        f"The blocks of {name} are wrong in each parameter's gradient.",
        f"In the forward pass {name} is a {gate.function}.",
        f"The line of {name}: by which function was its value made?",
        mend,
    )
    yield program.instead(
        f"the argument in place of the value of {name}",
        {
            f"d{gate.argument}": Renamed(
                _through_tanh if gate.tanh else _through_sigmoid, (f"d{letter}", gate.argument)
            )
        },
        f"The derivative of {name} is written with the sum where its {gate.function} belongs.",
        f"The slope of {name} is often negative.",
        f"A {gate.function} rises everywhere, so its slope is positive.",
        f"The line of {name}: which letter stands for its value?",
        mend,
    )
    yield program.instead(
        f"a {other} in place of {gate.function} for {name}",
        {letter: gate.value(not gate.tanh)},
        f"In the forward pass {name} is a {other}.",
        f"The values of {name} are not in the range that they should be in.",
        f"The values of a {gate.function} lie between {-1 if gate.tanh else 0} and 1.",
        "The definition of the step: which gates are sigmoids, and which is a tanh?",
        f"Make {name} by a {gate.function}.",
    )
