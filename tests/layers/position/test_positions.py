"""Positional encodings: the paper's table and what it is for, lengths, what is learned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    Embedding,
    LearnedPositionalEncoding,
    Model,
    PositionalEncoding,
    checkpoint,
)
from handgrad.errors import ShapeError
from helpers import generator, random, refuses

BOTH = [PositionalEncoding, LearnedPositionalEncoding]


def table_of(T, D):
    return PositionalEncoding(T, D)(np.zeros((T, D)))


@given(t=st.integers(0, 99), D=st.integers(1, 12), data=st.data())
def test_an_entry_is_the_papers(t, D, data):
    d = data.draw(st.integers(0, D - 1))
    angle = t / 10000 ** (2 * (d // 2) / D)
    assert_allclose(table_of(100, D)[t, d], np.cos(angle) if d % 2 else np.sin(angle), atol=1e-12)


@given(k=st.integers(0, 40))
def test_what_stands_k_steps_further_is_a_rotation_of_what_stands_here(k):
    table = table_of(100, 8).reshape(100, 4, 2)
    for i, pairs in enumerate(table.swapaxes(0, 1)):
        angle = k / 10000 ** (2 * i / 8)
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        assert_allclose(pairs[: 100 - k] @ turn, pairs[k:], atol=1e-12)


@pytest.mark.parametrize("make", BOTH)
def test_lengths_up_to_the_maximum_are_served_and_others_refused(make):
    encoding = make(5, 3)
    whole = encoding(np.zeros((2, 5, 3)))
    for T in range(1, 6):
        assert_array_equal(encoding(np.zeros((T, 3))), whole[0, :T])
    with refuses(ShapeError, encoding, match=r"(?s)\(2, 6, 3\).*1 to 5 steps.*larger max_length"):
        encoding(np.zeros((2, 6, 3)))
    assert encoding.output_shape((None, None, 3)) == (None, None, 3)
    assert encoding.output_shape((..., 3)) == (..., 3)
    assert encoding.output_shape((...,)) == (...,)
    with refuses(ShapeError, match=r"(?s)1 to 5 steps"):
        Model([encoding, make(5, 3)]).output_shape((None, 7, 3))
    assert repr(encoding) == f"{make.__name__}(5, 3)"


def test_the_table_has_the_inputs_precision_and_is_neither_trained_nor_saved():
    encoding = PositionalEncoding(7, 4)
    assert encoding(np.zeros((7, 4), np.float32)).dtype == np.float32
    assert (encoding.parameters, encoding.buffers) == ({}, {})


def test_what_no_sequence_has_reached_is_not_learned():
    encoding = LearnedPositionalEncoding(9, 2, rng=generator())
    encoding(random(3, 4, 2))
    dy = random(3, 4, 2)
    assert_array_equal(encoding.grad(dy), dy)
    assert_allclose(encoding.gradients["weights"][:4], dy.sum(axis=0))
    assert not encoding.gradients["weights"][4:].any()


def test_checkpoints_keep_them(tmp_path):
    parts = [Embedding(5, 4, rng=generator()), PositionalEncoding(6, 4)]
    model = Model([*parts, LearnedPositionalEncoding(6, 4, rng=generator())])
    checkpoint.save(tmp_path / "model", model)
    x = generator().integers(0, 5, (2, 6))
    assert_array_equal(checkpoint.load(tmp_path / "model").model.forward(x), model.forward(x))


def test_a_table_is_as_long_as_it_has_to_be():
    encoding, short = PositionalEncoding(10**12, 6), PositionalEncoding(70, 6)
    x = random(2, 70, 6)
    assert_array_equal(encoding(x), short(x))
    for steps in (1, 2, 3, 33, 64, 65):
        assert_array_equal(encoding(x[:, :steps]), short(x)[:, :steps])
