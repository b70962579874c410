"""Bad input: the error names what was given, what was expected and the mend; nothing changes."""

import operator
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid, errors
from handgrad.errors import ArgumentError, CallOrderError, DtypeError, GradientsError, ShapeError
from helpers import D, H, K, N, OwnLinear, generator, random, refuses, small_model, trained

INFINITE = [float("nan"), float("inf"), -float("inf"), np.float32("nan")]
NO_NUMBER = ["0.1", None, 1j, True, [0.1], np.array([0.1, 0.2])]


def linear():
    return Linear(D, K, rng=generator())


def dropout():
    return Dropout(linear(), 0.5, rng=generator())


def with_theirs():
    return Model([OwnLinear(D, K, generator())])


COMPONENTS = {
    "Linear": linear,
    "ReLU": ReLU,
    "Sigmoid": Sigmoid,
    "Dropout": dropout,
    "Model": small_model,
    "a student's": with_theirs,
}
LAYERS = {name: COMPONENTS[name] for name in ("Linear", "Dropout", "Model")}
LOSSES = {"MSELoss": MSELoss, "CrossEntropy": CrossEntropy}


def called(build):
    """Return a component after a forward and a backward pass, so that it remembers something."""
    component = build()
    dy = random(*component(random(N, D)).shape, seed=1)
    component.backward(dy) if isinstance(component, Model) else component.grad(dy)
    return component


def names(table):
    return pytest.mark.parametrize("build", table.values(), ids=table)


# Inputs

NOT_NUMBERS = {
    "strings": (np.array([["a", "b", "c"]]), DtypeError, "<U1"),
    "a string": ("abc", DtypeError, "<U3"),
    "bytes": (np.array([[b"a", b"b", b"c"]]), DtypeError, r"\|S1"),
    "objects": (np.array([[1.0, None, 2.0]], dtype=object), DtypeError, "object"),
    "None": (None, DtypeError, "object"),
    "complex numbers": (np.ones((N, D), complex), DtypeError, "complex128"),
    "dates": (np.array([["2000-01-01"] * D], dtype="datetime64[D]"), DtypeError, "datetime64"),
    "ragged rows": ([[1.0, 2.0, 3.0], [4.0]], ShapeError, "list with rows of several lengths"),
    "masked entries": (np.ma.masked_less(np.ones((N, D)), 2), DtypeError, "masked"),
    "an empty minibatch": (np.empty((0, D)), ShapeError, r"\(0, 3\)[\s\S]*leave empty"),
    "no features": (np.empty((N, 0)), ShapeError, r"\(7, 0\)"),
    "an empty list": ([], ShapeError, r"\(0,\)"),
}


