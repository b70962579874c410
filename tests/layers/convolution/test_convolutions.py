"""Conv1d and Conv2d: their definition, their gradients' identities, blocks, layouts, sizes."""

import copy
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pickle import dumps, loads

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.promises.test_dispatch import Device, moved

from handgrad import Conv1d, Conv2d, Flatten, Linear, Model
from handgrad.checkpoint import from_config, to_config
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers.convolution import _columns
from helpers import generator, random, refuses

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def convolutions(draw):
    """Return a layer of any form, an input that fits it, and a generator."""
    cls, rank = draw(st.sampled_from([(Conv1d, 1), (Conv2d, 2)]))
    rng, groups = generator(draw(SEEDS)), draw(st.integers(1, 3))
    sizes = st.tuples(*[st.integers(1, 3)] * rank)
    kernel, dilation = draw(sizes), draw(sizes)
    padding = draw(st.just("same") | st.tuples(*[st.integers(0, 4)] * rank))
    stride = (1,) * rank if padding == "same" else draw(sizes)
    channels = [groups * draw(st.integers(1, 3)) for _ in range(2)]
    layer = cls(
        *channels, kernel, stride, padding, dilation=dilation, groups=groups, rng=rng,
        bias=draw(st.booleans()), bias_init="normal",
    )  # fmt: skip
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    shape = [draw(st.integers(n, n + 3)) for n in reach]
    return layer, rng.standard_normal((draw(st.integers(1, 3)), *shape, channels[0])), rng


