"""Somebody else's components next to ours, in one model, trained together."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, evaluating
from handgrad.adapter import ContractAdapter, ExerciseAdapter, adapt
from handgrad.errors import ArgumentError, CallOrderError, GradientsError, ShapeError
from handgrad.optimizers import SGD
from handgrad.training import Trainer
from helpers import D, H, K, N, OwnLinear, OwnReLU, generator, random, refuses, trained


class ContractLinear:
    """The contract, kept without our base class, with the parameters as plain attributes."""

    def __init__(self, D, K, rng):
        self.weights, self.bias = rng.standard_normal((D, K)), rng.standard_normal((1, K))

    def apply(self, x):
        return x @ self.weights + self.bias, x

    def pullback(self, dy, saved, need_dx=True, out=None):
        gradients = {"weights": saved.T @ dy, "bias": dy.sum(axis=0, keepdims=True)}
        return (dy @ self.weights.T if need_dx else None), gradients


class DeclaredLinear(ContractLinear):
    """The same with a dict of parameters, of which the attributes are the very arrays."""

    def __init__(self, D, K, rng):
        super().__init__(D, K, rng)
        self.parameters = {"weights": self.weights, "bias": self.bias}


class OwnDropout:
    """A student's wrapper, whose parameters are those of its layer."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x):
        y = self.layer(x)
        self.mask = np.arange(y.size).reshape(y.shape) % 3 > 0
        return y * self.mask

    def grad(self, in_gradient):
        return self.layer.grad(in_gradient * self.mask)


OWN = [OwnLinear, ContractLinear, DeclaredLinear]


def pair(own):
    """Return two models with equal parameters: one with a layer of `own`, one with ours alone."""
    theirs = own(H, K, generator(1))
    mixed = Model([Linear(D, H, rng=generator(0)), ReLU(), theirs])
    ours = Model([Linear(D, H, rng=generator(0)), ReLU(), Linear(H, K)])
    ours.parameters = mixed.parameters
    return theirs, mixed, ours


@pytest.mark.parametrize("own", OWN)
def test_a_model_trains_their_layer_as_it_trains_ours(own):
    theirs, mixed, ours = pair(own)
    x, classes = random(N, D), generator().integers(0, K, N)
    loss, falls = CrossEntropy(), []
    for _ in range(20):
        value = loss(mixed.forward(x), classes)
        gradients = mixed.backward(loss.grad())
        assert_allclose(loss(ours.forward(x), classes), value, atol=1e-12)
        expected = ours.backward(loss.grad())
        assert_allclose(gradients.flat, expected.flat, atol=1e-12)
        mixed.update_parameters(gradients, 0.5)
        ours.update_parameters(expected, 0.5)
        falls.append(value)
    assert falls[-1] < falls[0]
    assert_allclose(mixed.parameters, ours.parameters, atol=1e-12)
    assert np.shares_memory(theirs.weights, mixed.parameters)
    assert_array_equal(theirs.bias, mixed.components[2].parameters["bias"])


@pytest.mark.parametrize("own", OWN)
def test_their_arrays_are_views_of_the_vector_as_soon_as_they_are_in_the_model(own):
    theirs, mixed, ours = pair(own)
    mixed.parameters = values = random(mixed.parameters.size, seed=5)
    ours.parameters = values
    assert_array_equal(mixed.forward(random(N, D)), ours.forward(random(N, D)))
    assert_array_equal(mixed.parameters, values)
    theirs.weights *= 2.0
    ours.components[2].weights *= 2.0
    assert_array_equal(mixed.parameters, ours.parameters)