@names(COMPONENTS)
@pytest.mark.parametrize(("x", "error", "match"), NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_an_input_that_is_not_an_array_of_numbers(build, x, error, match):
    component = called(build)
    with refuses(error, component, match=match):
        component(x)


@names(LAYERS)
@pytest.mark.parametrize("shape", [(N, D + 1), (D, N), (N,), (1,), (2, D, N)], ids=str)
def test_a_wrong_number_of_features(build, shape):
    component = called(build)
    with refuses(ShapeError, component, match=r"for Linear\(3, \d\)[\s\S]*3 features"):
        component(random(*shape))


def test_a_single_number_has_no_features():
    layer = called(linear)
    with refuses(ShapeError, layer, match=r"input of shape \(\) for Linear"):
        layer(3.0)


def test_layers_that_do_not_fit_each_other_are_named():
    layers = [Linear(D, H), ReLU(), Linear(H + 1, K)]
    with refuses(ShapeError, layers, match=r"\(\.\.\., 5\) for Linear\(6, 4\)"):
        Model(layers)
    with refuses(ShapeError, layers, match=r"\(\.\.\., 5\) for Linear\(6, 4\)"):
        Model([Dropout(Model(layers[:2]), 0.5), Model(layers[2:])])


def test_after_a_refused_input_the_gradient_still_belongs_to_the_last_good_one():
    layer, x, dy = linear(), random(N, D), random(N, K, seed=1)
    layer(x)
    with pytest.raises(ShapeError):
        layer(random(N, D + 1))
    assert_array_equal(layer.grad(dy)[0], x.T @ dy)


@names(COMPONENTS)
def test_nan_and_infinity_pass_through(build):
    component, x = build(), random(N, D)
    expected = component.eval()(x).copy()
    x[2, 1] = np.nan
    y = component(x)
    rows = [n for n in range(N) if n != 2]
    assert np.isnan(y[2]).any()
    np.testing.assert_allclose(y[rows], expected[rows])
    x[2, 1] = np.inf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        y = component(x)
    np.testing.assert_allclose(y[rows], expected[rows])


# Upstream gradients


@names(COMPONENTS)
def test_a_gradient_before_any_call(build):
    component = build()
    ask = component.backward if isinstance(component, Model) else component.grad
    with refuses(CallOrderError, component, match="before any forward pass"):
        ask(random(N, D))


@names(COMPONENTS)
@pytest.mark.parametrize(
    "change", [lambda dy: dy[:1], lambda dy: dy[:, :1], lambda dy: dy.T, np.sum]
)
def test_an_upstream_gradient_of_another_shape(build, change):
    component = called(build)
    y = component(random(N, D))
    ask = component.backward if isinstance(component, Model) else component.grad
    dy = change(random(*y.shape, seed=1))
    with refuses(ShapeError, component, match=r"upstream gradient of shape \([\s\S]*output, \(7, "):
        ask(dy)


@names(COMPONENTS)
@pytest.mark.parametrize("case", ["strings", "objects", "an empty minibatch"])
def test_an_upstream_gradient_that_is_not_an_array_of_numbers(build, case):
    component = called(build)
    ask = component.backward if isinstance(component, Model) else component.grad
    dy, error, _ = NOT_NUMBERS[case]
    with refuses(error, component, match="upstream gradient of"):
        ask(dy)


# Losses


@names(LOSSES)
def test_a_loss_gradient_before_any_call(build):
    loss = build()
    with refuses(CallOrderError, loss, match="before any call"):
        loss.grad()


@names(LOSSES)
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("wrong", "error", "match"), NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_predictions_or_targets_that_are_not_arrays_of_numbers(build, place, wrong, error, match):
    loss, arguments = build(), [random(N, K), random(N, K, seed=1)]
    loss(*arguments)
    arguments[place] = wrong
    with refuses(error, loss, match=match):
        loss(*arguments)


MISFITS = {
    "fewer rows": (
        MSELoss,
        np.ones((N - 1, K)),
        ShapeError,
        r"\(7, 4\) and targets of shape \(6, 4\)",
    ),
    "a column": (MSELoss, np.ones((N, 1)), ShapeError, r"\(7, 1\)"),
    "a row": (MSELoss, np.ones(K), ShapeError, r"\(4,\)"),
    "transposed": (MSELoss, np.ones((K, N)), ShapeError, r"\(4, 7\)"),
    "one number": (MSELoss, 1.0, ShapeError, r"\(\)"),
    "fewer classes": (CrossEntropy, np.ones((N, K - 1)), ShapeError, r"\(7, 3\)[\s\S]*\(7, 4\) or"),
    "fewer one-hot rows": (CrossEntropy, np.ones((N - 1, K)), ShapeError, r"\(6, 4\)"),
    "fewer indices": (CrossEntropy, np.zeros(N - 1, int), ShapeError, r"\(6,\)[\s\S]*\(7,\)"),
    "a column of indices": (
        CrossEntropy,
        np.zeros((N, 1), int),
        ShapeError,
        r"\(7, 1\)[\s\S]*ravel",
    ),
    "too high an index": (CrossEntropy, np.full(N, K), ShapeError, r"to 4 [\s\S]*0 to 3"),
    "a negative index": (
        CrossEntropy,
        [0, 1, 2, 3, -1, 0, 0],
        ShapeError,
        r"from -1 [\s\S]*0 to 3",
    ),
    "a huge index": (
        CrossEntropy,
        np.full(N, 2**63, np.uint64),
        ShapeError,
        r"9223372036854775808",
    ),
    "floating indices": (CrossEntropy, np.zeros(N), DtypeError, "float64[\\s\\S]*integers"),
    "boolean indices": (CrossEntropy, np.zeros(N, bool), DtypeError, "bool"),
}


@pytest.mark.parametrize(("build", "targets", "error", "match"), MISFITS.values(), ids=MISFITS)
def test_targets_that_do_not_fit(build, targets, error, match):
    loss = build()
    loss(random(N, K), random(N, K, seed=1))
    with refuses(error, loss, match=match):
        loss(random(N, K, seed=2), targets)


@pytest.mark.parametrize("shape", [(), (K,), (N, 1), (N, K, 1)], ids=str)
def test_logits_that_are_not_rows(shape):
    with refuses(ShapeError, match=r"logits of shape[\s\S]*\(N, K\)"):
        CrossEntropy()(random(*shape), random(*shape))


@names(LOSSES)
@pytest.mark.parametrize(
    "weights", [np.ones(N - 1), np.ones((N, 2)), np.ones((1, N)), 1.0], ids=np.shape
)
def test_weights_that_are_not_one_a_row(build, weights):
    loss = build()
    loss(random(N, K), random(N, K, seed=1))
    with refuses(ShapeError, loss, match=r"weights of shape[\s\S]*\(7,\)"):
        loss(random(N, K), random(N, K), weights)


@pytest.mark.parametrize("average", [None, 1, 0, "mean", "False"])
def test_average_is_a_bool(average):
    with refuses(ArgumentError, match="average="):
        CrossEntropy(average=average)


# Sizes and options


@pytest.mark.parametrize(
    "size", [0, -1, 2.0, 2.5, "3", None, True, (2,), [3], float("nan")], ids=repr
)
def test_sizes_are_positive_integers(size):
    state = np.random.get_state()[1].copy()
    for arguments, name in (((size, 3), "in_features"), ((3, size), "out_features")):
        with refuses(ArgumentError, match=f"{name}=[\\s\\S]*a positive integer"):
            Linear(*arguments)
    assert_array_equal(np.random.get_state()[1], state)  # nothing was drawn


@pytest.mark.parametrize("dtype", [int, bool, complex, "int8", str, object, "nonsense"], ids=repr)
def test_parameters_have_a_floating_type(dtype):
    with refuses(ArgumentError, match=r"dtype=[\s\S]*floating"):
        Linear(2, 3, dtype=dtype)


@pytest.mark.parametrize("p", [1, 1.0, -0.1, 2, -1e-300, 10**400, *INFINITE, *NO_NUMBER], ids=repr)
def test_p_is_a_probability_below_one(p):
    layer = linear()
    with refuses(ArgumentError, layer, match=r"p=[\s\S]*0 <= p < 1"):
        Dropout(layer, p)


@pytest.mark.parametrize(
    "rng", [0, 42, "seed", np.random], ids=["0", "42", "a string", "np.random"]
)
def test_rng_is_a_generator(rng):
    for build in (lambda: Linear(2, 3, rng=rng), lambda: Dropout(ReLU(), 0.5, rng=rng)):
        with refuses(ArgumentError, match=r"rng=[\s\S]*numpy.random.default_rng"):
            build()


@names(LOSSES)
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_weights(build, weight):
    loss, weights = build(), np.ones(N)
    weights[3] = weight
    with refuses(ArgumentError, loss, match="finite numbers >= 0"):
        loss(random(N, K), random(N, K), weights)


@pytest.mark.parametrize(
    "components",
    [[], (), None, 3, Linear(2, 3), iter([])],
    ids=lambda value: type(value).__name__,
)
def test_a_model_has_components(components):
    with refuses(ArgumentError, match="at least one component"):
        Model(components)


# Parameters


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.ones((K, D)), ShapeError),
        (np.ones(D * K), ShapeError),
        (1.0, ShapeError),
        (np.ones((D, K), complex), DtypeError),
        ("abc", DtypeError),
        (np.empty((0, K)), ShapeError),
        ([[1.0], [2.0, 3.0]], ShapeError),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_parameter_is_an_array_of_its_shape(value, error):
    layer = called(linear)
    with refuses(error, layer, match="weights"):
        layer.weights = value
    model = called(small_model)
    with refuses(error, model, match="parameters"):
        model.parameters = value