def by_definition(layer, x):
    """Return the sum that the page defines, window by window and group by group."""
    kernel = layer.kernel_size
    reach = [d * (k - 1) for d, k in zip(layer.dilation, kernel, strict=True)]
    same = [(n // 2, n - n // 2) for n in reach]
    padding = same if layer.padding == "same" else [(p, p) for p in layer.padding]
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    shape = [
        (n - r - 1) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, layer.stride, strict=True)
    ]
    y = np.zeros((len(x), *shape, layer.out_channels))
    C, K = (n // layer.groups for n in (layer.in_channels, layer.out_channels))
    for window in np.ndindex(*shape):
        for tap in np.ndindex(*kernel):
            at = np.multiply(window, layer.stride) + np.multiply(tap, layer.dilation)
            for g in range(layer.groups):
                inputs, outputs = slice(g * C, (g + 1) * C), slice(g * K, (g + 1) * K)
                seen = x[:, *at, inputs]
                y[:, *window, outputs] += seen @ layer.weights[*tap, :, outputs]
    return y if layer.bias is None else y + layer.bias


@given(problem=convolutions())
def test_the_value_is_the_definition(problem):
    layer, x, _ = problem
    y = layer(x)
    assert y.flags.c_contiguous
    assert_allclose(y, by_definition(layer, x), atol=1e-12)
    assert layer.output_shape(x.shape) == y.shape


@given(problem=convolutions())
def test_the_gradients_are_the_transposed_map(problem):
    # y is affine in x, and linear in the weights and the bias together: so these sums are equal.
    layer, x, rng = problem
    y = layer(x)
    dy = rng.standard_normal(y.shape)
    dx = layer.grad(dy)
    nothing, _ = layer.apply(0 * x)
    assert_allclose(np.vdot(dx, x), np.vdot(dy, y - nothing), atol=1e-10)
    through = sum(np.vdot(layer.gradients[n], array) for n, array in layer.parameters.items())
    assert_allclose(through, np.vdot(dy, y), atol=1e-10)
    assert layer.gradients.keys() == layer.parameters.keys()


@given(
    problem=convolutions(),
    block=st.integers(1, 300),
    kept=st.sampled_from([0, 10**9]),
    short=st.sampled_from([0, 10**9]),
)
@settings(max_examples=50)
def test_neither_blocks_nor_the_order_of_memory_change_anything(problem, block, kept, short):
    layer, x, rng = problem
    y = layer(x)
    dy = rng.standard_normal(y.shape)
    dx, gradients = layer.grad(dy), layer.gradients
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_columns, "_BLOCK", block)
        patch.setattr(_columns, "_KEPT", kept)
        patch.setattr(_columns, "_SHORT", short)
        assert_allclose(layer(x), y, atol=1e-12)
        assert_allclose(layer.grad(dy), dx, atol=1e-12)
    for name, gradient in gradients.items():
        assert_allclose(layer.gradients[name], gradient, atol=1e-12)


@pytest.mark.parametrize(
    ("rows", "first"), [(1, (1, 1)), (2, (1, 2)), (5, (1, 5)), (9, (1, 5)), (30, (6, 5))]
)
@pytest.mark.parametrize("groups", [1, 2])
def test_a_block_is_some_inputs_or_some_rows_of_one(rows, first, groups, monkeypatch):
    layer, H, columns = Conv2d(2, 4, 3, padding=1, groups=groups), 5, 2 * 9 // groups + 1
    monkeypatch.setattr(_columns, "_BLOCK", rows * 4 * groups * columns)
    _, (_, X) = layer.apply(random(8, H, 4, 2))
    seen = np.zeros((8, H))
    assert seen[X.blocks[0]].shape == first
    for block, matrix in X:
        seen[block] += 1
        assert matrix.shape == (groups, seen[block].size * 4, columns)
        assert matrix.size <= rows * 4 * groups * columns
    assert (seen == 1).all()


@given(problem=convolutions())
def test_the_inputs_gradient_is_scattered_as_it_is_gathered(problem):
    layer, x, rng = problem
    dy = rng.standard_normal(layer(x).shape)
    dx = layer.grad(dy)
    assert_allclose(layer._scattered_pullback(dy, x.shape[1:-1]), dx, atol=1e-12)
    if layer._gathers:
        assert_allclose(layer._gathered_pullback(dy), dx, atol=1e-12)


def test_a_small_matrix_is_kept_and_a_large_one_made_again(monkeypatch):
    layer, x = Conv2d(2, 3, 3, padding=1), random(8, 5, 4, 2)
    _, (_, X) = layer.apply(x)
    assert [matrix is X.matrix for _, matrix in X] == [True]
    for constant in ("_BLOCK", "_KEPT"):
        with monkeypatch.context() as patch:
            patch.setattr(_columns, constant, 1000)
            assert layer.apply(x)[1][1].matrix is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_passes_do_not_mix_in_the_memory_of_a_thread_or_of_several(dtype, monkeypatch):
    monkeypatch.setattr(_columns, "_KEPT", 0)
    layers = [Conv2d(3, 4, k, padding="same", dtype=dtype, rng=generator(k)) for k in (1, 3, 5)]
    x = random(6, 2, 9, 8, 3).astype(dtype)
    expected = [layer.apply(images)[0] for layer in layers for images in x]
    saved = [layer.apply(images)[1] for layer in layers for images in x]
    dys = [random(*y.shape, seed=i).astype(dtype) for i, y in enumerate(expected)]
    alone = [
        layer.pullback(dy, layer.apply(images)[1])
        for (layer, images), dy in zip(product(layers, x), dys, strict=True)
    ]

    def run(i):
        layer, images = layers[i // len(x)], x[i % len(x)]
        y, _ = layer.apply(images)
        dx, gradients = layer.pullback(dys[i], saved[i])
        limit = {"rtol": 0, "atol": 1e-4 if dtype == np.float32 else 1e-12}
        assert_allclose(y, expected[i], **limit)
        assert_allclose(dx, alone[i][0], **limit)
        assert_allclose(gradients["weights"], alone[i][1]["weights"], **limit)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(len(expected))))


