"""Objects as JSON, and back."""

import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from handgrad import (
    GRU,
    RNN,
    Activation,
    Adam,
    Component,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    Parallel,
    ReLU,
    Sigmoid,
    activations,
)
from handgrad.checkpoint import (
    from_config,
    generator_state,
    notation,
    restore_generator,
    restore_global_state,
    to_config,
)
from handgrad.checkpoint.notation import DTYPES, exported_classes, public_classes
from handgrad.errors import ArgumentError, CheckpointError
from helpers import OwnLinear, OwnReLU

# Constructor arguments of the classes that have some, none of them the default.
ARGUMENTS = {
    "ELU": {"alpha": 0.5},
    "GELU": {"approximate": "tanh"},
    "HardTanh": {"min_val": 0.0, "max_val": 6.0},
    "LeakyReLU": {"negative_slope": 0.25},
    "LogSoftmax": {"axis": 1},
    "Softmax": {"axis": 0},
    "Softplus": {"beta": 2.0},
    "BinaryCrossEntropy": {"average": False, "positive_weight": np.array([0.5, 2.0])},
    "HingeLoss": {"average": False, "margin": 0.5},
    "HuberLoss": {"average": False, "delta": 0.5},
    "L1Loss": {"average": False},
    "MSELoss": {"average": False},
    "AdamW": {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.25, "max_norm": 3.0},
    "AvgPool2d": {"kernel_size": (2, 3), "stride": (1, 1), "padding": (1, 0)},
    "Conv1d": {"in_channels": 3, "out_channels": 2, "kernel_size": (4,), "padding": "same"},
    "Conv2d": {
        "in_channels": 4,
        "out_channels": 6,
        "kernel_size": (3, 2),
        "stride": (2, 2),
        "padding": (0, 1),
        "dilation": (1, 2),
        "groups": 2,
    },
    "Cosine": {"epochs": 7, "warmup": 3, "min_lr": 0.5},
    "CrossEntropy": {"average": False, "label_smoothing": 0.25, "ignore_index": -100},
    "Dropout": {"layer": ReLU(), "p": 0.125, "rng": np.random.default_rng(3)},
    "Exponential": {"gamma": 0.75},
    "BatchNorm": {"features": 5, "epsilon": 0.25, "momentum": 0.5, "affine": False},
    "Embedding": {"num_embeddings": 5, "features": 3, "padding_index": 1, "init": "he"},
    "GroupNorm": {"num_groups": 3, "features": 6, "epsilon": 0.25, "bias_init": "ones"},
    "LayerNorm": {"features": (3, 5), "epsilon": 0.25, "affine": False},
    "LearnedPositionalEncoding": {"max_length": 7, "features": 3, "init": "ones"},
    "Parallel": {"components": (Linear(3, 5), ReLU()), "combine": "concatenate"},
    "PositionalEncoding": {"max_length": 7, "features": 3},
    "RMSNorm": {"features": (3, 5), "epsilon": 0.25, "init": "zeros"},
    "Residual": {"inner": ReLU(), "shortcut": Linear(3, 3)},
    "Bidirectional": {"forward_layer": GRU(3, 5), "backward_layer": RNN(3, 5), "combine": "sum"},
    "GRU": {"in_features": 7, "units": 3, "return_sequences": False, "recurrent_init": "glorot"},
    "LSTM": {"in_features": 7, "units": 3, "unit_forget_bias": False, "dtype": np.float32},
    "RNN": {"in_features": 7, "units": 3, "activation": "relu", "init": "he"},
    "Linear": {"in_features": 7, "out_features": 3, "dtype": np.float32},
    "MaxPool2d": {"kernel_size": (3, 3), "stride": (2, 1), "padding": (1, 1)},
    "Model": {"components": [Linear(3, 5), ReLU()]},
    "MultiHeadAttention": {
        "features": 6,
        "num_heads": 3,
        "causal": True,
        "bias": False,
        "key_features": 5,
        "value_features": 7,
    },
    "ReduceOnPlateau": {"factor": 0.5, "patience": 3},
    "Step": {"step_size": 3, "gamma": 0.5},
}
GENERATORS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox]
GENERATORS += [np.random.SFC64]


def through_json(obj, classes=()):
    return from_config(json.loads(json.dumps(to_config(obj), allow_nan=False)), classes)


class Swish(Activation):
    def __init__(self, beta):
        self.beta = beta

    def apply(self, x):
        s = 1 / (1 + np.exp(-self.beta * x))
        return x * s, (x, s)

    def pullback(self, dy, saved, need_dx=True, out=None):
        x, s = saved
        return dy * (s + self.beta * x * s * (1 - s)), {}