# Steps


@pytest.mark.parametrize(
    "build", [linear, lambda: with_theirs().components[0]], ids=["ours", "theirs"]
)
def test_the_dict_of_a_layers_parameters_stays(build):
    layer = called(build)
    with refuses(ArgumentError, layer, match="another dict"):
        layer.parameters = {name: array + 1 for name, array in layer.parameters.items()}


@pytest.mark.parametrize("lr", [*INFINITE, *NO_NUMBER, 10**400], ids=repr)
def test_a_learning_rate_is_a_finite_number(lr):
    model = small_model()
    gradients = trained(model)
    with refuses(ArgumentError, model, gradients, match=r"lr=[\s\S]*a finite number"):
        model.update_parameters(gradients, lr)


FOREIGN = {
    "another model's": lambda model: trained(small_model(seed=4)),
    "a plain list of them": lambda model: list(trained(model)),
    "a list of dicts": lambda model: [dict(entry) for entry in trained(model)],
    "the vector": lambda model: trained(model).flat,
    "an outer model's": lambda model: trained(Model([model])),
    "more than its own": lambda model: trained(model) * 2,
    "its own, twice over": lambda model: operator.imul(trained(model), 2),
    "its own without the last": lambda model: shorter(trained(model)),
}


def shorter(gradients):
    gradients.pop()
    return gradients


