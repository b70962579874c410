"""Recurrent layers, alone, in a row, and in both directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import identical, same
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Sampler,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.cases.layers import build_linear
from handgrad.checking.cases.models import torch_model
from handgrad.checking.evaluation import evaluate, parts
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.component import Component
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.layers import GRU, LSTM, RNN, Bidirectional, Dropout
from handgrad.model import Model
from handgrad.walk import parameters

__all__ = ["CASES"]

Build = Callable[[Generator], Any]


def random(component: Any, rng: Generator) -> Any:
    """Give a component parameters that are as large as its inputs, its biases too."""
    for place in parameters(component):
        place.array[...] = rng.standard_normal(place.array.shape)
    return component


def build(cls: Any, D: int, H: int, **options: Any) -> Build:
    """Make layers with random parameters."""
    return lambda rng: random(cls(D, H, rng=rng, **options), rng)


def padded(*shape: int, lengths: tuple[int, ...], states: tuple[int, ...] = ()) -> Sampler:
    """Draw sequences with lengths, and initial states of some widths."""

    def draw(rng: Generator) -> Any:
        initial = (rng.standard_normal((shape[0], width)) for width in states)
        return (rng.standard_normal(shape), np.array(lengths), *initial)

    return draw


# ---------------------------------------------------------------------------------------- PyTorch


def torch_recurrent(torch: Any, layer: Any, x: Any, p: Any) -> Any:
    """Run PyTorch's own kernel, on packed sequences."""
    x, lengths, *states = x if isinstance(x, tuple) else (x, None)
    N, T, _ = x.shape
    H, U = layer.units, p["recurrent_weights"].T
    first, second = p["bias"][0], torch.zeros(len(U), dtype=x.dtype)
    if "recurrent_bias" in p:
        second = torch.cat([second[: 2 * H], p["recurrent_bias"][0]])
    rnn = torch.nn.utils.rnn
    packed = rnn.pack_padded_sequence(
        x, torch.full((N,), T) if lengths is None else lengths, True, enforce_sorted=False
    )
    states = states or [torch.zeros(N, H, dtype=x.dtype) for _ in layer.states]
    hx = [state[packed.sorted_indices][None] for state in states]
    plain = f"rnn_{layer.activation}" if isinstance(layer, RNN) else type(layer).__name__.lower()
    data, last, *_ = getattr(torch, plain)(
        packed.data,
        packed.batch_sizes,
        hx if len(hx) > 1 else hx[0],
        [p["input_weights"].T, U, first, second],
        True,
        1,
        0.0,
        False,
        False,
    )
    if not layer.return_sequences:
        return last[0][packed.unsorted_indices]
    return rnn.pad_packed_sequence(packed._replace(data=data), True, total_length=T)[0]


def torch_bidirectional(torch: Any, both: Any, x: Any, p: Any) -> Any:
    """Turn each sequence around by itself."""
    x, *lengths = x if isinstance(x, tuple) else (x,)

    def turn(x: Any) -> Any:
        steps = lengths[0].tolist() if lengths else [x.shape[1]] * len(x)
        rows = zip(x, steps, strict=True)
        return torch.stack([torch.cat([row[:n].flip(0), row[n:]]) for row, n in rows])

    ahead = p["forward_layer"]((x, *lengths) if lengths else x)
    back = p["backward_layer"]((turn(x), *lengths) if lengths else turn(x))
    back = turn(back) if back.ndim == 3 else back
    return ahead + back if both.combine == "sum" else torch.cat([ahead, back], dim=-1)


# ------------------------------------------------------------------------------------- invariants


