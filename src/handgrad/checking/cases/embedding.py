"""What a sequence begins with: vectors of indices, and of positions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import identical
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Wrong,
    below,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.layers import Embedding, LearnedPositionalEncoding, PositionalEncoding

__all__ = ["CASES"]


def torch_embedding(torch: Any, embedding: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.embedding(x.long(), p["weights"], embedding.padding_index)


def torch_positions(torch: Any, encoding: Any, x: Any, p: Any) -> Any:
    """Write the paper's formula as it stands, an angle after the other."""
    T, D = x.shape[-2:]
    position = torch.arange(T, dtype=x.dtype)
    columns = []
    for d in range(D):
        angle = position / 10000.0 ** (2 * (d // 2) / D)
        columns.append(torch.cos(angle) if d % 2 else torch.sin(angle))
    return x + torch.stack(columns, dim=-1)


def torch_learned_positions(torch: Any, encoding: Any, x: Any, p: Any) -> Any:
    return x + torch.nn.functional.embedding(torch.arange(x.shape[-2]), p["weights"])


def build(make: Callable[..., Any], *sizes: int) -> Callable[[Generator], Any]:
    return lambda rng: make(*sizes, rng=rng)


def repeated_indices_add_up(embedding: Any, x: Array, against: Array, rng: Generator) -> str | None:
    """Ask whether an index that stands twice has the sum of what it has at each place."""
    twice = np.stack([x, x])
    (_, one), (_, two) = embedding.apply(x), embedding.apply(twice)
    once = embedding.pullback(against, one)[1]["weights"]
    both = embedding.pullback(np.stack([2 * against, -against]), two)[1]["weights"]
    same = np.allclose(once, both, rtol=1e-12, atol=1e-12)
    return None if same else "an index that stands twice has not the sum of both gradients"


def nothing_at_the_padding(embedding: Any, x: Array, against: Array, rng: Generator) -> str | None:
    """Ask whether the padding is 0 and learns nothing, and stands in the row at all."""
    (y, saved), p = embedding.apply(x), embedding.padding_index
    gradient = embedding.pullback(against, saved)[1]["weights"]
    if not (x == p).any() or (x == p).all():
        return "the row is not about padding"
    return "the padding is not 0, or learns" if y[x == p].any() or gradient[p].any() else None


def a_start_is_what_it_is_in_the_whole(
    encoding: Any, x: Array, against: Array, rng: Generator
) -> str | None:
    """Ask whether the first steps of a sequence do not depend on how long it is."""
    same = identical(encoding.apply(x[..., :2, :])[0], encoding.apply(x)[0][..., :2, :])
    return None if same else "a step depends on the length of the sequence"


def padded(rng: Generator) -> Array:
    """Draw sequences of indices of which some end early."""
    x = rng.integers(0, 7, (3, 5))
    x[0, 3:] = x[2, 1:] = 2
    x[1, 0] = 5
    return x


_embedding_errors: Wrong = (
    (lambda f: f(np.empty((0, 3), int)), ShapeError),
    (lambda f: f([["a", "b"]]), DtypeError),
    (lambda f: f([[1, 2], [3]]), ShapeError),
    (lambda f: f.grad(np.ones((1, 2, 3))), RuntimeError),
    (lambda f: (f([0, 1]), f.grad(np.ones((3, 2)))), ShapeError),
    (lambda f: f([0.0, 1.0]), DtypeError),
    (lambda f: f([True, False]), DtypeError),
    (lambda f: f([0, -1]), ShapeError),
    (lambda f: f([0, f.num_embeddings]), ShapeError),
    (lambda f: type(f)(0, 3), ArgumentError),
    (lambda f: type(f)(5, 2.5), ArgumentError),
    *(
        (lambda f, p=p: type(f)(5, 3, padding_index=p), ArgumentError)
        for p in (5, -1, 0.0, True, "0")
    ),
    (lambda f: type(f)(5, 3, init="word2vec"), ArgumentError),
)


def _errors(make: type) -> Wrong:
    """Return what a positional encoding of at most 5 steps of 3 features refuses."""
    return (
        *errors_of_components[:4],
        (lambda f: f(np.ones((2, 6, 3))), ShapeError),
        (lambda f: f(np.ones((2, 5, 2))), ShapeError),
        (lambda f: f(np.ones(3)), ShapeError),
        (lambda f: f.output_shape((None, 6, 3)), ShapeError),
        (lambda f: make(0, 3), ArgumentError),
        (lambda f: make(5, True), ArgumentError),
    )


embedding = partial(Case, Embedding, twin=torch_embedding)
positions = partial(
    Case,
    PositionalEncoding,
    twin=torch_positions,
    invariants=(a_start_is_what_it_is_in_the_whole,),
)
learned = partial(
    Case,
    LearnedPositionalEncoding,
    twin=torch_learned_positions,
    invariants=(independent_of_the_batch, a_start_is_what_it_is_in_the_whole),
)

CASES: tuple[Case, ...] = (
    embedding(
        "two axes",
        build=build(Embedding, 7, 3),
        x=below(7, 2, 11),
        invariants=(independent_of_the_batch, repeated_indices_add_up),
        wrong=_embedding_errors,
        extreme=below(7, 5),
        proof=lambda symbols: (Embedding(4, 2), np.array([[3, 0, 3], [1, 3, 0]])),
    ),
    embedding(
        "with padding",
        build=build(partial(Embedding, padding_index=2), 7, 3),
        x=padded,
        invariants=(independent_of_the_batch, repeated_indices_add_up, nothing_at_the_padding),
        proof=lambda symbols: (Embedding(3, 2, padding_index=1), np.array([2, 1, 2, 1, 0])),
    ),
    embedding(
        "small integers, an even number of features, most of the table unused",
        build=build(Embedding, 11, 4),
        x=lambda rng: rng.integers(0, 3, 5).astype(np.uint8),
        invariants=(repeated_indices_add_up,),
    ),
    positions(
        "as long as may be",
        build=lambda rng: PositionalEncoding(5, 3),
        x=normal(2, 5, 3),
        invariants=(independent_of_the_batch, a_start_is_what_it_is_in_the_whole),
        wrong=_errors(PositionalEncoding),
        extreme=ends(2, 5, 3, size=1e300),
    ),
    positions(
        "a short sequence, without a batch",
        build=lambda rng: PositionalEncoding(11, 4),
        x=normal(7, 4),
    ),
    learned(
        "as long as may be",
        build=build(LearnedPositionalEncoding, 5, 3),
        x=normal(2, 5, 3),
        wrong=_errors(LearnedPositionalEncoding),
        extreme=ends(2, 5, 3, size=1e300),
    ),
    learned(
        "short sequences, four axes",
        build=build(LearnedPositionalEncoding, 7, 2),
        x=normal(3, 2, 5, 2),
    ),
    learned(
        "one step, without a batch",
        build=build(LearnedPositionalEncoding, 3, 5),
        x=normal(1, 5),
        invariants=(),
    ),
)
