"""Pools and Flatten: their definitions, ties, what is not a number, overlap, sizes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.promises.test_dispatch import Device

from handgrad import (
    AvgPool2d,
    Conv2d,
    CrossEntropy,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Linear,
    MaxPool2d,
    Model,
    ReLU,
)
from handgrad.checkpoint import from_config, to_config
from handgrad.errors import ArgumentError, ShapeError
from helpers import generator, random, refuses

KINDS = {
    AvgPool2d: torch.nn.functional.avg_pool2d,
    MaxPool2d: torch.nn.functional.max_pool2d,
}


@st.composite
def pools(draw):
    """Return a pool of any form, and an image that fits it, of a few numbers with many ties."""
    cls, pair = draw(st.sampled_from(list(KINDS))), st.tuples(*[st.integers(1, 4)] * 2)
    kernel = draw(pair)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    pool = cls(kernel, draw(st.none() | pair), padding)
    sizes = [
        draw(st.integers(max(k - 2 * p, 1), k + 5)) for k, p in zip(kernel, padding, strict=True)
    ]
    rng = generator(draw(st.integers(0, 2**32 - 1)))
    return pool, rng.integers(-2, 3, (draw(st.integers(1, 3)), *sizes, 3)).astype(float), rng


@given(problem=pools())
def test_values_and_gradients_are_pytorchs_at_ties_too(problem):
    pool, x, rng = problem
    y = pool(x)
    dy = rng.standard_normal(y.shape)
    leaf = torch.tensor(x, requires_grad=True)
    options = pool.kernel_size, pool.stride, pool.padding
    expected = KINDS[type(pool)](leaf.movedim(-1, 1), *options).movedim(1, -1)
    expected.backward(torch.tensor(dy))
    assert_allclose(y, expected.detach().numpy(), atol=1e-14)
    assert_allclose(pool.grad(dy), leaf.grad.numpy(), atol=1e-14)
    assert pool.output_shape(x.shape) == y.shape
    assert pool.output_shape((..., *x.shape[1:])) == (None, *y.shape[1:])
    assert pool.output_shape((...,)) == (None,) * 4


def test_an_average_counts_its_padding():
    pool = AvgPool2d(2, stride=1, padding=1)
    assert_array_equal(pool(np.full((1, 1, 1, 1), 4.0)), np.ones((1, 2, 2, 1)))


def test_what_is_passed_back_adds_up_to_what_came():
    for pool in (MaxPool2d(3, 1, 1), AvgPool2d(3, 3), MaxPool2d(2), GlobalMaxPool()):
        dy = random(*pool(random(2, 6, 6, 3)).shape, seed=1)
        assert_allclose(pool.grad(dy).sum(axis=(1, 2)), dy.reshape(2, -1, 3).sum(axis=1))


def test_a_pool_of_one_entry_is_the_identity_and_a_stride_leaves_entries_out():
    x, dy = random(2, 5, 4, 3), random(2, 5, 4, 3, seed=1)
    for cls in KINDS:
        pool = cls(1)
        assert_array_equal(pool(x), x)
        assert_array_equal(pool.grad(dy), dy)
        pool = cls(1, 2)
        assert_array_equal(pool(x), x[:, ::2, ::2])
        dx = pool.grad(dy[:, ::2, ::2])
        assert_array_equal(dx[:, ::2, ::2], dy[:, ::2, ::2])
        assert not dx[:, 1::2].any()
        assert not dx[:, :, 1::2].any()


def test_what_is_not_a_number_stays_in_its_windows():
    x = random(1, 4, 4, 2)
    x[0, 1, 0, 1] = np.nan
    pool = MaxPool2d(2)
    y = pool(x)
    assert np.isnan(y).sum() == 1
    assert np.isnan(y[0, 0, 0, 1])
    assert np.isnan(GlobalMaxPool()(x)[0]).tolist() == [False, True]


@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_global_pool_is_a_pool_with_one_window_and_takes_the_first_of_equals(seed, sizes):
    rng = generator(seed)
    x = rng.integers(-1, 2, (2, *sizes, 3)).astype(float)
    rows, dy = x.reshape(2, 1, -1, 3), rng.standard_normal((2, 3))
    for whole, cls in ((GlobalMaxPool(), MaxPool2d), (GlobalAveragePool(), AvgPool2d)):
        pool = cls(rows.shape[1:3])
        assert_allclose(whole(x), pool(rows)[:, 0, 0])
        assert_allclose(whole.grad(dy), pool.grad(dy[:, None, None]).reshape(x.shape))
        assert whole.output_shape(x.shape) == (2, 3)
        assert whole.output_shape((..., 3)) == (None, 3)
        assert whole.output_shape((...,)) == (None, None)
        assert whole.output_shape((None,) * x.ndim) == (None, None)


def test_flatten_reads_rows_first_and_channels_fastest():
    flatten, x = Flatten(), random(2, 3, 4, 5)
    y = flatten(x)
    for h, w, c in np.ndindex(3, 4, 5):
        assert_array_equal(y[:, (h * 4 + w) * 5 + c], x[:, h, w, c])
    assert_array_equal(flatten.grad(y), x)
    assert flatten.output_shape((None, 3, 4, 5)) == (None, 60)
    assert flatten.output_shape((7, None, 4)) == (7, None)
    assert flatten.output_shape((..., 3, 4)) == (None, None)
    assert flatten.output_shape((2, 3)) == (2, 3)


@pytest.mark.parametrize(
    "pool", [MaxPool2d(3, 2, 1), AvgPool2d(2), GlobalMaxPool(), GlobalAveragePool(), Flatten()]
)
def test_arrays_of_another_library_flow_through_and_any_layout_is_read(pool):
    x = random(2, 4, 6, 3)
    y, saved = pool.apply(x)
    dy = random(*y.shape, seed=1)
    dx, _ = pool.pullback(dy, saved)
    other, kept = pool.apply(Device(x))
    assert_array_equal(other.host, y)
    assert_array_equal(pool.pullback(Device(dy), kept)[0].host, dx)
    second = np.moveaxis(np.moveaxis(x, -1, 1).copy(), 1, -1)
    assert_allclose(pool(second), y, atol=1e-15)
    assert_allclose(pool.grad(np.asfortranarray(dy)), dx, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: MaxPool2d(3, padding=2), ArgumentError, "at most half of the kernel"),
        (lambda: AvgPool2d((2, 4), padding=(2, 2)), ArgumentError, "at most half"),
        (lambda: MaxPool2d((2, 2, 2)), ArgumentError, "or 2 of them"),
        (lambda: MaxPool2d(2)(np.ones((4, 4, 3))), ShapeError, r"x\[None\]"),
        (lambda: MaxPool2d(3)(np.ones((2, 2, 4, 3))), ShapeError, "H >= 3 and W >= 3"),
        (lambda: GlobalMaxPool()(np.ones((2, 3))), ShapeError, "at least 3 axes"),
        (lambda: Flatten()(np.ones(3)), ShapeError, "at least 2 axes"),
        (lambda: Model([Linear(2, 3), GlobalMaxPool(), Linear(4, 1)]), ShapeError, "4 features"),
    ],
)
def test_what_does_not_fit_is_told_what_would(make, error, match):
    with refuses(error, match=match):
        make()


@pytest.mark.parametrize(
    ("pool", "text"),
    [
        (MaxPool2d(2), "MaxPool2d(2)"),
        (MaxPool2d((2, 3), 1), "MaxPool2d((2, 3), stride=1)"),
        (AvgPool2d(3, (2, 1), 1), "AvgPool2d(3, stride=(2, 1), padding=1)"),
        (GlobalAveragePool(), "GlobalAveragePool()"),
        (GlobalMaxPool(), "GlobalMaxPool()"),
        (Flatten(), "Flatten()"),
    ],
)
def test_a_pool_is_written_as_it_is_made_and_made_again_from_its_arguments(pool, text):
    assert repr(pool) == text
    assert vars(eval(text)) == vars(pool) == vars(from_config(to_config(pool)))


# All of them together


def theirs(conv):
    """Return the parameters of one of our convolutions as leaves of PyTorch."""
    weights = torch.tensor(conv.weights).permute(3, 2, 0, 1).contiguous()
    return weights.requires_grad_(), torch.tensor(conv.bias, requires_grad=True)


def test_a_network_of_images_trains_as_pytorchs_does():
    rng = generator()
    one = Conv2d(1, 4, 3, padding="same", bias_init="normal", rng=rng)
    two = Conv2d(4, 6, 2, 2, 1, groups=2, rng=rng)
    last = Linear(6, 3, rng=rng)
    model = Model([one, ReLU(), MaxPool2d(3, 2, 1), two, AvgPool2d(2, 1), GlobalMaxPool(), last])
    (u, b), (v, c) = theirs(one), theirs(two)
    w, d = (torch.tensor(last.parameters[n], requires_grad=True) for n in ("weights", "bias"))
    optimizer, f = torch.optim.SGD([u, b, v, c, w, d], lr=0.1), torch.nn.functional
    loss = CrossEntropy()
    for step in range(50):
        x, y = random(5, 8, 7, 1, seed=step), generator(step).integers(0, 3, 5)
        value = loss(model.forward(x), y)
        model.update_parameters(model.backward(loss.grad()), 0.1)
        h = torch.relu(f.conv2d(torch.tensor(x).movedim(-1, 1), u, b, padding="same"))
        h = f.conv2d(f.max_pool2d(h, 3, 2, 1), v, c, stride=2, padding=1, groups=2)
        h = f.adaptive_max_pool2d(f.avg_pool2d(h, 2, 1), 1)[..., 0, 0]
        expected = f.cross_entropy(h @ w + d, torch.tensor(y))
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert_allclose(value, expected.item(), rtol=1e-10, atol=1e-12)
    assert_allclose(two.weights, v.detach().permute(2, 3, 1, 0).numpy(), atol=1e-11)
    assert_allclose(one.bias, b.detach().numpy(), atol=1e-11)