class Block(Component):
    """A layer of a user's own that hands its generator on to the layers that it is made of."""

    def __init__(self, size, rng):
        self.size, self.rng = size, rng
        self.inner = Dropout(Linear(size, size, rng=rng), 0.5, rng=rng)

    def apply(self, x):
        return self.inner.apply(x)

    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = self.inner.pullback(dy, saved, need_dx, (out or {}).get("inner"))
        return dx, {"inner": gradients}


class Forgetful(Activation):
    def __init__(self, slope):
        self.a = slope

    def apply(self, x):
        return self.a * x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return self.a * dy, {}


class Greedy(Forgetful):
    def __init__(self, *slopes):
        self.slopes = slopes


@pytest.mark.parametrize("name", sorted(public_classes()))
def test_every_public_class_comes_back(name):
    cls = public_classes()[name]
    obj = cls(**ARGUMENTS.get(cls.__name__, {}))
    twin = through_json(obj)
    assert type(twin) is cls
    assert to_config(twin) == to_config(obj)
    if cls not in (Model, Parallel):  # whose components come back as others of their kind
        for argument, value in ARGUMENTS.get(cls.__name__, {}).items():
            if isinstance(value, int | float | tuple):
                assert getattr(twin, argument) == value


def test_a_class_that_is_exported_is_known_without_a_word(monkeypatch):
    monkeypatch.setattr(activations, "Swish", Swish, raising=False)
    monkeypatch.setattr(activations, "__all__", [*activations.__all__, "Swish"])
    public_classes.cache_clear()
    try:
        assert through_json(Swish(1.5)).beta == 1.5
    finally:
        public_classes.cache_clear()


def test_the_names_of_public_classes_are_unlike():
    modules = [importlib.import_module(f"handgrad.{name}") for name in notation._PACKAGES]
    classes = [cls for module in modules for cls in exported_classes(module)]
    assert len(set(classes)) == len(public_classes()) > 12


def test_a_generator_goes_on_where_it_stood_and_stays_shared():
    rng = np.random.default_rng(5)
    model = Model([Dropout(Linear(3, 5, rng=rng), 0.5, rng=rng), Dropout(ReLU(), 0.3, rng=rng)])
    rng.random(11)
    twin = through_json(model)
    first, second = twin.components
    assert first.rng is second.rng is first.layer.rng
    assert first.rng is not rng
    assert (first.rng.random(7) == rng.random(7)).all()


def test_a_generator_that_a_class_hands_on_is_one_generator_again():
    rng = np.random.default_rng(5)
    block = through_json(Model([Block(3, rng)]), [Block]).components[0]
    assert block.rng is block.inner.rng is block.inner.layer.rng
    assert (block.inner.rng.random(7) == rng.random(7)).all()


@pytest.mark.parametrize("bits", GENERATORS)
def test_every_bit_generator_of_numpy_goes_on(bits):
    rng = np.random.Generator(bits(7))
    rng.integers(0, 5, 3, dtype=np.uint32)  # half of a 64-bit draw is left over
    twins = [through_json(rng), restore_generator(generator_state(rng))]
    halves, normals = rng.integers(0, 9, 101, dtype=np.uint32), rng.standard_normal(1000)
    for twin in twins:
        assert type(twin.bit_generator) is bits
        assert (twin.integers(0, 9, 101, dtype=np.uint32) == halves).all()
        assert (twin.standard_normal(1000) == normals).all()


def test_the_global_state_goes_on():
    np.random.standard_normal(3)  # which leaves the second of a pair over
    state = json.loads(json.dumps(generator_state()))
    expected = np.random.standard_normal(1000)
    restore_global_state(state)
    assert (np.random.standard_normal(1000) == expected).all()


def test_building_leaves_the_global_state_alone():
    config = to_config(Linear(7, 3))
    np.random.seed(3)
    expected = np.random.random(5)
    np.random.seed(3)
    from_config(config)
    assert (np.random.random(5) == expected).all()


def test_what_stands_twice_is_one_object_again():
    layer = Linear(3, 3)
    model = through_json(Model([layer, Model([ReLU()]), Dropout(layer, 0.5), layer]))
    first, _, dropout, last = model.components
    assert first is last is dropout.layer
    assert model.parameters.size == 12


def test_each_component_keeps_its_mode():
    model = Model([Dropout(Linear(3, 5), 0.5), Model([Dropout(ReLU(), 0.5)]), OwnReLU()])
    model.components[1].eval()
    model.components[2].eval()
    twin = through_json(model, [OwnReLU])
    assert [c.training for c in twin.components] == [True, False, False]
    assert twin.training
    assert twin.components[1].components[0].layer.training is False
    assert twin.components[2].component.training is False


