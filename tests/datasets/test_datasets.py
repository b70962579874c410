"""The data that ships, and what prepares data for training."""

import warnings

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handgrad.datasets import Dataset, Standardizer, load_digits, one_hot, stratified_split
from handgrad.errors import ArgumentError, CallOrderError, DtypeError, ShapeError


def test_the_digits_are_those_of_scikit_learn():
    ours, theirs = load_digits(), sklearn.datasets.load_digits()
    np.testing.assert_array_equal(ours.x, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert ours.x.dtype == np.float64
    assert ours.y.dtype == np.int64
    np.testing.assert_array_equal(ours.x[7].reshape(ours.image), theirs.images[7])
    assert list(ours.feature_names) == theirs.feature_names
    assert [int(name) for name in ours.class_names] == list(theirs.target_names)


def test_the_digits_carry_their_licence_and_citation():
    description = load_digits().description
    for part in ("CC BY 4.0", "Alpaydin", "Kaynak", "10.24432/C50P49", "creativecommons.org"):
        assert part in description


def test_each_call_gives_arrays_of_its_own():
    load_digits().x[:] = -1
    assert load_digits().x.min() == 0


def test_a_dataset_says_what_it_is():
    x = np.zeros((7, 3))
    names = ("a", "b", "c")
    assert repr(Dataset(x, np.zeros(7), names, (), "price")) == (
        "Dataset(7 rows, 3 features, price: numbers)"
    )
    assert repr(Dataset(x, np.empty(0), names)) == "Dataset(7 rows, 3 features)"
    assert len(Dataset(x, np.empty(0), names)) == 7


def data(rng, N=5003, D=3):
    return rng.standard_normal((N, D)) * [1e-3, 1, 1e5] + [7, -2, 3e5]


def test_standardizing_gives_mean_0_and_deviation_1():
    x = data(np.random.default_rng(0))
    standardizer = Standardizer().fit(x)
    np.testing.assert_allclose(standardizer.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.scale, x.std(axis=0), rtol=1e-10)
    z = standardizer.transform(x)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-10)


def test_new_data_is_scaled_as_the_data_that_was_fitted():
    rng = np.random.default_rng(1)
    x, new = data(rng, 101), data(rng, 7)
    before = new.copy()
    expected = (new - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(Standardizer().fit(x).transform(new), expected, rtol=1e-9)
    np.testing.assert_array_equal(new, before)


def test_constant_columns_are_shifted_and_not_scaled():
    x = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]])
    standardizer = Standardizer().fit(x)
    assert standardizer.scale[0] == 1
    np.testing.assert_array_equal(standardizer.transform(x)[:, 0], 0)
    np.testing.assert_allclose(standardizer.transform([[2.1, 3.0]]), [[2, 0]])


@given(
    arrays(
        np.float64, (5, 2), elements=st.floats(-1e307, 1e307, allow_nan=False, allow_infinity=False)
    )
)
@settings(deadline=None)
def test_standardizing_any_finite_data_stays_finite(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z = Standardizer().fit(x).transform(x)
    assert np.isfinite(z).all()
    # No entry of N lies further than sqrt(N - 1) deviations from the mean of all.
    plain = np.ptp(x, axis=0) > 1e-290 + 1e-9 * np.abs(x).max(axis=0)
    assert np.abs(z[:, plain]).max(initial=0) < 2 + 1e-6


def test_float32_stays_float32_and_integers_become_float64():
    x = data(np.random.default_rng(2), 50).astype(np.float32)
    assert Standardizer().fit(x).transform(x).dtype == np.float32
    pixels = np.random.default_rng(3).integers(0, 256, (50, 3), dtype=np.uint8)
    z = Standardizer().fit(pixels).transform(pixels)
    assert z.dtype == np.float64
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-10)


