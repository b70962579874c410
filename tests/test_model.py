"""The model: its vectors, its two walks, sharing, nesting, moving, copies, and its table."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    LSTM,
    Activation,
    Component,
    Dropout,
    Embedding,
    Gradients,
    Linear,
    Model,
    Parameter,
    ReLU,
    Sigmoid,
)
from handgrad.errors import ArgumentError, CallOrderError, DtypeError, GradientsError, ShapeError
from handgrad.walk import named_gradients
from helpers import D, H, K, N, generator, random, refuses, small_model, trained

COPIES = [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]


def linear(D, K, seed=0, **options):
    return Linear(D, K, rng=generator(seed), **options)


# The vectors


def test_parameters_are_views_into_one_contiguous_vector():
    model = small_model()
    first, _, second = model.components
    packed = [first.weights, first.bias, second.weights, second.bias]
    assert model.parameters.flags.c_contiguous
    assert_array_equal(model.parameters, np.concatenate([array.ravel() for array in packed]))
    assert all(np.shares_memory(array, model.parameters) for array in packed)
    model.parameters[:] = range(model.parameters.size)
    assert_array_equal(first.weights.ravel(), range(D * H))
    second.bias = np.zeros((1, K))
    assert_array_equal(model.parameters[-K:], 0)


def test_packing_changes_no_value():
    layers = [linear(D, H), linear(H, K, seed=1)]
    before = copy.deepcopy(layers)
    model = Model(layers)
    for ours, theirs in zip(model.components, before, strict=True):
        assert_array_equal(ours.weights, theirs.weights)
        assert_array_equal(ours.bias, theirs.bias)


def test_assigning_the_vector_copies_into_place():
    model = small_model()
    values = random(model.parameters.size)
    place = model.parameters
    model.parameters = values
    assert model.parameters is place
    assert_array_equal(place, values)
    values[:] = 0
    assert np.all(place != 0)
    model.parameters *= 2.0
    assert model.parameters is place


def test_gradients_are_a_list_of_dicts_which_are_views_into_one_vector():
    model = small_model()
    gradients = trained(model)
    assert isinstance(gradients, list)
    assert [sorted(entry) for entry in gradients] == [["bias", "weights"], [], ["bias", "weights"]]
    for component, entry in zip(model.components, gradients, strict=True):
        for name, array in entry.items():
            assert array.shape == component.parameters[name].shape
            assert np.shares_memory(array, gradients.flat)
    assert gradients.flat.shape == model.parameters.shape
    order = [entry[n].ravel() for entry in gradients for n in ("weights", "bias") if entry]
    assert_array_equal(gradients.flat, np.concatenate(order))


def test_a_step_is_taken_over_weights_and_biases():
    model = small_model()
    before, gradients = model.parameters.copy(), trained(model)
    model.update_parameters(gradients, np.float32(0.5))
    assert_allclose(model.parameters, before - 0.5 * gradients.flat)
    assert np.all(gradients.flat[-K:] != 0)


def test_a_gradient_changed_in_place_is_the_one_that_is_used():
    model = small_model()
    before, gradients = model.parameters.copy(), trained(model)
    gradients[0]["weights"] *= 3
    gradients[2]["bias"][...] = 1
    model.update_parameters(gradients, 1)
    assert_allclose(model.components[2].bias.ravel(), before[-K:] - 1)
    assert_allclose(model.parameters, before - gradients.flat)


def test_a_gradient_that_replaces_another_is_copied_into_the_vector():
    model = small_model()
    gradients, weights, bias = trained(model), random(D, H, seed=2), random(1, K, seed=3)
    gradients[0]["weights"] = weights
    gradients[2] = {"weights": np.zeros((H, K)), "bias": bias}
    gradients[1] = {}
    gradients[0] = gradients[0]  # the same entry: nothing to copy
    assert_array_equal(gradients.flat[: D * H], weights.ravel())
    assert_array_equal(gradients.flat[-K:], bias.ravel())
    assert np.shares_memory(gradients[0]["weights"], gradients.flat)
    assert not np.shares_memory(weights, gradients.flat)


def test_the_entry_of_a_child_that_replaces_another_is_copied_into_the_vector():
    inner = Model([Dropout(ReLU(), 0.5), linear(D, H)])
    model = Model([inner, Dropout(linear(H, K), 0.5)])
    y = model.forward(random(N, D))
    gradients, weights = model.backward(np.ones_like(y)), random(H, K, seed=2)
    kept = gradients[1]["layer"]
    gradients[1]["layer"] = {"weights": weights, "bias": np.ones((1, K))}
    gradients[0]["0"]["layer"] = {}
    del gradients[0]["0"]["layer"]  # which held nothing
    assert_array_equal(gradients.flat[-H * K - K :], [*weights.ravel(), *np.ones(K)])
    assert gradients[1]["layer"] is kept
    assert not np.shares_memory(weights, gradients.flat)
    for entry in ({"weights": weights}, None):
        gradients[1]["layer"] = entry
        with pytest.raises(GradientsError, match="gradients of"):
            model.update_parameters(gradients, 1)
    del gradients[1]["layer"]
    with pytest.raises(GradientsError, match=r"\['layer'\]"):
        model.update_parameters(gradients, 1)


@pytest.mark.parametrize(
    ("replace", "error", "match"),
    [
        (lambda g: g[0].update(weights=np.ones((H, D))), ShapeError, r"\(5, 3\)[\s\S]*\(3, 5\)"),
        (lambda g: g[0].pop("bias"), GradientsError, r"\['weights'\]"),
        (lambda g: g.__setitem__(0, {"bias": np.ones((1, H))}), GradientsError, r"\['bias'\]"),
    ],
)
def test_a_replaced_gradient_that_does_not_fit_is_refused(replace, error, match):
    model = small_model()
    gradients = trained(model)
    with refuses(error, model.parameters, gradients._flat, match=match):
        replace(gradients)
        model.update_parameters(gradients, 0.1)


def test_a_component_may_assign_into_out_instead_of_writing_into_its_arrays():
    class Assigning(Linear):
        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = super().pullback(dy, saved, need_dx)
            out = {} if out is None else out
            for name, array in gradients.items():
                out[name] = array
            return dx, out

    rng, x, dy = generator(), random(N, D), random(N, D, seed=1)
    layer = Assigning(D, D, rng=rng)
    model = Model([layer, layer])
    model.forward(x)
    layer(layer(x))
    dw, dx = layer.grad(dy)
    layer(x)
    assert_allclose(model.backward(dy)[0]["weights"], dw + layer.grad(dx)[0])


def test_a_model_without_parameters():
    model = Model([ReLU(), Sigmoid()])
    x, dy = random(N, D), random(N, D, seed=1)
    y = model.forward(x)
    gradients = model.backward(dy)
    assert gradients == [{}, {}]
    assert gradients.flat.size == model.parameters.size == 0
    model.update_parameters(gradients, 0.1)
    dx, _ = model.pullback(dy, model.apply(x)[1])
    assert_allclose(dx, dy * y * (1 - y) * (x > 0))


# The two walks


def test_the_walks_are_the_components_in_order_and_in_reverse():
    model = small_model()
    first, relu, second = copy.deepcopy(model.components)
    x, dy = random(N, D), random(N, K, seed=1)
    assert_array_equal(model.forward(x), second(relu(first(x))))
    gradients = model.backward(dy)
    second_weights, d = second.grad(dy)
    first_weights, dx = first.grad(relu.grad(d))
    assert_array_equal(gradients[2]["weights"], second_weights)
    assert_array_equal(gradients[2]["bias"], second.gradients["bias"])
    assert_array_equal(gradients[0]["weights"], first_weights)
    assert_array_equal(gradients[0]["bias"], first.gradients["bias"])
    found, again = model.pullback(dy, model.apply(x)[1])
    assert_array_equal(found, dx)
    assert {name: sorted(entry) for name, entry in again.items()} == {
        "0": ["bias", "weights"],
        "2": ["bias", "weights"],
    }
    assert_array_equal(again["2"]["weights"], second_weights)
    assert_array_equal(again["0"]["bias"], first.gradients["bias"])


def test_a_model_that_starts_with_activations_stops_at_its_first_parameters():
    class Unread(ReLU):
        def pullback(self, *arguments):
            raise AssertionError("nobody reads this gradient")

    layer, x, dy = linear(D, K), random(N, D), random(N, K, seed=1)
    model = Model([Unread(), Unread(), layer])
    model.forward(x)
    assert_allclose(model.backward(dy)[2]["weights"], np.maximum(x, 0).T @ dy)


def test_out_is_written_over_and_returned():
    model = small_model()
    gradients = trained(model)
    flat, first = gradients.flat, gradients.flat.copy()
    x, dy = random(N, D, seed=7), random(N, K, seed=8)
    model.forward(x)
    fresh = model.backward(dy)
    assert model.backward(dy, out=gradients) is gradients
    assert gradients.flat is flat
    assert_array_equal(flat, fresh.flat)
    assert np.any(flat != first)


def test_an_array_of_the_users_is_never_written_to():
    model = small_model()
    gradients, mine = trained(model), random(D, H)
    kept = mine.copy()
    gradients[0]["weights"] = mine
    trained(model)
    model.backward(random(N, K), out=gradients)
    del gradients
    trained(model)
    assert_array_equal(mine, kept)


def test_interleaved_passes_do_not_mix():
    model = small_model()
    inputs = [random(N, D, seed=seed) for seed in range(3)]
    dys = [random(N, K, seed=10 + seed) for seed in range(3)]
    alone = [
        model.backpropagate(dy, model.apply(x)[1]).flat for x, dy in zip(inputs, dys, strict=True)
    ]
    saved = [model.apply(x)[1] for x in inputs]
    for i in (1, 0, 2):
        assert_array_equal(model.backpropagate(dys[i], saved[i]).flat, alone[i])


def test_threads_share_one_model():
    model = Model([linear(D, H), Sigmoid(), Model([linear(H, H), ReLU()]), linear(H, K)])
    dys = [random(N, K, seed=100 + seed) for seed in range(40)]

    def both_ways(seed):
        x = random(N, D, seed=seed)
        return named_gradients(model, model.pullback(dys[seed], model.apply(x)[1])[1])

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(both_ways, range(40)))
    for seed, found in enumerate(together):
        for name, gradient in both_ways(seed).items():
            assert_array_equal(found[name], gradient)


def test_an_error_says_where_it_happened():
    model = Model([linear(D, H), Model([ReLU(), linear(H, K)])])
    with pytest.raises(ShapeError, match=r"\(7, 4\) for Linear\(3, 5\)") as caught:
        model.forward(random(N, K))
    assert caught.value.__notes__ == ["in component 0 of the model, Linear(3, 5)"]
    with pytest.raises(ShapeError, match=r"\(..., 5\) for Linear\(6, 4\)") as caught:
        Model([linear(D, H), Model([ReLU(), linear(H + 1, K)])])
    assert caught.value.__notes__[0] == "in component 1 of the model, Linear(6, 4)"
    assert caught.value.__notes__[1] == "in component 1 of the model, a Model"


def test_float32_stays_float32():
    model = small_model(dtype=np.float32)
    x = random(N, D).astype(np.float32)
    gradients = trained(model, x)
    assert model.forward(x).dtype == gradients.flat.dtype == np.float32
    model.update_parameters(gradients, 0.1)
    assert model.parameters.dtype == model.components[0].weights.dtype == np.float32
    assert trained(model, x.astype(np.float64)).flat.dtype == np.float32


# Sharing and nesting


def test_a_component_used_twice_has_one_set_of_parameters_and_its_gradients_add():
    shared, x, dy = linear(D, D), random(N, D), random(N, D, seed=1)
    model = Model([shared, Sigmoid(), shared])
    twins = Model([copy.deepcopy(shared), Sigmoid(), copy.deepcopy(shared)])
    assert model.parameters.size == D * D + D
    assert_array_equal(model.forward(x), twins.forward(x))
    gradients, apart = model.backward(dy), twins.backward(dy)
    assert gradients[0] is gradients[2]
    for name in ("weights", "bias"):
        assert_allclose(gradients[0][name], apart[0][name] + apart[2][name])
    model.update_parameters(gradients, 0.1)
    assert_allclose(shared.bias, model.parameters[-D:].reshape(1, D))


def test_the_sum_is_written_over_out_and_not_added_to_it():
    shared = linear(D, D)
    model = Model([shared, Dropout(shared, 0.0), shared])
    model.forward(random(N, D))
    gradients = model.backward(random(N, D, seed=1))
    assert_array_equal(
        model.backward(random(N, D, seed=1), out=model.backward(random(N, D, seed=2))).flat,
        gradients.flat,
    )


def test_a_model_used_twice_in_a_model():
    block, x, dy = Model([linear(D, H), ReLU(), linear(H, D)]), random(N, D), random(N, D, seed=1)
    model, twins = Model([block, block]), Model([copy.deepcopy(block), copy.deepcopy(block)])
    assert model.parameters.size * 2 == twins.parameters.size
    assert_array_equal(model.forward(x), twins.forward(x))
    gradients, apart = model.backward(dy), twins.backward(dy)
    for place in ("0", "2"):
        for name in ("weights", "bias"):
            both = apart[0][place][name] + apart[1][place][name]
            assert_allclose(gradients[0][place][name], both)
            assert_array_equal(gradients[1][place][name], gradients[0][place][name])


def test_a_nested_model_is_the_flat_model():
    flat = Model([linear(D, H), ReLU(), linear(H, H, 1), Sigmoid(), linear(H, K, 2)])
    inner = Model([linear(H, H, 1), Sigmoid()])
    nested = Model([Model([linear(D, H), ReLU()]), Model([inner]), linear(H, K, 2)])
    x, dy = random(N, D), random(N, K, seed=1)
    assert_array_equal(nested.parameters, flat.parameters)
    assert_array_equal(nested.forward(x), flat.forward(x))
    gradients = nested.backward(dy)
    assert_array_equal(gradients.flat, flat.backward(dy).flat)
    assert np.shares_memory(inner.parameters, nested.parameters)
    assert np.shares_memory(gradients[1]["0"]["0"]["bias"], gradients.flat)
    nested.update_parameters(gradients, 0.1)
    assert_array_equal(inner.parameters, nested.parameters[D * H + H :][: H * H + H])
    kept = nested.parameters.copy()
    inner.update_parameters(trained(inner, random(N, H)), 0.1)  # it goes on to work by itself
    assert np.any(nested.parameters != kept)
    assert np.shares_memory(inner.components[0].weights, nested.parameters)


def test_a_layer_may_be_shared_at_different_depths():
    shared, x, dy = linear(D, D), random(N, D), random(N, D, seed=1)
    inner = Model([Sigmoid(), linear(D, D, 1), Dropout(shared, 0.0)])
    model = Model([shared, inner, Dropout(Model([ReLU(), shared]), 0.0)])
    assert model.parameters.size == 2 * (D * D + D)
    twins = Model([copy.deepcopy(component) for component in model.components])
    assert twins.parameters.size == 4 * (D * D + D)
    assert_array_equal(model.forward(x), twins.forward(x))
    gradients, apart = model.backward(dy), twins.backward(dy)
    for name in ("weights", "bias"):
        shares = [apart[0], apart[1]["2"]["layer"], apart[2]["layer"]["1"]]
        assert_allclose(gradients[0][name], sum(share[name] for share in shares))
        assert gradients[1]["2"]["layer"][name] is gradients[0][name]
        assert_allclose(gradients[1]["1"][name], apart[1]["1"][name])
    again = model.backward(dy, out=gradients)
    assert_array_equal(again.flat, model.backward(dy).flat)
    with refuses(ArgumentError, model.parameters, match="moved into another model"):
        inner.parameters  # noqa: B018 - its arrays do not lie together in the outer vector


def test_one_array_in_two_layers_is_refused_and_not_silently_untied():
    first, second = linear(D, D), linear(D, D)
    second.parameters["weights"] = first.weights
    with refuses(ArgumentError, first.parameters, match="(?i)one array"):
        Model([first, second])


def test_layers_move_into_the_model_that_was_made_last():
    layer = linear(D, K)
    first = Model([layer])
    second = Model([ReLU(), layer])
    gradients = trained(first)
    for use in (
        lambda: first.parameters,
        lambda: setattr(first, "parameters", np.zeros(D * K + K)),
        lambda: first.update_parameters(gradients, 0.1),
    ):
        with refuses(ArgumentError, second.parameters, match="moved into another model"):
            use()
    assert np.shares_memory(layer.weights, second.parameters)


def test_types_may_not_differ():
    layers = [linear(D, H), linear(H, K, dtype=np.float32)]
    with refuses(DtypeError, layers[0].parameters, match="float32 and float64"):
        Model(layers)


def test_modes_reach_every_component_and_return_the_model():
    dropout, inner = Dropout(linear(D, H), 0.5), Dropout(Sigmoid(), 0.5)
    model = Model([dropout, Model([inner])])
    everything = [model, dropout, dropout.layer, model.components[1], inner, inner.layer]
    assert all(component.training for component in everything)
    assert model.eval() is model
    assert not any(component.training for component in everything)
    assert model.train() is model
    assert all(component.training for component in everything)


def test_a_layer_of_ones_own_with_other_names():
    class Stretch(Component):
        scale = Parameter()
        offset = Parameter()

        def __init__(self, D):
            self.parameters = {"scale": random(D), "offset": random(D, seed=1)}

        def apply(self, x):
            return self.scale * x + self.offset, x

        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy * self.scale, {"scale": (dy * saved).sum(axis=0), "offset": dy.sum(axis=0)}

    stretch = Stretch(D)
    model = Model([stretch, linear(D, K), Dropout(Stretch(K), 0.0)])
    x, dy = random(N, D), random(N, K, seed=1)
    model.forward(x)
    gradients = model.backward(dy)
    assert sorted(gradients[0]) == ["offset", "scale"]
    assert_allclose(gradients[2]["layer"]["offset"], dy.sum(axis=0))
    assert np.all(gradients.flat != 0)
    stretch(x)
    assert_allclose(stretch.grad(x), x * stretch.scale)
    assert_allclose(stretch.gradients["scale"], (x * x).sum(axis=0))


# Copies


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_is_whole_and_independent(copied):
    shared = linear(H, H)
    model = Model(
        [linear(D, H), Model([shared, shared]), Dropout(linear(H, K), 0.5, rng=generator())]
    )
    model.eval()
    twin = copied(model)
    x = random(N, D)
    assert repr(twin) == repr(model)
    assert not twin.training
    assert not twin.components[2].training
    assert_array_equal(twin.forward(x), model.forward(x))
    inner = twin.components[1]
    assert inner.components[0] is inner.components[1]
    assert np.shares_memory(inner.components[0].weights, twin.parameters)
    kept = model.parameters.copy()
    twin.update_parameters(trained(twin), 0.5)
    assert_array_equal(model.parameters, kept)
    assert np.any(twin.parameters != kept)
    twin.parameters = kept
    assert_array_equal(twin.train().forward(x), model.train().forward(x))  # the generator too


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_remembers_no_pass_and_takes_no_gradients_of_the_original(copied):
    model = small_model()
    gradients = trained(model)
    twin = copied(model)
    with refuses(CallOrderError, match="before any forward pass"):
        twin.backward(random(N, K))
    with refuses(GradientsError, twin.parameters, match="did not return"):
        twin.update_parameters(gradients, 0.1)


class Named(Model):
    """A model with an attribute of its own; not local, so that it can be pickled."""

    def __init__(self, name):
        super().__init__([linear(D, K)])
        self.name = name


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_a_subclass_keeps_its_attributes(copied):
    twin = copied(Named("mine"))
    assert (type(twin), twin.name) == (Named, "mine")
    assert np.shares_memory(twin.components[0].weights, twin.parameters)


@pytest.mark.parametrize("copied", COPIES)
def test_copied_gradients_are_refused_since_their_views_are_gone(copied):
    model = small_model()
    gradients = copied(trained(model))
    with refuses(GradientsError, model.parameters, match="did not return"):
        model.update_parameters(gradients, 0.1)


@pytest.mark.parametrize("copied", COPIES)
def test_components_copy_with_what_they_remember(copied):
    layer, x, dy = linear(D, K), random(N, D), random(N, K, seed=1)
    layer(x)
    twin = copied(layer)
    assert_array_equal(twin.grad(dy)[0], layer.grad(dy)[0])
    twin.weights = np.zeros((D, K))
    assert np.all(layer.weights != 0)


# The table


def test_the_table():
    model = Model(
        [
            linear(1000, 100),
            Model([ReLU(), Dropout(linear(100, 10), p=0.25)]),
            Sigmoid(),
        ]
    )
    assert repr(model).splitlines() == [
        "Model                              output     parameters",
        "Linear(1000, 100)                  (..., 100)    100,100",
        "Model                              (..., 10)            ",
        "  ReLU()                           (..., 100)          0",
        "  Dropout(Linear(100, 10), p=0.25) (..., 10)       1,010",
        "Sigmoid()                          (..., 10)           0",
        "total                                            101,110",
    ]


def test_the_table_says_where_a_shape_is_not_known_and_counts_shared_parameters_once():
    class Other(Activation):
        def apply(self, x):
            return x, None

        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy, {}

    shared = linear(D, D)
    lines = [line.split() for line in repr(Model([Other(), shared, shared])).splitlines()]
    assert lines[1] == ["Other()", "?", "0"]
    assert lines[-1] == ["total", str(D * D + D)]


def test_every_line_of_the_table_has_one_width():
    lines = repr(small_model()).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_the_gradients_type_is_public():
    assert type(trained(small_model())) is Gradients


def test_repr_counts_a_shared_layer_once():
    layer = Linear(3, 3)
    rows = repr(Model([layer, ReLU(), layer])).splitlines()
    assert [row.split()[-1] for row in rows[1:]] == ["12", "0", "shared", "12"]


def test_a_shallow_copy_is_a_copy_too():
    model = Model([Linear(3, 2)])
    other = copy.copy(model)
    other.parameters[:] = 0
    assert model.parameters.any()


@pytest.mark.parametrize("size", [10**30, 10**16])
def test_sizes_beyond_the_memory_are_told_in_words(size):
    with pytest.raises(ArgumentError, match="smaller"):
        Linear(size, 1)


# A model as a sequence, and what it says


def chain(rng=None):
    rng = np.random.default_rng(0) if rng is None else rng
    return Model(
        [Linear(4, 8, rng=rng), Dropout(ReLU(), 0.5, rng=rng), Linear(8, 5, rng=rng), ReLU()]
    )


def test_a_model_is_a_sequence_of_its_components():
    model = chain()
    assert len(model) == 4
    assert model[0] is model.components[0]
    assert model[-1] is model.components[-1]
    assert list(model) == list(model.components)
    with pytest.raises(IndexError):
        model[4]


def test_a_slice_is_a_model_with_the_same_parameters_that_leaves_the_whole_as_it_is():
    model, x = chain().eval(), np.random.default_rng(1).standard_normal((7, 4))
    front, back = model[:2], model[2:]
    assert not front.training
    assert_array_equal(back(front(x)), model(x))
    assert front.parameters.size == 4 * 8 + 8
    assert np.shares_memory(front.parameters, model.parameters)
    assert np.shares_memory(back.parameters, model.parameters)
    gradients = back.backward(np.random.default_rng(2).standard_normal((7, 5)))
    back.update_parameters(gradients, 0.1)
    assert_array_equal(back(front(x)), model(x))
    assert_array_equal(model[::2](x), model[2](model[0](x)))
    assert copy.deepcopy(front).parameters.base is not model.parameters
    assert model[1:2].parameters.size == 0
    with pytest.raises(ArgumentError, match="at least one component"):
        model[4:]
    with pytest.raises(ShapeError):
        model[::3][:1]([[1.0]])


def test_predict_is_the_model_in_evaluation_mode_whatever_the_batch():
    model, x = chain(), np.random.default_rng(1).standard_normal((7, 4))
    expected = model.eval()(x)
    model.train()
    for size in (2, 7, 512):
        assert_allclose(model.predict(x, batch_size=size), expected, rtol=1e-12)
    assert model.training
    assert model.predict(x.astype(np.float32)).dtype == np.float64
    with pytest.raises(ArgumentError, match="batch_size"):
        model.predict(x, batch_size=0)
    with pytest.raises(ShapeError):
        model.predict(x[:, :3])
    with pytest.raises(ShapeError, match="rows"):
        model.predict(3.0)


def test_predict_takes_what_the_model_takes():
    words = Model([Embedding(9, 4), LSTM(4, 3)])
    x, lengths = np.random.default_rng(0).integers(0, 9, (5, 6)), np.array([6, 2, 3, 1, 4])
    said = words.predict((x, lengths), batch_size=2)
    assert_allclose(said, words.eval()((x, lengths)), rtol=1e-12)
    with pytest.raises(ShapeError, match="5, 6 rows"):
        words.predict((np.vstack([x, x[:1]]), lengths))


def test_the_summary_knows_the_shapes_of_an_input():
    model = chain()
    assert model.summary() == repr(model)
    assert "(32, 8)" in model.summary((32, 4))
    assert model.summary([32, 4]) == model.summary((32, 4))
    for wrong in (4, None, "4", (-1, 4), (4.0,), (None, ...), (0, 4)):
        with pytest.raises(ArgumentError, match=r"write \(None, 16\) for rows of 16 features"):
            model.summary(wrong)