def test_two_iterators_of_a_thread_do_not_share_memory_and_one_uses_its_own_again(monkeypatch):
    monkeypatch.setattr(_columns, "_KEPT", 0)
    monkeypatch.setattr(_columns, "_BLOCK", 500)
    layer, x = Conv2d(2, 3, 3, padding=1), random(8, 5, 4, 2)
    _, (_, X) = layer.apply(x)
    expected = [matrix.copy() for _, matrix in X]
    for (_, one), (_, other), first in zip(X, X, expected, strict=True):
        assert not np.shares_memory(one, other)
        layer.pullback(layer.apply(x)[0], layer.apply(x)[1])
        assert_array_equal(one, first)
        assert_array_equal(other, first)
    used = []
    with pytest.raises(ZeroDivisionError):
        sum(used.append(matrix) or 1 // 0 for _, matrix in X)
    assert all(np.shares_memory(*used, matrix) for _, matrix in X)


@pytest.mark.parametrize("padding", [0, 1])
def test_any_layout_in_memory_is_read_and_none_is_written(padding):
    layer = Conv2d(3, 4, 2, padding=padding, groups=1, rng=generator())
    x = random(2, 5, 6, 3)
    dy = random(*layer(x).shape, seed=1)
    dx, gradients = layer.grad(dy), layer.gradients
    for change in (
        lambda a: np.moveaxis(np.moveaxis(a, -1, 1).copy(), 1, -1),  # channels second
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1].copy()[::-1],
        lambda a: np.broadcast_to(a, a.shape),  # read-only
    ):
        assert_allclose(layer(change(x)), layer.apply(x)[0], atol=1e-13)
        assert_allclose(layer.grad(change(dy)), dx, atol=1e-13)
        for name, gradient in gradients.items():
            assert_allclose(layer.gradients[name], gradient, atol=1e-13)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv2d(4, 6, (3, 2), (2, 1), (1, 2), dilation=(1, 2), groups=2, rng=generator()),
        lambda: Conv1d(4, 3, 3, padding="same", bias=False, rng=generator()),
    ],
)
def test_arrays_of_another_library_flow_through(make):
    here, there = make(), moved(make())
    x = random(2, *[7] * len(here.kernel_size), 4)
    y, saved = here.apply(x)
    other, kept = there.apply(Device(x))
    assert type(other) is Device
    assert_allclose(other.host, y)
    dy = random(*y.shape, seed=1)
    dx, gradients = here.pullback(dy, saved)
    dz, others = there.pullback(Device(dy), kept)
    assert_allclose(dz.host, dx)
    for name, gradient in gradients.items():
        assert_allclose(others[name].host, gradient)


# What a convolution is a case of, and what is a case of it


def test_a_kernel_of_1_is_a_linear_layer_for_each_pixel():
    conv, linear = Conv2d(3, 5, 1, rng=generator()), Linear(3, 5)
    linear.weights, linear.bias = conv.weights[0, 0], conv.bias[None]
    x, dy = random(2, 4, 7, 3), random(2, 4, 7, 5, seed=1)
    assert_allclose(conv(x), linear(x))
    gradient_weights, dx = linear.grad(dy)
    assert_allclose(conv.grad(dy), dx)
    assert_allclose(conv.gradients["weights"][0, 0], gradient_weights)
    assert_allclose(conv.gradients["bias"], linear.gradients["bias"][0])


def test_a_kernel_of_the_images_size_is_a_linear_layer_behind_flatten():
    conv = Conv2d(3, 5, (4, 7), rng=generator())
    linear = Linear(4 * 7 * 3, 5)
    linear.weights, linear.bias = conv.weights.reshape(-1, 5), conv.bias[None]
    x, dy = random(2, 4, 7, 3), random(2, 5, seed=1)
    assert_allclose(conv(x)[:, 0, 0], linear(Flatten()(x)))
    gradient_weights, dx = linear.grad(dy)
    assert_allclose(conv.grad(dy[:, None, None]), dx.reshape(x.shape))
    assert_allclose(conv.gradients["weights"].reshape(-1, 5), gradient_weights)