@pytest.mark.parametrize("own", OWN)
def test_what_they_assign_is_taken_over(own):
    theirs, mixed, ours = pair(own)
    theirs.weights = weights = random(H, K, seed=8)
    ours.components[2].weights = weights
    assert_allclose(mixed.forward(random(N, D)), ours.forward(random(N, D)), atol=1e-12)
    theirs.bias = ours.components[2].bias = random(1, K, seed=9)
    assert_array_equal(mixed.parameters, ours.parameters)
    assert not np.shares_memory(weights, mixed.parameters)
    theirs.bias = ours.components[2].bias = random(1, K, seed=10)
    for components in ([mixed], [ReLU(), theirs]):
        outer = Model(components)
        assert_array_equal(outer.parameters[-K:], ours.parameters[-K:])
        assert np.shares_memory(theirs.bias, outer.parameters)


def test_an_assigned_array_of_another_shape_is_refused():
    theirs, mixed, _ = pair(OwnLinear)
    vector = mixed.parameters
    theirs.weights = np.ones((H, K + 1))
    with refuses(ShapeError, vector, match=r"weights .* \(5, 5\)[\s\S]*\(5, 4\)"):
        mixed.forward(random(N, D))


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_parameters_of_their_own(own, copied):
    theirs, mixed, _ = pair(own)
    twin = copied(mixed)
    assert_array_equal(twin.parameters, mixed.parameters)
    twin.parameters = twin.parameters * 2
    assert_array_equal(twin.parameters, mixed.parameters * 2)
    before = theirs.weights.copy()
    x = random(N, D)
    gradients = trained(twin, x)
    twin.update_parameters(gradients, 0.1)
    assert np.any(twin.forward(x) != mixed.forward(x))
    assert_array_equal(theirs.weights, before)
    assert np.shares_memory(twin.components[2]._owner.weights, twin.parameters)


def test_a_wrapper_of_theirs_trains_the_layer_in_it():
    inner = OwnLinear(D, K, generator())
    model = Model([OwnDropout(inner)])
    x, dy = random(N, D), random(N, K, seed=1)
    model.forward(x)
    mask = np.arange(N * K).reshape(N, K) % 3 > 0
    gradients = model.backward(dy)
    assert_allclose(gradients[0]["weights"], x.T @ (dy * mask))
    assert_allclose(gradients[0]["bias"], (dy * mask).sum(axis=0, keepdims=True))
    assert np.shares_memory(inner.weights, model.parameters)


def test_a_wrapper_of_theirs_trains_our_layer_in_it():
    ours = Linear(D, K, rng=generator())
    model = Model([OwnDropout(ours)])
    x, dy = random(N, D), random(N, K, seed=1)
    model.forward(x)
    mask = np.arange(N * K).reshape(N, K) % 3 > 0
    gradients = model.backward(dy)
    assert_allclose(gradients[0]["weights"], x.T @ (dy * mask))
    assert_allclose(gradients[0]["bias"], (dy * mask).sum(axis=0, keepdims=True))
    assert np.shares_memory(ours.weights, model.parameters)
    with refuses(ArgumentError, match="an object around a Model"):
        Model([OwnDropout(model)])


def test_our_dropout_wraps_their_layer():
    theirs = OwnLinear(D, K, generator())
    model = Model([Dropout(theirs, 0.5, rng=generator(3))])
    x, dy = random(N, D), random(N, K, seed=1)
    mask = 2.0 * (generator(3).random((N, K)) >= 0.5)
    assert_allclose(model.forward(x), (x @ theirs.weights + theirs.bias) * mask)
    gradients = model.backward(dy)
    assert_allclose(gradients[0]["layer"]["weights"], x.T @ (dy * mask))
    model.update_parameters(gradients, 0.1)
    assert_array_equal(theirs.bias.ravel(), model.parameters[-K:])


