"""Residual blocks and parallel branches: their sums, inputs, shapes, names and trees."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    SGD,
    BatchNorm,
    Bidirectional,
    Component,
    Dropout,
    Embedding,
    Linear,
    Model,
    MSELoss,
    Parallel,
    ReLU,
    Residual,
    Sigmoid,
    Trainer,
    checkpoint,
)
from handgrad.containers.branches import added
from handgrad.errors import ArgumentError, ShapeError
from handgrad.walk import buffers, parameters
from helpers import D, H, K, N, OwnReLU, generator, random, refuses


def linear(D, K, seed=0):
    return Linear(D, K, rng=generator(seed))


class Masked(Component):
    """Scales a sequence by a mask, which has a gradient too."""

    takes_tuple = True

    def apply(self, x):
        x, mask = x
        return x * mask, (x, mask)

    def pullback(self, dy, saved, need_dx=True, out=None):
        x, mask = saved
        return (dy * mask, dy * x), {}


# The sums


def test_a_residual_is_what_it_is_made_of():
    inner, shortcut = Model([linear(D, H), Sigmoid(), linear(H, K, 1)]), linear(D, K, 2)
    block, x, dy = Residual(inner, shortcut), random(N, D), random(N, K, seed=1)
    assert_array_equal(block(x), inner.apply(x)[0] + shortcut.apply(x)[0])
    (dx, _), (around, _) = (c.pullback(dy, c.apply(x)[1]) for c in (inner, shortcut))
    assert_array_equal(block.grad(dy), dx + around)


def test_a_stack_of_blocks_that_add_nothing_hands_the_gradient_down_unchanged():
    def branch():
        last = Linear(H, D, init="zeros", bias_init="zeros")
        return Model([linear(D, H), BatchNorm(H), ReLU(), last])

    model, x, dy = Model([Residual(branch()) for _ in range(50)]), random(N, D), random(N, D)
    y, saved = model.apply(x)
    assert_array_equal(y, x)
    assert_array_equal(model.pullback(dy, saved)[0], dy)


@pytest.mark.parametrize("combine", ["sum", "concatenate"])
def test_a_parallel_is_what_it_is_made_of(combine):
    widths = (K, K, K) if combine == "sum" else (K, 1, H)
    layers = [linear(D, width, seed) for seed, width in enumerate(widths)]
    both, x = Parallel(layers, combine), random(2, N, D)
    outputs = [layer.apply(x)[0] for layer in layers]
    y = both(x)
    assert_array_equal(y, sum(outputs) if combine == "sum" else np.concatenate(outputs, axis=-1))
    dy = random(*y.shape, seed=1)
    shares = [dy] * 3 if combine == "sum" else np.split(dy, np.cumsum(widths)[:-1], axis=-1)
    assert_allclose(
        both.grad(dy), sum(s @ c.weights.T for s, c in zip(shares, layers, strict=True))
    )
    for b, share in enumerate(shares):
        assert_allclose(both.gradients[str(b)]["bias"][0], share.sum(axis=(0, 1)))


def test_one_component_alone_is_itself():
    x = random(N, D)
    for combine in ("sum", "concatenate"):
        assert_array_equal(Parallel([ReLU()], combine)(x), ReLU()(x))


def test_a_students_object_may_stand_in_them():
    x, dy = random(N, D), random(N, D, seed=1)
    block, both = Residual(OwnReLU()), Parallel([OwnReLU(), Sigmoid()])
    assert_allclose(block(x), x + np.maximum(x, 0))
    assert_allclose(block.grad(dy), dy + dy * (x > 0))
    assert_allclose(both(x), np.maximum(x, 0) + 1 / (1 + np.exp(-x)))


# Several inputs, integers, no gradient


def test_of_a_tuple_a_child_that_takes_none_is_given_the_first():
    x, mask, dy = random(N, D), random(N, D, seed=1), random(N, D, seed=2)
    block = Residual(Masked())
    assert_array_equal(block((x, mask)), x * mask + x)
    for mine, true in zip(block.grad(dy), (dy * mask + dy, dy * x), strict=True):
        assert_array_equal(mine, true)
    layer = linear(D, D)
    for container in (Residual(Masked(), layer), Parallel([layer, Masked()])):
        assert container.takes_tuple
        assert_array_equal(container((x, mask)), x * mask + layer.apply(x)[0])
        for mine, true in zip(
            container.grad(dy), (dy * mask + dy @ layer.weights.T, dy * x), strict=True
        ):
            assert_allclose(mine, true)
    assert block.output_shape(((None, D), (None, D))) == (None, D)
    assert Residual(Masked(), linear(D, K)).output_shape(((None, D), (None, D))) == (None, K)


def test_where_nobody_takes_a_tuple_it_is_rows():
    block = Residual(linear(2, 2))
    assert not block.takes_tuple
    assert block(((1.0, 2.0), (3.0, 4.0))).shape == (2, 2)


def test_indices_are_for_all_branches_or_for_none():
    tables = Parallel([Embedding(5, 2, rng=generator(i)) for i in range(2)], "concatenate")
    x = np.array([[1, 4, 1]])
    assert tables.takes_integers
    assert_array_equal(tables(x)[..., :2], tables.components[0].weights[x])
    assert tables.grad(random(1, 3, 4)) is None
    assert Model([tables, linear(4, 3)]).forward(x).shape == (1, 3, 3)
    both = Residual(Embedding(5, 2, rng=generator()), Embedding(5, 2, rng=generator(1)))
    assert both.takes_integers
    assert both(x).shape == (1, 3, 2)
    with refuses(ArgumentError, match=r"1, which takes indices, beside 0, 2 in a Parallel"):
        Parallel([ReLU(), Embedding(5, 2), ReLU()])
    with refuses(ArgumentError, match=r"inner, which takes indices, beside shortcut in a Residual"):
        Residual(Embedding(5, 2), Linear(1, 2))
    with refuses(ArgumentError, match=r"without a shortcut"):
        Residual(Embedding(5, 2))


def test_gradients_add_where_there_are_any():
    a, b = random(3), random(3, seed=1)
    assert added([None, None]) is None
    assert_array_equal(added([None, a, None, b]), a + b)
    first, second, third = added([(a, None), (b, a, None), b])
    assert_array_equal(first, a + b + b)
    assert_array_equal(second, a)
    assert third is None


# Shapes


def test_shapes_are_known_as_far_as_can_be():
    class Unknown(ReLU):
        def output_shape(self, input_shape):
            return (...,)

    assert Residual(Unknown()).output_shape((None, 3)) == (None, 3)
    assert Residual(linear(D, K), Unknown()).output_shape((...,)) == (..., K)
    beside = Parallel([linear(D, K), linear(D, H)], "concatenate")
    assert beside.output_shape((None, 7, D)) == (None, 7, K + H)
    assert beside.output_shape((...,)) == (..., K + H)
    assert Parallel([linear(D, K), Unknown()], "concatenate").output_shape((N, D)) == (N, None)
    assert Parallel([Unknown(), Unknown()]).output_shape((N, D)) == (...,)


def test_what_does_not_fit_is_refused_when_a_model_is_made():
    with refuses(ShapeError, match=r"shape \(\.\.\., 4\) and, around it, \(\.\.\., 3\)"):
        Model([linear(2, D), Residual(linear(D, K))])
    with refuses(ShapeError, match=r"outputs of shapes \(\.\.\., 4\), \(\.\.\., 5\)"):
        Model([Parallel([linear(D, K), linear(D, H)])])
    with refuses(ShapeError, match=r"Linear\(5, 4\)"):
        Model([linear(D, K), Residual(Model([linear(K, H), ReLU(), linear(H, K)])), linear(H, K)])


def test_nothing_is_broadcast():
    with refuses(ShapeError, match=r"two arrays of one shape"):
        Residual(linear(D, 1))(random(N, D))

    class Head(Component):
        def apply(self, x):
            return x[:1], None

        def pullback(self, dy, saved, need_dx=True, out=None):
            raise AssertionError

    for combine in ("sum", "concatenate"):
        with refuses(ShapeError, match=r"outputs of shapes \(7, 3\), \(1, 3\)"):
            Parallel([ReLU(), Head()], combine)(random(N, D))


# The tree


def test_names_buffers_and_modes_go_through():
    inner = Model([linear(D, H), BatchNorm(H), Dropout(linear(H, D), 0.5, rng=generator())])
    model = Model([Residual(inner), Parallel([linear(D, K), Model([BatchNorm(D), linear(D, K)])])])
    assert [place.name for place in parameters(model)] == [
        *("0.inner.0.weights", "0.inner.0.bias", "0.inner.1.gamma", "0.inner.1.beta"),
        *("0.inner.2.layer.weights", "0.inner.2.layer.bias"),
        *("1.0.weights", "1.0.bias", "1.1.0.gamma", "1.1.0.beta", "1.1.1.weights", "1.1.1.bias"),
    ]
    before = {place.name: place.array.copy() for place in buffers(model)}
    assert len(before) == 4
    model.forward(random(N, D))
    assert all(np.any(place.array != before[place.name]) for place in buffers(model))
    x = random(N, D)
    y = model.eval().forward(x)
    assert_array_equal(model.forward(x), y)


class Counts(ReLU):
    """Counts the accepted passes."""

    def __init__(self):
        self.buffers = {"passes": np.zeros(1)}

    def update_buffers(self, saved):
        self.buffers["passes"] += 1


@pytest.mark.parametrize("holding", [Residual, lambda *parts: Parallel(parts)])
def test_what_is_in_evaluation_mode_by_itself_keeps_its_buffers(holding):
    still, counting = Counts(), Counts()
    still.eval()
    for holder in (holding(still, counting), holding(counting, still)):
        holder(random(N, D))
    assert [c.buffers["passes"][0] for c in (still, counting)] == [0, 2]


def test_a_model_prints_what_they_hold():
    first, second = Model([linear(D, H), ReLU(), linear(H, D)]), linear(D, K)
    beside = Parallel([second, Model([second])], "concatenate")
    model = Model([Residual(first), Residual(ReLU()), Parallel([ReLU(), ReLU()]), beside])
    lines = repr(model).splitlines()
    assert lines[1].split() == ["Residual", "(...,", "3)"]
    assert lines[2].split() == ["Model", "(...,", "3)"]
    assert lines[3].startswith("    Linear(3, 5)")
    assert lines[6].startswith("Residual(ReLU()) ")
    assert lines[7].startswith("Parallel([ReLU(), ReLU()], combine='sum') ")
    assert lines[8].split() == ["Parallel", "(...,", "8)"]
    assert lines[9].split() == ["Linear(3,", "4)", "(...,", "4)", "16"]
    assert lines[11].split() == ["Linear(3,", "4)", "(...,", "4)", "shared"]
    assert lines[-1].split() == ["total", "54"]
    wide = Parallel([linear(10, 20), linear(10, 30), linear(10, 40)], "concatenate")
    assert repr(wide).splitlines()[1:] == [
        *("  Linear(10, 20),", "  Linear(10, 30),", "  Linear(10, 40)"),
        "], combine='concatenate')",
    ]
    said = repr(Residual(first, second))
    assert said.startswith("Residual(\n  Model ")
    assert said.endswith(",\n  Linear(3, 4)\n)")
    with refuses(ShapeError, match="for a Residual"):
        Residual(linear(D, K), first)(random(N, D))


def test_they_train_as_parts_of_a_model_and_come_back_from_a_checkpoint(tmp_path):
    layer = linear(H, H, 3)
    branches = Parallel([Model([layer, Sigmoid()]), Residual(layer), BatchNorm(H)], "concatenate")
    model = Model([linear(D, H), Residual(Model([layer, ReLU()])), branches, linear(3 * H, 1)])
    x, y = random(20, D), random(20, 1, seed=1)
    trainer = Trainer(model, MSELoss(), SGD(0.02), rng=generator())
    losses = trainer.fit(x, y, epochs=20, batch_size=5, progress=False)["loss"]
    assert losses[-1] < 0.8 * losses[0]
    checkpoint.save(tmp_path / "model", model)
    again = checkpoint.load(tmp_path / "model").model
    assert_array_equal(again.eval().forward(x), model.eval().forward(x))
    shared = again.components[2].components
    assert shared[0].components[0] is shared[1].inner is again.components[1].inner.components[0]
    assert again.components[2].combine == "concatenate"


class Counter(Component):
    """Counts its passes, whatever its mode."""

    takes_lengths = takes_tuple = True

    def __init__(self):
        self.buffers = {"passes": np.zeros(1)}

    def apply(self, x):
        return x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy, {}

    def update_buffers(self, saved):
        self.buffers["passes"] += 1


@pytest.mark.parametrize(
    "around",
    [
        Model,
        Parallel,
        lambda both: Residual(*both),
        lambda both: Bidirectional(*both),
        lambda both: Model([Dropout(one, 0.5) for one in both]),
    ],
    ids=["model", "parallel", "residual", "bidirectional", "dropout"],
)
def test_nothing_is_passed_on_to_what_is_in_evaluation_mode(around):
    frozen, other = Counter(), Counter()
    block = around([frozen, other])
    frozen.eval()
    block(random(2, N, D))
    assert (frozen.buffers["passes"][0], other.buffers["passes"][0]) == (0, 1)
    frozen.train()
    other.eval()
    block(random(2, N, D))
    assert (frozen.buffers["passes"][0], other.buffers["passes"][0]) == (1, 1)
