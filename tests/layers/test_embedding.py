"""Embeddings: indices of every form, gradients that add up, the padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import Adam, CrossEntropy, Embedding, Linear, Model, Trainer, checkpoint
from handgrad.errors import DtypeError, GradientsError, ShapeError
from helpers import generator, random, refuses


@given(
    shape=array_shapes(min_dims=0, max_dims=3, max_side=5),
    K=st.integers(1, 7),
    features=st.integers(1, 4),
    padded=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_a_product_with_one_hot_rows(shape, K, features, padded, seed):
    rng = generator(seed)
    embedding = Embedding(K, features, K - 1 if padded else None, rng=rng)
    x, dy = rng.integers(0, K, shape), rng.standard_normal((*shape, features))
    one_hot = np.eye(K)[x]
    if padded:
        one_hot[..., K - 1] = 0
    assert_allclose(embedding(x), one_hot @ embedding.weights, atol=1e-14)
    assert embedding.grad(dy) is None
    expected = one_hot.reshape(-1, K).T @ dy.reshape(-1, features)
    assert_allclose(embedding.gradients["weights"], expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, np.int64])
def test_small_integers_do_not_overflow(dtype):
    embedding, x = Embedding(250, 300, rng=generator()), np.array([[249, 0], [3, 249]])
    dy = random(2, 2, 300)
    assert_array_equal(embedding(x.astype(dtype)), embedding.weights[x])
    embedding.grad(dy)
    gradient = np.zeros((250, 300))
    np.add.at(gradient, x, dy)
    assert_array_equal(embedding.gradients["weights"], gradient)


@pytest.mark.parametrize("features", [3, 4])
@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a.astype(np.float32)],
    ids=["by columns", "backwards", "every second", "in single precision"],
)
def test_an_upstream_gradient_may_lie_in_memory_in_any_way(features, change):
    embedding = Embedding(5, features, rng=generator())
    dy = change(random(7, features * 2))[:, :features]
    embedding(x := np.array([0, 1, 0, 2, 3, 1, 0]))
    embedding.grad(dy)
    assert_allclose(embedding.gradients["weights"], np.eye(5)[x].T @ dy, atol=1e-6)
    embedding([2])
    embedding.grad(dy[:1])
    assert_allclose(embedding.gradients["weights"][2], dy[0])


@pytest.mark.parametrize(
    "offered", [np.empty((5, 4)), np.empty((5, 4), order="F"), np.empty((10, 4))[::2]]
)
def test_an_array_that_is_offered_may_lie_in_memory_in_any_way(offered):
    embedding, x, dy = Embedding(5, 4, rng=generator()), np.array([0, 1, 0, 3]), random(4, 4)
    _, gradients = embedding.pullback(dy, x, out={"weights": offered})
    assert_allclose(gradients["weights"], np.eye(5)[x].T @ dy)


def test_the_padding_stays_0_in_a_training(tmp_path):
    model = Model(
        [Embedding(6, 3, padding_index=0, rng=generator()), Linear(3, 2, rng=generator())]
    )
    embedding = model.components[0]
    x = generator().integers(0, 6, (20, 4))
    y = (x > 2).astype(int)
    before = embedding.weights.copy()
    assert not before[0].any()
    trainer = Trainer(model, CrossEntropy(), Adam(0.05), rng=generator())
    trainer.fit(x, y, epochs=20, batch_size=5, progress=False)
    assert not embedding.weights[0].any()
    assert np.all(embedding.weights[1:] != before[1:])
    kept = x > 0
    assert (model.forward(x).argmax(axis=-1) == y)[kept].all()
    checkpoint.save(tmp_path / "words", model)
    again = checkpoint.load(tmp_path / "words").model
    assert again.components[0].padding_index == 0
    assert_array_equal(again.forward(x), model.forward(x))


def test_whatever_is_assigned_to_the_padding_is_not_read():
    embedding = Embedding(3, 2, padding_index=1)
    embedding.weights = np.ones((3, 2))
    assert_array_equal(embedding([0, 1, 2]), [[1, 1], [0, 0], [1, 1]])


def test_what_is_refused_says_how_to_mend_it():
    embedding = Embedding(5, 3)
    with refuses(
        ShapeError, embedding, match=r"(?s)indices from -1 to 4.*0 to 4.*padding_index, not"
    ):
        embedding([4, -1])
    with refuses(ShapeError, embedding, match=r"(?s)one more for what is not among them"):
        embedding([5])
    with refuses(DtypeError, embedding, match=r"(?s)float64 as the indices.*astype\(np.int64\)"):
        embedding([1.0])
    with refuses(DtypeError, match=r"(?s)put the layer first in a model"):
        Model([Linear(3, 2), embedding]).forward(random(2, 3))


def test_in_front_of_a_model_it_is_the_end_of_the_way_back():
    model = Model([Embedding(5, 3, rng=generator()), Linear(3, 2, rng=generator())])
    assert model.takes_integers
    _, saved = model.apply(np.array([1, 2]))
    dx, _ = model.pullback(random(2, 2), saved)
    assert dx is None
    late = Model([Linear(3, 4), Model([Embedding(5, 3)])])
    late.components[0].apply = lambda x: (np.array([1, 2]), x)  # as if it gave indices
    _, saved = late.apply(random(2, 3))
    with pytest.raises(GradientsError, match="no gradient of the input from"):
        late.pullback(random(2, 3), saved)


def test_what_it_is_made_of():
    embedding = Embedding(1000, 20, 2, rng=generator(), dtype=np.float32)
    assert embedding.weights.dtype == np.float32
    assert_allclose(embedding.weights.std(), 1, rtol=0.02)
    assert not embedding.weights[2].any()
    assert embedding([[3, 2]]).dtype == np.float32
    assert repr(embedding) == "Embedding(1000, 20, padding_index=2)"
    assert repr(Embedding(3, 2)) == "Embedding(3, 2)"
    assert embedding.output_shape((None, 7)) == (None, 7, 20)
    assert embedding.output_shape((...,)) == (..., 20)
    table = generator(1).standard_normal((4, 2))
    assert_array_equal(Embedding(4, 2, init=lambda shape, rng: table).weights, table)