def test_activations_and_bare_weights():
    class Scale:
        def __init__(self):
            self.weights = [2, 3, 5]

        def __call__(self, x):
            self.x = x
            return x * self.weights

        def grad(self, in_gradient):
            return [(in_gradient * self.x).sum(axis=0), in_gradient * self.weights]

    scale = Scale()
    model = Model([OwnReLU(), scale])
    x, dy = random(N, D), random(N, D, seed=1)
    assert_allclose(model.forward(x), np.maximum(x, 0) * [2, 3, 5])
    gradients = model.backward(dy)
    assert gradients[0] == {}
    assert_allclose(gradients[1]["weights"], (dy * np.maximum(x, 0)).sum(axis=0))
    dx, _ = model.pullback(dy, model.apply(x)[1])
    assert_allclose(dx, dy * [2, 3, 5] * (x > 0))
    assert scale.weights is model.components[1].parameters["weights"]


def test_modes_reach_their_objects():
    class Switched(OwnReLU):
        def train(self):
            self.mode = "train"

        def eval(self):
            self.mode = "eval"

    plain, switched = OwnReLU(), Switched()
    model = Model([plain, Dropout(switched, 0.5), OwnLinear(D, K, generator())])
    model.eval()
    assert (plain.training, switched.mode) == (False, "eval")
    model.train()
    assert (plain.training, switched.mode) == (True, "train")


def test_names_are_theirs():
    class Named(OwnReLU):
        def __repr__(self):
            return "Named!"

    assert [repr(adapt(c)) for c in (OwnReLU(), Named())] == ["OwnReLU()", "Named!"]


def test_only_a_component_is_left_as_it_is():
    ours = ReLU()
    assert adapt(ours) is ours
    assert type(adapt(OwnReLU())) is ExerciseAdapter
    assert type(adapt(ContractLinear(D, K, generator()))) is ContractAdapter


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        (3, "two methods"),
        (None, "two methods"),
        (np.tanh, "two methods"),
        (Linear, "make an object"),
        (OwnLinear, "make an object"),
        (MSELoss(), "beside a model"),
        (CrossEntropy(), "beside a model"),
    ],
    ids=repr,
)
def test_what_is_no_component_is_refused(given, mend):
    for build in (adapt, lambda c: Model([ReLU(), c]), lambda c: Dropout(c, 0.5)):
        with refuses(ArgumentError, match=f"as a component[\\s\\S]*{mend}"):
            build(given)


def test_a_second_call_before_the_gradient_is_refused():
    model = Model([OwnReLU()])
    _, first = model.apply(random(N, D))
    model.apply(random(N, D, seed=1))
    with refuses(CallOrderError, match="call 1 of OwnReLU"):
        model.pullback(random(N, D, seed=2), first)


def test_a_call_that_failed_counts_since_it_may_have_changed_their_object():
    model = Model([OwnLinear(D, K, generator())])
    model.forward(random(N, D))
    with pytest.raises(ValueError, match="matmul"):
        model.forward(random(N, D + 1))
    with refuses(CallOrderError, match="called 2 times"):
        model.backward(random(N, K, seed=1))


def test_a_missing_bias_gradient_is_warned_of_and_leaves_the_bias_alone():
    class NoBias(OwnLinear):
        def grad(self, in_gradient):
            return self.x.T @ in_gradient, in_gradient @ self.weights.T

    model = Model([NoBias(D, K, generator())])
    bias = model.parameters[-K:].copy()
    model.forward(random(N, D))
    with pytest.warns(UserWarning, match="bias.*not trained"):
        gradients = model.backward(random(N, K, seed=1))
    model.update_parameters(gradients, 0.1)
    assert_array_equal(model.parameters[-K:], bias)


def returning(value):
    """Return a student's layer whose `grad` returns `value`, a function of the right pair."""

    class Wrong(OwnLinear):
        def grad(self, in_gradient):
            return value(*super().grad(in_gradient))

    return Wrong(D, K, generator())


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (lambda dw, dx: dx, GradientsError, "pair"),
        (lambda dw, dx: (dw, dx, dx), GradientsError, "pair"),
        (lambda dw, dx: (None, dx), GradientsError, "weights"),
        (lambda dw, dx: (dw.T, dx), ShapeError, r"weights of shape \(4, 3\)"),
        (lambda dw, dx: (dx, dw), ShapeError, "shape"),
        (lambda dw, dx: (dw, dx.T), ShapeError, r"\(3, 7\)[\s\S]*\(7, 3\)"),
        (lambda dw, dx: (dw, dx[:1]), ShapeError, r"\(1, 3\)[\s\S]*\(7, 3\)"),
        (lambda dw, dx: (dw, None), TypeError, "object"),
    ],
)
def test_a_grad_that_returns_something_else_is_named(value, error, match):
    model = Model([ReLU(), returning(value)])
    model.forward(random(N, D))
    with refuses(error, model.parameters, match=match):
        model.backward(random(N, K, seed=1))