def test_a_class_of_the_users_own_has_to_be_passed():
    model = Model([Linear(3, 5), Swish(1.5)])
    assert through_json(model, [Swish]).components[1].beta == 1.5
    with pytest.raises(CheckpointError, match=r"classes=\[Swish\]"):
        through_json(model)


def test_a_namesake_is_not_mistaken_for_our_class():
    class ReLU(Swish):
        pass

    config = to_config(ReLU(beta=2.0))
    with pytest.raises(CheckpointError, match="'ReLU'"):
        from_config(config)
    assert type(from_config(config, [ReLU])) is ReLU
    assert type(from_config(to_config(Sigmoid()), [ReLU])) is Sigmoid


@pytest.mark.parametrize("classes", [[3], ["Swish"], [Swish, type("Swish", (), {})], [Swish(1.0)]])
def test_classes_are_classes_with_names_of_their_own(classes):
    with pytest.raises(ArgumentError, match="in classes"):
        from_config(3, classes)


def test_somebody_elses_object_comes_back_where_its_class_keeps_the_convention():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return self.factor * x

        def grad(self, in_gradient):
            return self.factor * in_gradient

    model = Model([Linear(3, 5), Scale(2.5), Dropout(Scale(0.5), 0.5)])
    twin = through_json(model, [Scale])
    assert twin.components[1].component.factor == 2.5
    assert twin.components[2].layer.component.factor == 0.5

    with pytest.raises(CheckpointError, match="no attribute 'D'"):
        to_config(Model([OwnLinear(3, 5, np.random.default_rng(0))]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Forgetful(0.5), "self.slope = slope"),
        (Greedy(0.5), "slopes"),
        (abs, "value of type builtin_function_or_method"),
        (lambda x: x, "value of type function"),
        (Path("x"), "value of type PosixPath|value of type WindowsPath"),
        ({1, 2}, "value of type set"),
        (1j, "value of type complex"),
        (2**5000, "5001 bits"),
        (ReLU, "value of type ABCMeta"),
        (np.floating, "value of type type"),
        (np.dtype([("x", float)]), "value of type"),
        (np.datetime64("2001-02-03"), "value of type datetime64"),
        (np.random.RandomState(3), "value of type RandomState"),
        (np.ma.masked_array([1.0]), "value of type MaskedArray"),
        ({3: "three"}, "use str"),
        (np.array(["a"]), "tolist"),
        (np.array([1j]), "array of complex128"),
        (np.array([1j], np.complex64), "array of complex64"),
        ({"deep": {"deeper": np.array([None])}}, "'deep/deeper'"),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, int) else "integer",
)
def test_what_cannot_be_stored_says_why(value, message):
    with pytest.raises(CheckpointError, match=message):
        to_config(value)


def test_what_holds_itself_cannot_be_stored():
    value = {}
    value["again"] = [value]
    with pytest.raises(CheckpointError, match="holds itself"):
        to_config(value)


def test_a_bit_generator_that_numpy_lacks_cannot_be_stored():
    class PCG64(np.random.PCG64):
        pass

    with pytest.raises(CheckpointError, match="bit generator is PCG64"):
        generator_state(np.random.Generator(PCG64(0)))


keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.sampled_from(
    ["$", "$class", "$$array", "$same", "/", "~", "~1", "a/b"]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | keys
    | st.sampled_from([np.dtype(name) for name in DTYPES])
    | arrays_of.arrays(
        arrays_of.scalar_dtypes().filter(lambda dtype: dtype.name in DTYPES),
        arrays_of.array_shapes(min_dims=0, min_side=0, max_side=3),
    )
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype.newbyteorder("=") == b.dtype and np.array_equal(
            a, b, equal_nan=a.dtype.kind == "f"
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (
            a == b and math.copysign(1, a) == math.copysign(1, b)
        )
    return a == b


@given(values)
@settings(deadline=None, max_examples=150)
def test_every_value_comes_back_exactly(value):
    assert same(value, through_json(value))


@given(values)
@settings(deadline=None, max_examples=50)
def test_a_config_in_a_config_comes_back_as_it_is(value):
    config = to_config({"optimizer": Adam(), "value": value})
    assert through_json(config) == config


def test_scalars_of_numpy_become_pythons():
    given = [np.float32(0.1), np.float64(0.1), np.int8(-3), np.bool_(True), np.str_("x")]
    given += [np.uint64(2**64 - 1), np.float16(np.inf)]
    given.append(np.float32)
    twin = through_json(given)
    assert twin.pop() == np.dtype(np.float32)
    assert twin == [float(np.float32(0.1)), 0.1, -3, True, "x", 2**64 - 1, math.inf]
    assert [type(value) for value in twin] == [float, float, int, bool, str, int, float]


PCG = generator_state(np.random.default_rng(0))
MT = generator_state(np.random.Generator(np.random.MT19937(0)))
PHILOX = generator_state(np.random.Generator(np.random.Philox(0)))


@pytest.mark.parametrize(
    "config",
    [
        {"$class": "handgrad.Linear", "in_features": 0, "out_features": 3},
        {"$class": "handgrad.Linear", "in_features": 3},
        {"$class": "handgrad.Linear", "in_features": 3, "out_features": 3, "surplus": 3},
        {"$class": "handgrad.Linear", "in_features": 10**12, "out_features": 10**12},
        {"$class": "handgrad.Loss"},
        {"$class": "handgrad.Gradients", "layout": 3, "flat": 3},
        {"$class": "handgrad.checkpoint.load", "folder": "x"},
        {"$class": "os.system", "command": "true"},
        {"$class": "builtins.eval"},
        {"$class": ["handgrad.ReLU"]},
        {"$class": None},
        {"$class": "handgrad.Adam", "$mode": "eval"},
        {"$class": "handgrad.Model", "components": [3]},
        {"$class": "handgrad.Model", "components": [{"$same": ""}]},
        {"$same": "a"},
        {"$same": []},
        {"$unheard": 3},
        {"$float": "1.0"},
        {"$float": 3},
        {"$dtype": "object"},
        {"$dtype": ["float64"]},
        {"$tuple": 3},
        {"$array": "somewhere"},
        {"$array": [1.0, 2.0], "dtype": "float64", "shape": [3]},
        {"$array": [1.0, 2.0], "dtype": "float64", "shape": [-3]},
        {"$array": [1.0, 2.0], "dtype": "float64"},
        {"$array": [1.0, 2.0], "dtype": "O", "shape": [2]},
        {"$array": ["x"], "dtype": "float64", "shape": [1]},
        {"$array": [300], "dtype": "uint8", "shape": [1]},
        {"$generator": 3},
        {"$generator": {}},
        {"$generator": PCG | {"bit_generator": "BitGenerator"}},
        {"$generator": PCG | {"bit_generator": "MT19937"}},
        {"$generator": PCG | {"state": {"state": -1, "inc": 1}}},
        {"$generator": PCG | {"state": {"state": 2**128, "inc": 1}}},
        {"$generator": PCG | {"has_uint32": 2}},
        {"$generator": PCG | {"has_uint32": True}},
        {"$generator": PCG | {"surplus": 3}},
        # NumPy itself accepts these two, and then reads outside of its memory.
        {"$generator": MT | {"state": MT["state"] | {"pos": 10**9}}},
        {"$generator": PHILOX | {"buffer_pos": -(10**6)}},
        {"$generator": MT | {"state": MT["state"] | {"key": [3]}}},
        {"$generator": MT | {"state": MT["state"] | {"key": [-1] * 624}}},
        {3, 4},
    ],
    ids=lambda config: str(config)[:50],
)
def test_a_hostile_config_is_refused(config):
    with pytest.raises(CheckpointError):
        from_config(config)
    with pytest.raises(CheckpointError):
        from_config([config], [Swish])


@pytest.mark.parametrize("change", [{"has_gauss": 2}, {"gauss": "x"}, {"state": 3}])
def test_a_hostile_global_state_is_refused(change):
    with pytest.raises(CheckpointError):
        restore_global_state(generator_state() | change)


def test_a_config_nested_without_end_is_refused():
    config = []
    for _ in range(100_000):
        config = [config]
    try:
        with pytest.raises(CheckpointError, match="nested too deeply"):
            from_config(config)
    finally:
        while config:  # taken apart step by step: freeing it at once would nest as deep
            config = config[0]


def test_whatever_a_constructor_raises_is_explained():
    class Fragile(Swish):
        def __init__(self, beta):
            super().__init__(beta)
            raise ZeroDivisionError("beta")

    with pytest.raises(CheckpointError, match=r"Fragile refuses .ZeroDivisionError: beta"):
        from_config({"$class": "Fragile", "beta": 3}, [Fragile])


def test_a_loss_comes_back_with_its_options():
    assert through_json(CrossEntropy(average=False)).average is False