def causal(subject: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether a state is the same whatever comes after its step."""
    steps, *more = parts(x)
    y = evaluate(subject, x, None)["y"]
    for t in range(steps.shape[1] - 1):
        changed = steps.copy()
        changed[:, t + 1 :] = rng.standard_normal(changed[:, t + 1 :].shape)
        given = (changed, *more) if more else changed
        other = evaluate(subject, given, None)["y"]
        if not same(y[:, : t + 1], other[:, : t + 1], 1e-13):
            return f"the output at step {t} depends on what comes after it"
    return None


def blind_to_padding(subject: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether what stands behind the lengths changes anything, or has an output or gradient."""
    steps, lengths, *more = x
    behind = np.arange(steps.shape[1]) >= lengths[:, None]
    expected = evaluate(subject, x, against)
    for filling in (np.nan, 1e300):
        filled = np.where(behind[:, :, None], filling, steps)
        if against.ndim == 3:
            against = np.where(behind[:, :, None], filling, against)
        found = evaluate(subject, (filled, lengths, *more), against)
        for name, array in found.items():
            if not identical(array, expected[name]):
                return f"{name} depends on the padding"
    if expected["y"].ndim == 3 and expected["y"][behind].any():
        return "the output behind the lengths is not 0"
    return "the padding has a gradient" if expected["dx0"][behind].any() else None


def same_cut_to_its_length(subject: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether a padded sequence gives what it gives alone and without its padding."""
    steps, lengths, *states = x
    y = evaluate(subject, x, None)["y"]
    for n, L in enumerate(lengths):
        alone = steps[n : n + 1, :L]
        if states:
            alone = (alone, np.array([L]), *(state[n : n + 1] for state in states))
        expected = evaluate(subject, alone, None)["y"][0]
        if not same(y[n, :L] if y.ndim == 3 else y[n], expected, 1e-12):
            return f"sequence {n} is not what it is when it is cut to its length"
    return None


def mirrored(both: Any, x: Any, against: Array, rng: Generator) -> str | None:
    """Ask whether sequences that are turned around give what the exchanged layers give."""
    steps, *lengths = parts(x)
    turned = steps[:, ::-1].copy()
    for n, L in enumerate(lengths[0] if lengths else ()):
        turned[n] = np.concatenate([steps[n, :L][::-1], steps[n, L:]])
    exchanged = type(both)(both.backward_layer, both.forward_layer, "sum")
    y = evaluate(exchanged, (turned, *lengths) if lengths else turned, None)["y"]
    expected = evaluate(type(both)(both.forward_layer, both.backward_layer, "sum"), x, None)["y"]
    if y.ndim == 3:
        for n, L in enumerate(lengths[0] if lengths else [y.shape[1]] * len(y)):
            y[n, :L] = y[n, :L][::-1].copy()
    return None if same(y, expected, 1e-12) else "the directions are not each other's mirror image"


# ------------------------------------------------------------------------------------------- rows


_wrong_lengths: Wrong = (
    *(
        (lambda f, lengths=lengths: f((np.ones((2, 4, 5)), np.array(lengths))), error)
        for lengths, error in (
            ([0, 4], ShapeError),
            ([1, 5], ShapeError),
            ([-1, 2], ShapeError),
            ([1], ShapeError),
            ([[1, 2]], ShapeError),
            ([1.0, 2.0], DtypeError),
            ([True, True], DtypeError),
        )
    ),
    (lambda f: f(np.ones((2, 4, 3))), ShapeError),
    (lambda f: f(np.ones((4, 5))), ShapeError),
    (lambda f: f.output_shape((None, 5)), ShapeError),
    (lambda f: f.output_shape((None, None, 3)), ShapeError),
    (lambda f: (f(np.ones((2, 4, 5))), f.grad(np.ones((2, 4)))), ShapeError),
)
_wrong: Wrong = (
    *errors_of_components[:4],
    *_wrong_lengths,
    (lambda f: f((np.ones((2, 4, 5)), np.array([1, 2]), np.ones((2, 3)))), ShapeError),
    (lambda f: f((np.ones((2, 4, 5)), np.array([1, 2]), *[np.ones((2, 2))] * 3)), ShapeError),
    (lambda f: setattr(f, "recurrent_weights", np.ones((2, 3))), ShapeError),
    (lambda f: type(f)(0, 2), ArgumentError),
    (lambda f: type(f)(5, 2.5), ArgumentError),
    (lambda f: type(f)(5, 2, return_sequences=1), ArgumentError),
    (lambda f: type(f)(5, 2, recurrent_init="unheard of"), ArgumentError),
    (lambda f: type(f)(5, 2, dtype=int), ArgumentError),
)
_wrong_rnn: Wrong = (*_wrong, (lambda f: type(f)(5, 2, activation="softmax"), ArgumentError))
_wrong_lstm: Wrong = (*_wrong, (lambda f: type(f)(5, 2, unit_forget_bias="yes"), ArgumentError))
_wrong_bidirectional: Wrong = (
    *errors_of_components[:4],
    *_wrong_lengths,
    (lambda f: f((np.ones((2, 4, 5)), np.array([1, 2]), np.ones((2, 2)))), ShapeError),
    (lambda f: Bidirectional(f.forward_layer, Dropout), ArgumentError),
    (lambda f: Bidirectional(Dropout(Model([RNN(5, 2)]), 0.5), np.ones), ArgumentError),
    (lambda f: Bidirectional(RNN(5, 2), RNN(5, 2), "mean"), ArgumentError),
    (lambda f: Bidirectional(RNN(5, 2), RNN(5, 2, return_sequences=False)), ArgumentError),
    (lambda f: Bidirectional(RNN(5, 2), RNN(5, 3), "sum"), ShapeError),
    (lambda f: Bidirectional(RNN(5, 2), RNN(4, 2))(np.ones((2, 4, 5))), ShapeError),
)


def rows_of(cls: Any, wrong: Wrong) -> tuple[Case, ...]:
    """Return the rows that each of the three layers has."""
    sequences: Any = partial(build, cls)
    last = partial(sequences, return_sequences=False)
    row = partial(
        Case,
        cls,
        build=sequences(5, 2),
        twin=torch_recurrent,
        invariants=(independent_of_the_batch, causal),
        seeds=(0,),
    )
    with_lengths = partial(row, invariants=(blind_to_padding, same_cut_to_its_length, causal))
    widths = (2,) * len(cls.states)
    return (
        row(
            "every state",
            x=normal(3, 4, 5),
            wrong=wrong,
            extreme=ends(3, 4, 5, size=1e100),
            proof=lambda symbols: (cls(1, 1), symbols("x", 1, 2, 1)),
            seeds=(0, 1, 2),
        ),
        row(
            "last state",
            x=normal(3, 4, 5),
            build=last(5, 2),
            invariants=(independent_of_the_batch,),
        ),
        row("one step", x=normal(3, 1, 5)),
        row("one unit, one feature", x=normal(2, 3, 1), build=sequences(1, 1)),
        with_lengths("mixed lengths", x=padded(3, 4, 5, lengths=(2, 4, 1))),
        with_lengths("lengths of 1", x=padded(3, 4, 5, lengths=(1, 1, 1))),
        with_lengths("equal lengths", x=padded(2, 4, 5, lengths=(3, 3))),
        with_lengths(
            "mixed lengths, last state",
            x=padded(4, 3, 5, lengths=(1, 3, 2, 1)),
            build=last(5, 2),
            invariants=(blind_to_padding, same_cut_to_its_length, independent_of_the_batch),
        ),
        with_lengths(
            "initial state, mixed lengths",
            x=padded(3, 4, 5, lengths=(1, 2, 4), states=widths),
        ),
        row(
            "initial state, last state",
            x=padded(3, 2, 5, lengths=(2, 2, 2), states=widths),
            build=last(5, 2),
            invariants=(independent_of_the_batch,),
        ),
    )


def both(first: Build, second: Build, combine: str = "concatenate") -> Build:
    """Make a layer for each direction."""
    return lambda rng: Bidirectional(first(rng), second(rng), combine)


def chain(*builds: Build) -> Build:
    """Make layers in a row."""
    return lambda rng: Model([make(rng) for make in builds])


def two_directions(symbols: Symbols) -> tuple[Component, tuple[Array, Array]]:
    """Make the smallest one that turns a sequence around and leaves its padding."""
    x, lengths = symbols("x", 1, 3, 1), np.array([2])
    return Bidirectional(RNN(1, 1), RNN(1, 1)), (x, lengths)


bidirectional = partial(
    Case,
    Bidirectional,
    twin=torch_bidirectional,
    invariants=(mirrored, independent_of_the_batch),
    seeds=(0,),
)
in_a_row = partial(Case, Model, twin=torch_model, seeds=(0,))
mixed = padded(3, 4, 5, lengths=(2, 4, 1))
_of_lengths = (blind_to_padding, same_cut_to_its_length, independent_of_the_batch)

CASES: tuple[Case, ...] = (
    *rows_of(RNN, _wrong_rnn),
    Case(
        RNN,
        "relu, mixed lengths",
        build(RNN, 5, 2, activation="relu"),
        mixed,
        torch_recurrent,
        truth=central_differences,
        invariants=(blind_to_padding, same_cut_to_its_length, causal),
        seeds=(0,),
    ),
    *rows_of(LSTM, _wrong_lstm),
    *rows_of(GRU, _wrong),
    bidirectional(
        "GRU and RNN",
        build=both(build(GRU, 5, 2), build(RNN, 5, 3)),
        x=normal(3, 4, 5),
        wrong=_wrong_bidirectional,
        extreme=ends(3, 4, 5, size=1e100),
        proof=two_directions,
        invariants=(independent_of_the_batch,),
    ),
    bidirectional(
        "LSTMs, added, mixed lengths",
        build=both(build(LSTM, 5, 2), build(LSTM, 5, 2), "sum"),
        x=mixed,
        invariants=(*_of_lengths, mirrored),
    ),
    bidirectional(
        "GRUs, mixed lengths, last state",
        build=both(
            build(GRU, 5, 2, return_sequences=False), build(GRU, 5, 3, return_sequences=False)
        ),
        x=mixed,
        invariants=_of_lengths,
    ),
    bidirectional(
        "RNNs, added, last state",
        build=both(
            build(RNN, 5, 2, return_sequences=False),
            build(RNN, 5, 2, return_sequences=False),
            "sum",
        ),
        x=normal(3, 4, 5),
    ),
    bidirectional(
        "two layers each way, mixed lengths",
        build=both(
            chain(build(RNN, 5, 1), build(GRU, 1, 2)), chain(build(RNN, 5, 2), build(RNN, 2, 1))
        ),
        x=mixed,
        invariants=_of_lengths,
    ),
    in_a_row(
        "two LSTMs, mixed lengths, last state",
        build=chain(build(LSTM, 5, 2), build(LSTM, 2, 3, return_sequences=False)),
        x=mixed,
        invariants=_of_lengths,
    ),
    in_a_row(
        "Linear and two bidirectional GRUs, mixed lengths",
        build=chain(
            build_linear(5, 2),
            both(build(GRU, 2, 1), build(GRU, 2, 1)),
            both(build(GRU, 2, 2), build(GRU, 2, 2), "sum"),
        ),
        x=mixed,
        invariants=(same_cut_to_its_length, independent_of_the_batch),
    ),
    in_a_row(
        "two RNNs, initial state, mixed lengths",
        build=chain(build(RNN, 5, 2), build(RNN, 2, 3)),
        x=padded(3, 4, 5, lengths=(2, 4, 1), states=(2,)),
        invariants=_of_lengths,
    ),
)