def test_gradients_of_weights_that_nobody_can_find_are_refused():
    class Renamed:
        def __init__(self):
            self.W = np.ones((D, K))

        def __call__(self, x):
            self.x = x
            return x @ self.W

        def grad(self, in_gradient):
            return self.x.T @ in_gradient, in_gradient @ self.W.T

    model = Model([Renamed()])
    with pytest.warns(UserWarning, match=r"W of Renamed\(\) is not known as a parameter"):
        model.forward(random(N, D))
    with refuses(GradientsError, match="weights"):
        model.backward(random(N, K, seed=1))


def test_a_contract_that_names_other_gradients_is_refused():
    class Renaming(ContractLinear):
        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = super().pullback(dy, saved, need_dx)
            return dx, {"W": gradients["weights"], "b": gradients["bias"]}

    model = Model([Renaming(D, K, generator())])
    model.forward(random(N, D))
    with refuses(GradientsError, match="'W', 'b'"):
        model.backward(random(N, K, seed=1))


@pytest.mark.parametrize("own", OWN)
def test_one_object_under_two_roofs_has_one_set_of_parameters(own):
    theirs = own(D, D, generator())
    model = Model([theirs, Model([ReLU(), theirs])])
    assert model.parameters.size == D * D + D
    theirs.weights *= 2.0
    assert_array_equal(model.parameters[: D * D], theirs.weights.ravel())


@pytest.mark.parametrize("own", OWN)
def test_one_object_in_two_models_lives_in_the_later_one(own):
    theirs = own(D, K, generator())
    first = Model([theirs])
    second = Model([Dropout(theirs, 0.5)])
    assert np.shares_memory(theirs.weights, second.parameters)
    with refuses(ArgumentError, theirs, match="moved into another model"):
        first.parameters  # noqa: B018


@pytest.mark.parametrize("own", [ContractLinear, DeclaredLinear])
def test_one_object_in_two_places_has_one_set_of_parameters_and_its_gradients_add(own):
    theirs = own(D, D, generator())
    model = Model([theirs, Dropout(theirs, 0)])
    x, dy = random(N, D), random(N, D, seed=1)
    h = model.components[0](x)
    model.forward(x)
    gradients = model.backward(dy)
    assert model.parameters.size == D * D + D
    assert gradients[1]["layer"]["weights"].base is gradients[0]["weights"].base
    assert_array_equal(gradients[1]["layer"]["weights"], gradients[0]["weights"])
    assert_allclose(gradients[0]["weights"], h.T @ dy + x.T @ (dy @ theirs.weights.T))
    assert_allclose(gradients[0]["bias"], [(dy + dy @ theirs.weights.T).sum(axis=0)])


class OwnKernel:
    """A student's product, whose array has another name."""

    def __init__(self, named=False):
        self.kernel, self.gradients = np.full((D, K), 0.5), {}
        if named:
            self.parameters = {"kernel": self.kernel}

    def __call__(self, x):
        self.x = x
        return x @ self.kernel

    def grad(self, in_gradient):
        self.gradients["kernel"] = self.x.T @ in_gradient
        return in_gradient @ self.kernel.T