@pytest.mark.parametrize("build", FOREIGN.values(), ids=FOREIGN)
def test_gradients_that_belong_to_another_model(build):
    model = called(small_model)
    foreign = build(model)
    with refuses(GradientsError, model, foreign, match="this model's backward did not return"):
        model.update_parameters(foreign, 0.1)
    with refuses(GradientsError, model, foreign, match="this model's backward did not return"):
        model.backward(random(N, K), out=foreign)


@pytest.mark.parametrize(
    ("i", "entry", "error", "match"),
    [
        (0, None, GradientsError, "NoneType as the gradients"),
        (0, {"weights": random(D, H)}, GradientsError, r"\['weights'\][\s\S]*'bias'"),
        (slice(0, 2), [{}, {}], GradientsError, "list as the gradients"),
        (1, {"weights": random(D, H)}, GradientsError, r"gradients of \[\]"),
    ],
    ids=str,
)
def test_an_entry_that_is_no_components_gradients(i, entry, error, match):
    gradients = trained(small_model())
    with refuses(error, gradients, match=match):
        gradients[i] = entry


@pytest.mark.parametrize(
    ("array", "error", "match"),
    [
        (random(H, D), ShapeError, r"\(5, 3\)[\s\S]*\(3, 5\)"),
        (np.full((D, H), "a"), DtypeError, "<U1 as the gradient of the weights"),
        (random(D, H) * 1j, DtypeError, "complex128 as the gradient of the weights"),
        (None, ShapeError, r"shape \(\)"),
    ],
    ids=["another shape", "strings", "complex", "none"],
)
def test_an_array_that_is_no_parameters_gradient(array, error, match):
    model = small_model()
    gradients = trained(model)
    gradients[0]["weights"] = array
    with refuses(error, model, match=match):
        model.update_parameters(gradients, 0.1)


# The errors themselves


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_one_of_ours_and_one_of_pythons(name):
    cls = getattr(errors, name)
    error = cls("what was given", "what was expected", "the mend")
    assert issubclass(cls, errors.HandgradError)
    if cls is not errors.HandgradError:
        assert issubclass(cls, ValueError | TypeError | RuntimeError | ArithmeticError)
    assert str(error).splitlines() == [
        "got what was given",
        "  expected: what was expected",
        "  to mend it: the mend",
    ]
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), twin.got, twin.expected, twin.mend) == (cls, *error.args)


def test_what_somebody_else_has_written_is_cut():
    assert errors.shorten("x" * 10**6, 8) == "xxxxx..."
    assert errors.shorten("\ud800") == r"\ud800"
    short, long = ValueError("no number"), ValueError("x" * 10**6)
    assert (errors.cause(short), errors.cause(long)) == (short, None)


def test_a_model_is_named_and_not_drawn_in_a_message():
    model = small_model()
    for bad in (lambda: model(np.empty((0, D))), lambda: model.backward(random(N, K))):
        with pytest.raises(errors.HandgradError) as caught:
            bad()
        assert len(str(caught.value).splitlines()) == 3