def test_pixels_can_share_one_scale():
    x = data(np.random.default_rng(5), 101)
    shared = Standardizer(shared_scale=True).fit(x)
    np.testing.assert_allclose(shared.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(shared.scale, np.sqrt(x.var(axis=0).mean()), rtol=1e-10)
    np.testing.assert_array_equal(Standardizer(shared_scale=True).fit(x[:1]).scale, 1)


def test_a_standardizer_continues_from_its_state():
    x = data(np.random.default_rng(4), 30)
    old, new = Standardizer().fit(x), Standardizer()
    new.load_state_dict(old.state_dict())
    np.testing.assert_array_equal(old.transform(x), new.transform(x))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Standardizer().transform([[1.0]]), CallOrderError, "fit"),
        (lambda: Standardizer().fit([1.0, 2.0]), ShapeError, r"\(N, D\)"),
        (lambda: Standardizer().fit([[1.0, np.nan], [1.0, 2.0]]), ArgumentError, "column 1"),
        (lambda: Standardizer().fit([[np.inf], [1.0]]), ArgumentError, "column 0"),
        (lambda: Standardizer().fit([["a"]]), DtypeError, "numbers"),
        (lambda: Standardizer().fit([[1.0], [2.0]]).transform([[1.0, 2.0]]), ShapeError, "1 feat"),
        (lambda: one_hot([0.0, 1.0]), DtypeError, "integers"),
        (lambda: one_hot([0, -1]), ShapeError, "from 0"),
        (lambda: one_hot([0, 3], classes=3), ShapeError, "from 0 to 2"),
        (lambda: one_hot([[0], [1]]), ShapeError, r"\(N,\)"),
        (lambda: one_hot([0, 1], classes=0), ArgumentError, "positive"),
        (lambda: stratified_split([], 0.5, np.random.default_rng()), ShapeError, r"\(N,\)"),
        (lambda: stratified_split([[0, 1]], 0.5, np.random.default_rng()), ShapeError, "argmax"),
        (lambda: stratified_split([0, 0], 0, np.random.default_rng()), ArgumentError, "fraction=0"),
        (lambda: stratified_split([0, 0], 1.0, np.random.default_rng()), ArgumentError, "< 1"),
        (lambda: stratified_split([0, 0], None, np.random.default_rng()), ArgumentError, "None"),
        (lambda: stratified_split([0, 1], 0.5, np.random.default_rng()), ArgumentError, "permut"),
    ],
)
def test_wrong_calls_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_one_hot_rows_are_those_of_the_identity():
    y = np.array([4, 0, 2])
    rows = one_hot(y, dtype=np.float32)
    assert rows.dtype == np.float32
    assert rows.shape == (3, 5)
    np.testing.assert_array_equal(rows.argmax(axis=1), y)
    np.testing.assert_array_equal(rows.sum(axis=1), 1)
    assert one_hot(y, classes=7).shape == (3, 7)


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_every_class_is_split_in_proportion(y, fraction, seed):
    classes, sizes = np.unique(y, return_counts=True)
    if sizes.max() < 2:
        return
    y = np.array(y)
    training, held_out = stratified_split(y, fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate([training, held_out])), np.arange(len(y)))
    for k, size in zip(classes, sizes, strict=True):
        held = (y[held_out] == k).sum()
        assert abs(held - fraction * size) < 1 + 1e-9
        assert size < 2 or 0 < held < size
    again = stratified_split(y, fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(training, again[0])
    np.testing.assert_array_equal(held_out, again[1])


def test_the_total_that_is_held_out_is_exact_where_every_class_is_large():
    y = np.repeat(np.arange(7), [10, 13, 17, 19, 23, 29, 31])
    for fraction in (0.1, 0.2, 0.25, 1 / 3, 0.5, 0.77):
        _, held_out = stratified_split(y, fraction, np.random.default_rng(0))
        assert len(held_out) == round(fraction * len(y))


def test_a_share_that_is_whole_is_exact():
    y = np.repeat([0, 1], 70)  # 0.1 * 70 is a little more than 7 in floating point
    for seed in range(5):
        _, held_out = stratified_split(y, 0.1, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.bincount(y[held_out]), [7, 7])


def test_a_class_with_one_datapoint_is_trained_on():
    training, _ = stratified_split([0, 0, 0, 1], 0.9, np.random.default_rng(0))
    assert 3 in training


def test_the_choice_depends_on_the_generator():
    y = load_digits().y
    first, second = (stratified_split(y, 0.2, np.random.default_rng(s))[1] for s in (0, 1))
    assert not np.array_equal(first, second)


def test_missing_numbers_are_left_out_and_become_the_mean():
    rng = np.random.default_rng(6)
    x = data(rng, 101)
    gone = rng.random(x.shape) < 0.2
    x[gone] = np.nan
    standardizer = Standardizer(missing=True).fit(x)
    np.testing.assert_allclose(standardizer.mean, np.nanmean(x, axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.scale, np.nanstd(x, axis=0), rtol=1e-9)
    z = standardizer.transform(x)
    np.testing.assert_array_equal(z == 0, gone)
    whole = data(rng, 50)
    for measured in ("mean", "scale"):
        ours, plain = (Standardizer(missing=m).fit(whole) for m in (True, False))
        np.testing.assert_array_equal(getattr(ours, measured), getattr(plain, measured))
    empty = Standardizer(missing=True).fit([[np.nan, 1.0], [np.nan, 3.0]])
    np.testing.assert_array_equal(empty.transform([[5.0, np.nan]]), [[5, 0]])
    with pytest.raises(ArgumentError, match="column 0"):
        Standardizer(missing=True).fit([[np.inf], [np.nan]])