class OwnWrapper:
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, x):
        self.y = self.inner(x)
        return self.y

    def grad(self, in_gradient):
        found = self.inner.grad(in_gradient)
        return found[-1] if isinstance(found, tuple) else found


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: OwnDropout(OwnKernel()), "layer.kernel"),
        (lambda: OwnWrapper(OwnKernel()), "inner.kernel"),
        (lambda: OwnWrapper(OwnKernel(named=True)), "inner.kernel"),
        (lambda: OwnWrapper(Linear(D, K)), "inner.weights"),
        (lambda: OwnWrapper([OwnWrapper(Model([Linear(D, K)]))][0]), "inner.inner.0.bias"),
    ],
)
def test_arrays_of_what_their_object_holds_are_warned_of(make, name):
    model = Model([make()])
    with evaluating():  # looks at a copy, so it is no reason to be silent later
        model.apply(random(N, D))
    with pytest.warns(UserWarning, match="not known as a parameter") as told:
        model.forward(random(N, D))
    assert any(str(w.message).startswith(f"{name} of") for w in told)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.forward(random(N, D))


def test_a_named_array_is_trained_as_the_warning_says():
    own, x, dy = OwnKernel(named=True), random(N, D), random(N, K, seed=1)
    model = Model([own])
    model.forward(x)
    gradients = model.backward(dy)
    assert_allclose(gradients[0]["kernel"], x.T @ dy)
    model.update_parameters(gradients, 0.1)
    assert_allclose(own.kernel, 0.5 - 0.1 * x.T @ dy)


def test_their_wrapper_may_wrap_itself():
    own = OwnDropout(None)
    own.layer = own
    assert Model([own]).layout.size == 0


class ContractTable:
    """The contract over indices, with a buffer, without our base class."""

    takes_integers = True

    def __init__(self):
        self.parameters = {"rows": generator().standard_normal((5, D))}
        self.buffers = {"seen": np.zeros(5)}

    def apply(self, x):
        return self.parameters["rows"][x], x

    def pullback(self, dy, saved, need_dx=True, out=None):
        gradient = np.zeros((5, D))
        np.add.at(gradient, saved, dy)
        return None, {"rows": gradient}

    def update_buffers(self, saved):
        np.add.at(self.buffers["seen"], saved, 1)


def test_their_buffers_and_indices_are_known(tmp_path):
    own, x = ContractTable(), np.array([0, 1, 1, 4])
    model = Model([own, Linear(D, K)])
    assert_array_equal(model.forward(x), model.components[1](own.parameters["rows"][x]))
    trainer = Trainer(model, CrossEntropy(), SGD(lr=0.1))
    trainer.fit(x, x % K, epochs=2, progress=False)
    assert_array_equal(own.buffers["seen"], [3, 6, 0, 0, 3])
    trainer.save(tmp_path)
    for twin in (copy.deepcopy(model), Trainer.resume(tmp_path, classes=[ContractTable]).model):
        assert_array_equal(twin.components[0].component.buffers["seen"], [3, 6, 0, 0, 3])
        twin.forward(x)
        assert_array_equal(twin.components[0].component.buffers["seen"], [4, 8, 0, 0, 4])
    assert_array_equal(own.buffers["seen"], [3, 6, 0, 0, 3])


class Masked:
    """A foreign component that is given lengths, and makes 0 of what stands behind them."""

    takes_tuple = takes_lengths = True

    def apply(self, x):
        x, lengths = x
        mask = np.arange(x.shape[1])[:, None] < lengths[:, None, None]
        return x * mask, mask

    def pullback(self, dy, saved, need_dx=True, out=None):
        return (dy * saved, None), {}


def test_an_object_behind_others_is_handed_the_lengths():
    model, x = Model([Linear(D, K, rng=generator()), Masked()]), random(2, 5, D)
    y = model((x, [2, 5]))
    assert not y[0, 2:].any()
    assert_array_equal(y[1], model.components[0](x)[1])
    dx, none = model.grad(random(2, 5, K))
    assert not dx[0, 2:].any()
    assert dx[0, :2].any()
    assert none is None
