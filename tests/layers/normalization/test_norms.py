"""Layer, group and root mean square norm: what they share, and inputs longer than a block."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import BatchNorm, GroupNorm, LayerNorm, Linear, Model, RMSNorm, checkpoint
from handgrad.checking import check
from handgrad.errors import ArgumentError, ShapeError
from handgrad.kernels.mode import using
from handgrad.layers.normalization import base
from helpers import generator, random, refuses

NORMS = {
    "BatchNorm": lambda: BatchNorm(6),
    "LayerNorm": lambda: LayerNorm(6),
    "LayerNorm, two axes": lambda: LayerNorm((5, 6)),
    "GroupNorm": lambda: GroupNorm(3, 6),
    "RMSNorm": lambda: RMSNorm(6),
    "without parameters": lambda: LayerNorm(6, affine=False),
}
norms = pytest.mark.parametrize("make", NORMS.values(), ids=NORMS)


def drawn(norm, seed=0):
    """Give a norm random parameters and, where it has them, running statistics."""
    rng = generator(seed)
    for array in (*norm.parameters.values(), *norm.buffers.values()):
        array[...] = rng.uniform(0.5, 2, array.shape)
    return norm


def results(norm, x, dy):
    y, saved = norm.apply(x)
    dx, gradients = norm.pullback(dy, saved)
    return [y, dx, *gradients.values()]


@norms
def test_entries_that_are_all_the_same_are_0_and_pass_nothing_that_is_not_finite(make):
    norm = make()
    y, dx, *_ = results(norm, np.full((4, 5, 6), 3.0), random(4, 5, 6))
    if not isinstance(norm, RMSNorm):
        assert_array_equal(y, 0)
    assert np.isfinite(dx).all()
    y, dx, *_ = results(norm, np.zeros((4, 5, 6)), random(4, 5, 6))
    assert_array_equal(y, 0)
    assert np.isfinite(dx).all()


@norms
def test_an_output_has_the_size_1(make):
    y = make()(7 * random(40, 5, 6) + 2)
    assert_allclose((y**2).mean(), 1, atol=1e-3)


@pytest.mark.parametrize("D", [1, 5, 700, 70_000])
@pytest.mark.parametrize("make", [LayerNorm, RMSNorm])
def test_blocks_change_nothing(make, D, monkeypatch):
    N = 5 + 100_000 // D
    x, dy, norm = random(N, D), random(N, D, seed=1), drawn(make(D))
    assert len(list(base.blocks(x))) > 1
    blocks = results(norm, x, dy)
    monkeypatch.setattr(base, "_BLOCK", 10**9)
    assert len(list(base.blocks(x))) == 1
    for some, whole in zip(blocks, results(norm, x, dy), strict=True):
        assert_allclose(some, whole, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", [(3, 33, 33, 8), (2, 4096, 16), (5, 8)])
def test_group_norm_is_pytorchs_for_many_places(shape):
    norm = drawn(GroupNorm(4, shape[-1]))
    x, dy = random(*shape), random(*shape, seed=1)
    leaf = torch.tensor(x, requires_grad=True)
    parameters = [torch.tensor(norm.parameters[n], requires_grad=True) for n in ("gamma", "beta")]
    y = torch.nn.functional.group_norm(leaf.movedim(-1, 1), 4, *parameters).movedim(1, -1)
    y.backward(torch.tensor(dy))
    expected = [y.detach(), leaf.grad, *(p.grad for p in parameters)]
    for ours, theirs in zip(results(norm, x, dy), expected, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@given(N=st.integers(2, 6), D=st.integers(2, 6), seed=st.integers(0, 2**32 - 1))
def test_a_layer_norm_is_a_batch_norm_turned_and_a_group_norm_of_one_group(N, D, seed):
    x, dy = generator(seed).standard_normal((2, N, D))
    layer = results(LayerNorm(D, affine=False), x, dy)
    turned = results(BatchNorm(N, affine=False), x.T, dy.T)
    group = results(GroupNorm(1, D, affine=False), x, dy)
    for i in range(2):
        assert_allclose(turned[i].T, layer[i], rtol=1e-8, atol=1e-10)
        assert_allclose(group[i], layer[i], rtol=1e-8, atol=1e-10)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_root_mean_square_norm_is_a_layer_norm_where_the_mean_is_0(seed):
    x = generator(seed).standard_normal((5, 4))
    x = np.hstack([x, -x])
    assert_allclose(RMSNorm(8)(x), LayerNorm(8)(x), atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), epsilon=st.floats(1e-3, 10))
def test_a_gradient_along_the_input_is_what_epsilon_leaves_of_it(seed, epsilon):
    x, dy = generator(seed).standard_normal((2, 7, 3))
    norm = drawn(RMSNorm(3, epsilon=epsilon), seed)
    _, dx, _ = results(norm, x, dy)
    r = 1 / np.sqrt((x**2).mean(axis=1) + epsilon)
    along = epsilon * r**3 * (norm.gamma * dy * x).sum(axis=1)
    assert_allclose((dx * x).sum(axis=1), along, atol=1e-10)

    norm = drawn(BatchNorm(3, epsilon=epsilon), seed)
    _, dx, dgamma, _ = results(norm, x, dy)
    variance = x.var(axis=0)
    normal = (x - x.mean(axis=0)) / np.sqrt(variance + epsilon)
    left = epsilon / (variance + epsilon) / np.sqrt(variance + epsilon)
    assert_allclose((dx * normal).sum(axis=0), norm.gamma * dgamma * left, atol=1e-10)


@given(leading=array_shapes(min_dims=0, max_dims=3, max_side=4), seed=st.integers(0, 2**32 - 1))
def test_leading_axes_are_rows(leading, seed):
    x, dy = generator(seed).standard_normal((2, *leading, 2, 3))
    for make, axes in ((LayerNorm, (2, 3)), (RMSNorm, (2, 3)), (LayerNorm, 3), (RMSNorm, 3)):
        norm = drawn(make(axes), seed)
        flat = (-1, *(axes if isinstance(axes, tuple) else (axes,)))
        shaped, rows = results(norm, x, dy), results(norm, x.reshape(flat), dy.reshape(flat))
        for one, other in zip(shaped, rows, strict=True):
            assert_allclose(one.ravel(), other.ravel(), rtol=1e-12)
        assert shaped[0].shape == shaped[1].shape == x.shape


@norms
@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda x: x[::2], lambda x: x[..., ::-1]],
    ids=["by columns", "every second row", "features in reverse"],
)
def test_an_input_may_lie_in_memory_in_any_way(make, change):
    x, dy, norm = change(random(6, 5, 6)), change(random(6, 5, 6, seed=1)), drawn(make())
    expected = results(norm, np.ascontiguousarray(x), np.ascontiguousarray(dy))
    for one, other in zip(results(norm, x, dy), expected, strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@norms
def test_only_the_batch_norm_has_buffers_and_modes(make):
    norm = make()
    x = random(4, 5, 6)
    assert (norm.buffers != {}) == isinstance(norm, BatchNorm)
    y = norm(x)
    assert np.array_equal(norm.eval()(x), y) == (not isinstance(norm, BatchNorm))


def test_a_bias_before_a_norm_has_no_gradient_and_the_check_knows_it():
    model = Model([Linear(5, 3, rng=generator()), BatchNorm(3)])
    result = check(model, random(7, 5))
    assert result.ok, result


def test_one_of_several_axes_knows_its_shapes():
    norm = LayerNorm((4, 6))
    assert (norm.features, norm.gamma.shape, repr(norm)) == ((4, 6), (4, 6), "LayerNorm((4, 6))")
    assert norm.output_shape((None, 4, 6)) == (None, 4, 6)
    assert norm.output_shape((..., 6)) == (..., 6)
    assert norm.output_shape((..., None, None)) == (..., None, None)
    for shape in ((6,), (4, 5), (..., 5, 6), (7, 6)):
        with refuses(ShapeError, norm, match=r"features last, \(\.\.\., 4, 6\)"):
            norm.output_shape(shape)
    assert RMSNorm([2, 3]).features == (2, 3)


def test_groups_say_which_numbers_would_do():
    with refuses(ArgumentError, match=r"choose one of \[1, 2, 3, 6\]"):
        GroupNorm(4, 6)
    with refuses(ArgumentError, match=r"choose one of \[1, 2, 4, 5, 8, 10, .*, 64\]"):
        GroupNorm(7, 10**18)
    with refuses(ShapeError, match=r"x\[None\]"):
        GroupNorm(2, 6)(np.ones(6))
    assert GroupNorm(2, 6).output_shape((...,)) == (...,)


def test_checkpoints_keep_parameters_statistics_and_options(tmp_path):
    model = Model(
        [
            drawn(BatchNorm(6, momentum=0.3, epsilon=1e-3)),
            drawn(LayerNorm((5, 6)), 1),
            drawn(GroupNorm(3, 6), 2),
            drawn(RMSNorm(6), 3),
            LayerNorm(6, affine=False),
        ]
    )
    checkpoint.save(tmp_path / "norms", model)
    again = checkpoint.load(tmp_path / "norms").model
    x = random(7, 5, 6)
    assert_array_equal(again.forward(x), model.forward(x))
    assert_array_equal(again.eval().forward(x), model.eval().forward(x))
    assert again.components[0].momentum == 0.3


@pytest.mark.parametrize("mode", ["numpy", "compiled"])
@pytest.mark.parametrize("make", [BatchNorm, LayerNorm, RMSNorm, lambda n: GroupNorm(2, n)])
def test_what_a_wider_norm_has_saved_is_refused_before_memory_is_read(make, mode):
    x = random(4, 8, seed=1)
    with using(mode):
        _, saved = make(8).apply(x)
        with pytest.raises(ShapeError, match="8 features has saved for"):
            make(4).pullback(x, saved)