def test_an_image_of_one_row_is_a_sequence():
    one = Conv1d(3, 5, 3, 2, 1, dilation=2, rng=generator())
    two = Conv2d(3, 5, (1, 3), (1, 2), (0, 1), dilation=(1, 2))
    two.weights = one.weights[None]
    x = random(2, 9, 3)
    dy = random(*one(x).shape, seed=1)
    assert_allclose(two(x[:, None])[:, 0], one(x))
    assert_allclose(two.grad(dy[:, None])[:, 0], one.grad(dy))
    assert_allclose(two.gradients["weights"][0], one.gradients["weights"])


def test_groups_are_convolutions_beside_each_other():
    whole = Conv2d(6, 9, 2, groups=3, rng=generator())
    x, dy = random(2, 4, 5, 6), random(2, 3, 4, 9, seed=1)
    y, dx = whole(x), whole.grad(dy)
    for g in range(3):
        part, inputs, outputs = Conv2d(2, 3, 2), slice(2 * g, 2 * g + 2), slice(3 * g, 3 * g + 3)
        part.weights, part.bias = whole.weights[..., outputs], whole.bias[outputs]
        assert_allclose(part(x[..., inputs]), y[..., outputs])
        assert_allclose(part.grad(dy[..., outputs]), dx[..., inputs])
        assert_allclose(part.gradients["weights"], whole.gradients["weights"][..., outputs])


# Sizes


@given(problem=convolutions())
def test_a_shape_is_foretold_as_far_as_it_is_known(problem):
    layer, x, _ = problem
    exact, rank = layer.output_shape(x.shape), len(layer.kernel_size)
    K = layer.out_channels
    assert layer.output_shape((...,)) == layer.output_shape((..., x.shape[-1]))
    assert layer.output_shape((..., None)) == (None,) * (rank + 1) + (K,)
    assert layer.output_shape((..., *x.shape[1:])) == (None, *exact[1:])
    assert layer.output_shape((None, *x.shape[1:-1], None)) == (None, *exact[1:])
    if layer.padding == "same":
        assert exact[:-1] == x.shape[:-1]


def test_a_model_whose_parts_do_not_fit_is_refused_when_it_is_made():
    with pytest.raises(ShapeError, match=r"5 channels on the last axis, \(N, H, W, 5\)"):
        Model([Conv2d(3, 4, 3), Conv2d(5, 2, 3)])
    with pytest.raises(ShapeError, match="4 axes"):
        Model([Conv2d(3, 4, 3), Flatten(), Conv2d(4, 2, 3)])
    model = Model([Conv2d(1, 4, 3, padding=1), Flatten(), Linear(64 * 4, 3)])
    assert model.output_shape((None, 8, 8, 1)) == (None, 3)
    with pytest.raises(ShapeError, match="256 features"):
        model.output_shape((None, 7, 8, 1))
    assert "(?, ?, ?, 4)" in repr(model)


@pytest.mark.parametrize(
    ("layer", "shape", "match"),
    [
        (Conv2d(3, 2, 3), (5, 5, 3), r"x\[None\]"),
        (Conv2d(1, 2, 3), (7, 5, 5), r"x\[\.\.\., None\]"),
        (Conv2d(3, 2, 3), (2, 3, 5, 5), r"np\.moveaxis\(x, 1, -1\)"),
        (Conv2d(3, 2, (2, 3), dilation=(1, 2)), (2, 5, 4, 3), "H >= 2 and W >= 5"),
        (Conv2d(3, 2, 5, padding=1), (2, 2, 7, 3), "H >= 3 and W >= 3"),
        (Conv1d(3, 2, 4), (2, 3, 3), "T >= 4"),
        (Conv1d(3, 2, 4), (2, 9), r"3 axes, \(N, T, 3\)"),
    ],
)
def test_an_input_that_does_not_fit_is_told_what_would(layer, shape, match):
    with refuses(ShapeError, layer, match=match):
        layer(np.ones(shape))
    with pytest.raises(ShapeError, match=match):
        layer.apply(np.ones(shape))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kernel_size": (3, 3, 3)}, r"an integer >= 1, or 2 of them, one for each axis"),
        ({"kernel_size": None}, "kernel_size=None"),
        ({"kernel_size": [3, True]}, "kernel_size"),
        ({"padding": "full"}, r'a number, or "same" where the stride is 1'),
        ({"padding": "same", "stride": (1, 2)}, r"stride=\(1, 2\)"),
        ({"groups": 4}, "a number that divides both"),
        ({"bias": 1}, "True or False"),
        ({"init": "she"}, "he"),
    ],
)
def test_a_constructor_says_what_it_takes(options, match):
    with refuses(ArgumentError, match=match):
        Conv2d(**{"in_channels": 6, "out_channels": 4, "kernel_size": 3} | options)


