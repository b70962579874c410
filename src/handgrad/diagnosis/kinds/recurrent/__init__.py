"""Recurrent layers, each as one step and as a walk through sequences."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.lines import Program
from handgrad.diagnosis.kinds.recurrent.affine import gradient_mistakes
from handgrad.diagnosis.kinds.recurrent.gru import GRU, OPTIONS, gru_conventions, gru_mistakes
from handgrad.diagnosis.kinds.recurrent.lstm import LSTM, ORDER, lstm_conventions, lstm_mistakes
from handgrad.diagnosis.kinds.recurrent.rnn import RNN, rnn_conventions, rnn_mistakes
from handgrad.diagnosis.kinds.recurrent.time import time_mistakes
from handgrad.diagnosis.kinds.recurrent.walk import Walk, step

__all__ = ["GRUKind", "GRUStepKind", "LSTMKind", "LSTMStepKind", "RNNKind", "RNNStepKind"]

SEQUENCES: Shapes = ((3, 4, 2, 5), (2, 3, 5, 4), (4, 5, 3, 2))
"""(N, T, D, H): rows, steps, inputs and units."""


class RecurrentKind(Kind):
    """What all of them have in common: sizes, and how the input is made."""

    program: ClassVar[Program]
    dimensions = "N D H"
    titles: ClassVar = {
        "output": "state",
        "dx": "gradient of the input",
        "dh0": "gradient of the state before",
        "dW": "gradient of the input weights",
        "dU": "gradient of the recurrent weights",
        "db": "gradient of the bias",
    }
    variables: ClassVar = {
        "dx": "x",
        "dh0": "h0",
        "dW": "input_weights",
        "dU": "recurrent_weights",
        "db": "bias",
    }
    optional: ClassVar[tuple[str, ...]] = ("dh0",)
    absent: ClassVar[tuple[str, ...]] = ("h0",)
    gates: ClassVar[int] = 1
    options: ClassVar[dict[str, Any]] = {}

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [
            self.given(shape, np.random.default_rng([seed, i])) for i, shape in enumerate(shapes)
        ]

    def given(self, shape: tuple[int, ...], rng: np.random.Generator) -> Given:
        """Return an input of these sizes: rows, steps where there are any, inputs and units."""
        *leading, D, H = shape
        N, K = leading[0], self.gates * H
        sizes = dict(zip(("N", *"T" * (len(leading) - 1), "D", "H"), shape, strict=True))

        def draw(*shape: int, scale: float = 1.0) -> Any:
            return scale * rng.standard_normal(shape)

        states = {name: draw(N, H, scale=0.5) for name in self.absent if name.endswith("0")}
        biases = {name: draw(H) for name in self.absent if not name.endswith("0")}
        weights = {
            # of this size the gates are neither open nor closed
            "input_weights": draw(D, K, scale=D**-0.5),
            "recurrent_weights": draw(H, K, scale=H**-0.5),
            "bias": draw(K, scale=0.5),
        }
        return Given(
            ", ".join(f"{name} = {size}" for name, size in sizes.items()),
            sizes,
            {"x": draw(*leading, D), **states},
            draw(*leading, H),
            {**weights, **biases},
            {"in_features": D, "units": H, **self.options},
            upstream={name: draw(N, H) for name in self.upstream.values() if name != "dy"},
        )

    def stresses(self, seed: int) -> list[Stress]:
        large = self.givens(self.shapes[:2], seed + 99)
        for given in large:
            given.x[...] *= 1e4
        one = [(1, *shape[1:]) for shape in self.shapes[:2]]
        return [
            Stress("one row", "a single row", self.givens(one, seed + 98)),
            Stress("extreme", "inputs of size 1e4", large),
        ]

    def right(self, given: Given, seen: Results) -> Results:
        return dict(self.program.right(given))


class SequenceKind(RecurrentKind):
    """A walk through sequences."""

    dimensions = "N T D H"
    shapes = SEQUENCES

    def stresses(self, seed: int) -> list[Stress]:
        one = [(N, 1, D, H) for N, _, D, H in SEQUENCES[:2]]
        few = Stress("one step", "sequences of one step", self.givens(one, seed + 97))
        return [few, *super().stresses(seed)]


_AXES = {"h0": "N H", "recurrent_weights": "H K", "input_weights": "D K", "bias": "K"}
_STEP = {**_AXES, "x": "N D", "output": "N H"}
_SEQUENCE = {**_AXES, "x": "N T D", "output": "N T H"}
_CELL: dict[str, str] = {"c0": "N H", "cell": "N H"}
_SECOND = {**RecurrentKind.variables, "drecurrent_bias": "recurrent_bias"}
_SECOND_TITLES = {**RecurrentKind.titles, "drecurrent_bias": "gradient of the second bias"}


class RNNStepKind(RecurrentKind):
    """One step of a simple recurrent layer."""

    name = "rnn_step"
    words = ("rnnstep", "rnncell")
    program = step(RNN)
    titles: ClassVar = _SECOND_TITLES
    variables: ClassVar = _SECOND
    axes: ClassVar = {**_STEP, "recurrent_bias": "H"}
    optional = ("dh0", "drecurrent_bias")
    absent = ("h0", "recurrent_bias")
    mistakes = (*rnn_mistakes(program), *gradient_mistakes())
    conventions = rnn_conventions(program)
    options: ClassVar = {"activation": "tanh"}


class RNNKind(SequenceKind):
    """A simple recurrent layer."""

    name = "rnn"
    words = ("rnn", "recurrent")
    program = Walk(RNN)
    titles: ClassVar = _SECOND_TITLES
    variables: ClassVar = _SECOND
    axes: ClassVar = {**_SEQUENCE, "recurrent_bias": "H"}
    optional = ("dh0", "drecurrent_bias")
    absent = ("h0", "recurrent_bias")
    mistakes = (*rnn_mistakes(program), *time_mistakes(program), *gradient_mistakes())
    conventions = rnn_conventions(program)
    options: ClassVar = {"activation": "tanh"}


class LSTMStepKind(RecurrentKind):
    """One step of a long short-term memory."""

    name = "lstm_step"
    words = ("lstmstep", "lstmcell")
    program = step(LSTM)
    titles: ClassVar = {
        "output": "state",
        "cell": "cell",
        **RecurrentKind.titles,
        "dc0": "gradient of the cell before",
    }
    forwards = ("output", "cell")
    upstream: ClassVar = dict(LSTM.upstream)
    variables: ClassVar = {**RecurrentKind.variables, "dc0": "c0"}
    axes: ClassVar = {**_STEP, **_CELL}
    optional = ("dh0", "dc0")
    absent = ("h0", "c0")
    gates = 4
    mistakes = (*lstm_mistakes(program), *gradient_mistakes())
    conventions = lstm_conventions(program)
    options: ClassVar = {"order": ORDER}


class LSTMKind(SequenceKind):
    """A long short-term memory."""

    name = "lstm"
    words = ("lstm",)
    program = Walk(LSTM)
    titles: ClassVar = {**RecurrentKind.titles, "dc0": "gradient of the cell before"}
    variables: ClassVar = LSTMStepKind.variables
    axes: ClassVar = {**_SEQUENCE, "c0": "N H"}
    optional = ("dh0", "dc0")
    absent = ("h0", "c0")
    gates = 4
    mistakes = (*lstm_mistakes(program), *time_mistakes(program), *gradient_mistakes())
    conventions = lstm_conventions(program)
    options: ClassVar = {"order": ORDER}


class GRUStepKind(RecurrentKind):
    """One step of a gated recurrent unit."""

    name = "gru_step"
    words = ("grustep", "grucell")
    program = step(GRU)
    titles: ClassVar = _SECOND_TITLES
    variables: ClassVar = _SECOND
    axes: ClassVar = {**_STEP, "recurrent_bias": "H"}
    optional = ("dh0", "drecurrent_bias")
    absent = ("h0", "recurrent_bias")
    gates = 3
    mistakes = (*gru_mistakes(program), *gradient_mistakes())
    conventions = gru_conventions(program)
    options: ClassVar = OPTIONS


class GRUKind(SequenceKind):
    """A gated recurrent unit."""

    name = "gru"
    words = ("gru",)
    program = Walk(GRU)
    titles: ClassVar = GRUStepKind.titles
    variables: ClassVar = GRUStepKind.variables
    axes: ClassVar = {**_SEQUENCE, "recurrent_bias": "H"}
    optional = ("dh0", "drecurrent_bias")
    absent = ("h0", "recurrent_bias")
    gates = 3
    mistakes = (*gru_mistakes(program), *time_mistakes(program), *gradient_mistakes())
    conventions = gru_conventions(program)
    options: ClassVar = OPTIONS
