"""Components that hold others: found at any depth, trained, switched, checked, and named."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    GRU,
    Component,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    MultiHeadAttention,
    Parameter,
    ReLU,
    Sigmoid,
)
from handgrad.errors import ArgumentError, GradientsError, ShapeError
from handgrad.walk import buffers, named_gradients, parameters, restore, snapshot, walk
from helpers import D, H, K, N, generator, random, refuses
from trees import Mean, Pair, Residual, Table


def linear(D, K, seed=0):
    return Linear(D, K, rng=generator(seed))


def numerical(model, x, dy):
    """Return the gradient of sum(dy * model(x)) with respect to the vector, by differences."""
    found, h = np.empty_like(model.parameters), 1e-6
    for i in range(found.size):
        at, sides = model.parameters[i], []
        for side in (at + h, at - h):
            model.parameters[i] = side
            sides.append((dy * model.apply(x)[0]).sum())
        model.parameters[i] = at
        found[i] = (sides[0] - sides[1]) / (2 * h)
    return found


class Two(Component):
    """A layer that holds two layers, in a list, and an array of its own."""

    scale = Parameter()

    def __init__(self, D, H):
        self.layers = [linear(D, H, 1), linear(H, D, 2)]
        self.parameters = {"scale": random(D, seed=3)}

    def apply(self, x):
        h, first = self.layers[0].apply(x)
        y, second = self.layers[1].apply(h)
        return y * self.scale, (first, second, y)

    def pullback(self, dy, saved, need_dx=True, out=None):
        first, second, y = saved
        dh, two = self.layers[1].pullback(dy * self.scale, second)
        dx, one = self.layers[0].pullback(dh, first, need_dx)
        own = (dy * y).reshape(-1, dy.shape[-1]).sum(axis=0)
        return dx, {"scale": own, "layers.0": one, "layers.1": two}


def test_a_layer_that_holds_layers_trains_them_all():
    model = Model([linear(D, H), Two(H, K), linear(H, D)])
    assert [name for name, _, _ in parameters(model)] == [
        *("0.weights", "0.bias", "1.scale"),
        *("1.layers.0.weights", "1.layers.0.bias", "1.layers.1.weights", "1.layers.1.bias"),
        *("2.weights", "2.bias"),
    ]
    x, dy = random(N, D), random(N, D, seed=1)
    model.forward(x)
    gradients = model.backward(dy)
    assert_allclose(gradients.flat, numerical(model, x, dy), atol=1e-7)
    before = model.parameters.copy()
    model.update_parameters(gradients, 0.1)
    assert_allclose(model.components[1].layers[0].weights.ravel(), model.parameters[25:45])
    assert np.all(model.parameters != before)


class Grid(Component):
    """Layers in lists in a dict; the one that the input asks for is run, and is what is saved."""

    def __init__(self):
        self.rows = {"all": [[linear(D, K, 1)], (linear(D, K, 2),)]}

    def apply(self, x):
        layer = self.rows["all"][int(x[0, 0] > 0)][0]
        y, saved = layer.apply(x)
        return y, (layer, saved)

    def pullback(self, dy, saved, need_dx=True, out=None):
        layer, saved = saved
        children = self.children().items()
        dx, given = layer.pullback(dy, saved)
        zeros = {n: np.zeros_like(array) for n, array in layer.parameters.items()}
        return dx, {name: given if child is layer else zeros for name, child in children}


def test_components_in_lists_in_lists_are_children_and_what_is_saved_is_not():
    grid, x, dy = Grid(), random(N, D), random(N, K, seed=1)
    grid(x)
    assert list(grid.children()) == ["rows.all.0.0", "rows.all.1.0"]
    model = Model([grid])
    assert model.parameters.size == 2 * (D * K + K)
    model.forward(x)
    assert_allclose(model.backward(dy).flat, numerical(model, x, dy), atol=1e-7)


def test_a_layer_that_lists_its_childrens_arrays_as_its_own_is_refused():
    class Listing(Component):
        def __init__(self):
            self.inner = linear(D, K)
            self.parameters = {"w": self.inner.weights}

        def apply(self, x):
            return self.inner.apply(x)

        def pullback(self, dy, saved, need_dx=True, out=None):
            return self.inner.pullback(dy, saved)

    with refuses(ArgumentError, match="leave the children's arrays to them"):
        Model([Listing()])


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_residual_block_around_a_model_inside_a_dropout_inside_a_model(depth):
    block = Residual(Model([linear(H, K, 1), Sigmoid(), linear(K, H, 2)]))
    model = Model([linear(D, H), Dropout(block, 0.3, rng=generator(5)), linear(H, K, 3)])
    for _ in range(depth):
        model = Model([model])
    assert model.parameters.size == sum(place.holder[place.key].size for place in parameters(model))
    assert model.parameters.size == D * H + H + H * K + K + K * H + H + H * K + K
    x, dy = random(N, D), random(N, K, seed=1)
    model.eval()
    model.forward(x)
    assert_allclose(model.backward(dy).flat, numerical(model, x, dy), atol=1e-7)
    twin = copy.deepcopy(model)
    twin.parameters[:] = 0
    assert np.all(model.parameters != 0)
    prefix = "0." * depth
    assert f"{prefix}1.layer.inner.2.bias" in dict(walk_names(model))
    assert "Residual" in repr(model)
    assert str(f"{model.parameters.size:,}") in repr(model)


def walk_names(model):
    return ((name, holder[key]) for name, holder, key in parameters(model))


def test_the_table_shows_what_a_container_holds():
    model = Model([Residual(Model([linear(D, H), linear(H, D)]))])
    assert repr(model).splitlines() == [
        "Model            output   parameters",
        "Residual         ?                  ",
        "  Model          (..., 3)           ",
        "    Linear(3, 5) (..., 5)         20",
        "    Linear(5, 3) (..., 3)         18",
        "total                             38",
    ]


def test_modes_reach_everything_at_any_depth():
    model = Model([Residual(Model([Dropout(linear(D, D), 0.5), Two(D, H)]))])
    everything = [component for _, component in walk(model)]
    assert len(everything) == 8
    model.eval()
    assert not any(component.training for component in everything)
    model.train()
    assert all(component.training for component in everything)


def test_a_component_that_holds_itself_is_met_once():
    block = Residual(ReLU())
    block.inner = block
    assert [place for place, _ in walk(block)] == [""]


def test_a_component_that_doubles_at_every_level_is_met_once():
    block = linear(D, D)
    for _ in range(40):
        block = Pair(block, block)
    assert len(list(walk(block))) == 41
    model = Model([block])
    assert model.parameters.size == D * D + D
    assert not model.eval().components[0].left.training
    assert next(iter(snapshot(model))).count("left") == 40


def test_what_is_no_dict_holds_no_parameters():
    class Listing(Two):
        def __init__(self):
            self.parameters = [random(3)]

    with pytest.raises(ArgumentError, match=r"list as the parameters of Listing\(\)"):
        Model([Listing()])


def test_a_child_may_not_be_called_as_a_parameter_is():
    class Clash(Two):
        def children(self):
            return {"scale": self.layers[0]}

    with refuses(ArgumentError, match=r"both called '0\.scale'"):
        Model([Clash(D, H)])


def test_one_component_in_two_branches_adds_its_shares():
    shared = linear(D, D)
    pair = Pair(shared, Model([Sigmoid(), shared]))
    model = Model([pair, linear(D, K, 1)])
    x, dy = random(N, D), random(N, K, seed=1)
    model.forward(x)
    gradients = model.backward(dy)
    assert_allclose(gradients.flat, numerical(model, x, dy), atol=1e-7)
    _, tree = model.pullback(dy, model.apply(x)[1])
    for name, gradient in named_gradients(model, tree).items():
        holder, key = {n: (h, k) for n, h, k in parameters(model)}[name]
        at = slice(*offset(model.parameters, holder[key]))
        assert_allclose(gradient.ravel(), gradients.flat[at])


def offset(vector, view):
    start = (view.__array_interface__["data"][0] - vector.__array_interface__["data"][0]) // 8
    return start, start + view.size


# What is kept but not learned


def test_buffers_change_after_a_training_pass_through_the_shell_and_only_then():
    mean = Mean(D, momentum=0.25)
    model = Model([Residual(Model([Dropout(mean, 0.5)])), linear(D, K)])
    assert [name for name, _, _ in buffers(model)] == ["0.inner.0.layer.mean"]
    assert model.has_buffers
    x = random(N, D)
    model.apply(x)
    assert_array_equal(mean.buffers["mean"], np.zeros(D))
    model.forward(x)
    assert_allclose(mean.buffers["mean"], 0.25 * x.mean(axis=0))
    kept = mean.buffers["mean"].copy()
    model.eval()
    y = model.forward(x)
    assert_array_equal(mean.buffers["mean"], kept)
    assert_allclose(y, (x + x - kept) @ model.components[1].weights + model.components[1].bias)


def test_a_container_that_keeps_updates_to_itself_is_refused():
    class Forgetful(Residual):
        update_buffers = Component.update_buffers

    with refuses(ArgumentError, match="whose inner keeps buffers"):
        Model([Forgetful(Mean(D))])
    with refuses(ArgumentError, match="whose inner keeps buffers"):
        Model([Dropout(Forgetful(Model([Mean(D)])), 0.5)])


def test_a_snapshot_holds_parameters_and_buffers():
    model = Model([linear(D, K), Mean(K)])
    before = snapshot(model)
    assert list(before) == ["0.weights", "0.bias", "1.mean"]
    model.forward(random(N, D))
    model.parameters *= 2
    restore(model, before)
    assert all(np.array_equal(array, before[name]) for name, array in snapshot(model).items())


def test_copies_keep_buffers_of_their_own():
    model = Model([Mean(D)])
    twin = copy.deepcopy(model)
    twin.forward(random(N, D))
    assert not model.components[0].buffers["mean"].any()
    assert twin.components[0].buffers["mean"].all()


# Inputs of any form


def test_integers_stay_integers_for_who_takes_them():
    table, indices = Table(K, D), np.array([[0, 3, 3], [1, 0, 2]])
    model = Model([table, linear(D, H)])
    assert model.takes_integers
    for thing in (table, model, Dropout(table, 0.0), Model([Dropout(Model([table]), 0.0)])):
        assert thing(indices).shape[:2] == (2, 3)
    model = Model([table, linear(D, H)])
    y = model.forward(indices)
    dy = random(*y.shape, seed=1)
    gradients = model.backward(dy)
    expected = np.zeros((K, D))
    np.add.at(expected, indices, dy @ model.components[1].weights.T)
    assert_allclose(gradients[0]["weights"], expected)
    assert table(indices).dtype == np.float64
    assert table.grad(random(2, 3, D)) is None
    dx, _ = model.pullback(dy, model.apply(indices)[1])
    assert dx is None


def test_a_component_without_dx_anywhere_but_first_is_an_error_that_says_so():
    class Rounded(Table):
        takes_integers = False

        def apply(self, x):
            return super().apply(np.abs(x).astype(int) % 4)

    model = Model([linear(D, 2), Rounded(K, D)])
    model.forward(random(N, D))
    with refuses(GradientsError, match="no gradient of the input from Table"):
        model.backward(random(N, 2, D))


def test_a_tuple_is_several_inputs_for_who_takes_them():
    class Product(Component):
        takes_tuple = True

        def apply(self, x):
            left, right, mask = x
            return left * right * mask, x

        def pullback(self, dy, saved, need_dx=True, out=None):
            left, right, mask = saved
            return (dy * right * mask, dy * left * mask, None), {}

    x = random(N, D), random(N, D, seed=1), np.arange(N * D).reshape(N, D) % 2
    dy = random(N, D, seed=2)
    product = Product()
    assert_array_equal(product(x), x[0] * x[1] * x[2])
    left, right, nothing = product.grad(dy)
    assert_array_equal(left, dy * x[1] * x[2])
    assert_array_equal(right, dy * x[0] * x[2])
    assert nothing is None
    model = Model([product, linear(D, K)])
    model.forward(x)
    h = x[0] * x[1] * x[2]
    assert_allclose(model.backward(random(N, K))[1]["weights"], h.T @ random(N, K))


def test_a_tuple_is_rows_for_everybody_else():
    layer = linear(2, 3)
    assert_array_equal(layer(((1.0, 2.0), (3.0, 4.0))), layer([[1.0, 2.0], [3.0, 4.0]]))
    with refuses(ShapeError, match="rows of several lengths"):
        layer((np.ones((2, 2)), np.ones((3, 2))))


@pytest.mark.parametrize("x", [(), []])
def test_a_tuple_of_nothing_is_an_empty_input(x):
    for component in (GRU(2, 3), Model([GRU(2, 3)]), MultiHeadAttention(2, 1)):
        with refuses(ShapeError, match=r"an empty array of shape \(0,\)"):
            component(x)


def test_a_list_of_sequences_and_lengths_is_refused_with_the_mend():
    with refuses(ShapeError, match=r"(?s)list with rows .*several inputs, they are a tuple"):
        GRU(2, 3)([np.ones((2, 4, 2)), [4, 3]])


def test_a_loss_over_sequences_is_the_loss_over_their_rows():
    logits, classes = random(2, N, K), generator(1).integers(0, K, (2, N))
    mask = generator(2).integers(0, 2, (2, N))
    loss = CrossEntropy()
    for weight in (None, mask, np.array([0.5, 2.0])):
        value = loss(logits, classes, weight)
        gradient = loss.grad()
        rows = weight if weight is None else np.broadcast_to(weight.T, (N, 2)).T.ravel()
        if weight is mask:
            rows = mask.ravel()
        assert_allclose(value, loss(logits.reshape(-1, K), classes.ravel(), rows))
        assert_allclose(gradient.reshape(-1, K), loss.grad())
    kept = mask.astype(bool)
    assert_allclose(loss(logits, classes, mask), loss(logits[kept], classes[kept]))
    assert loss.count(logits, classes, mask) == kept.sum()
    assert loss(logits, classes, np.zeros(2)) == 0
    assert not loss.grad().any()