# Parameters


@pytest.mark.parametrize("groups", [1, 2])
def test_the_fans_count_the_taps_and_the_channels_of_a_group(groups):
    options = {"rng": generator(), "groups": groups}
    fan_in, fan_out = 9 * 40 // groups, 9 * 80 // groups
    he = Conv2d(40, 80, 3, **options)
    assert_allclose(he.weights.std() ** 2, 2 / fan_in, rtol=0.05)
    glorot = Conv2d(40, 80, 3, init="glorot", **options)
    assert_allclose(glorot.weights.std() ** 2, 2 / (fan_in + fan_out), rtol=0.05)
    assert (he.weights.shape, he.bias.shape) == ((3, 3, 40 // groups, 80), (80,))
    assert not he.bias.any()


def test_a_seed_gives_one_layer_and_the_type_is_kept():
    one, two = (Conv1d(3, 5, 4, rng=generator(2), dtype=t) for t in (np.float64, np.float32))
    assert two.weights.dtype == two.bias.dtype == np.float32
    assert_array_equal(one.weights.astype(np.float32), two.weights)
    y = two(random(2, 6, 3).astype(np.float32))
    assert y.dtype == two.grad(y).dtype == np.float32
    assert two(np.ones((2, 6, 3), dtype=np.int8)).dtype == np.float64


def test_without_a_bias_there_is_none():
    layer = Conv2d(1, 2, 3, bias=False)
    assert layer.bias is None
    assert list(layer.parameters) == ["weights"]
    with refuses(ArgumentError, layer, match="bias"):
        layer.bias = np.ones(2)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv2d(1, 2, 3), "Conv2d(1, 2, 3)"),
        (Conv2d(1, 2, (3, 5), 2, (1, 0)), "Conv2d(1, 2, (3, 5), stride=2, padding=(1, 0))"),
        (Conv1d(4, 2, [3], groups=2, bias=False), "Conv1d(4, 2, 3, groups=2, bias=False)"),
        (
            Conv2d(1, 2, 3, padding="same", dilation=(1, 2)),
            "Conv2d(1, 2, 3, padding='same', dilation=(1, 2))",
        ),
    ],
)
def test_a_layer_is_written_as_it_is_made_and_made_again_from_its_arguments(layer, text):
    assert repr(layer) == text
    again = eval(text)
    assert vars(again)["_axes"] == vars(layer)["_axes"]
    kept = from_config(to_config(layer))
    assert repr(kept) == text
    assert list(kept.parameters) == list(layer.parameters)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda c: loads(dumps(c))])
@pytest.mark.parametrize("images", [2, 90], ids=["kept", "made again"])
def test_a_copy_remembers_the_input_alone(copied, images):
    layer = Conv2d(2, 3, 5, padding=1, rng=generator())
    x, new = random(images, 20, 20, 2), len(dumps(layer))
    y = layer(x)
    assert len(dumps(layer)) < new + 1.5 * x.nbytes
    twin, dy = copied(layer), random(*y.shape)
    assert_array_equal(twin.grad(dy), layer.grad(dy))
    assert_array_equal(twin.gradients["weights"], layer.gradients["weights"])
