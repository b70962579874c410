"""Every row of the table, asked everything that DESIGN asks of a component."""

import warnings

import numpy as np
import pytest

import handgrad
from handgrad.checking import CASES, check
from handgrad.checking.evaluation import by_name, evaluate
from handgrad.checking.truth import central_differences, complex_step
from handgrad.component import Component
from handgrad.loss import Loss
from handgrad.walk import parameters, snapshot

rows = pytest.mark.parametrize("case", CASES, ids=str)
abstract = {handgrad.Component, handgrad.Activation, handgrad.Loss}


def test_every_public_component_has_a_row():
    public = {
        thing
        for name in handgrad.__all__
        if isinstance(thing := getattr(handgrad, name), type)
        and issubclass(thing, Component | Loss)
    }
    assert public - abstract == {case.component for case in CASES}


def test_no_two_rows_have_one_name():
    assert len({str(case) for case in CASES}) == len(CASES)


def gradients_of(subject, x):
    """Return the names of the gradients with respect to the parameters and to the input.

    What is fed in as integers has none.
    """
    fed_in = {name for name, part in by_name(x).items() if part.dtype.kind == "f"}
    return fed_in | {f"d{place.name}" for place in parameters(subject)}


@rows
@pytest.mark.parametrize("seed", range(3))
def test_value_and_gradients_agree_with_both_truths_and_every_invariant_holds(case, seed):
    np.random.seed(seed)
    rng = np.random.default_rng(seed)
    subject, arrays = case.draw(rng)
    invariants = case.all_invariants
    result = check(
        subject, *arrays, truth=case.truth, twin=case.twin, invariants=invariants, rng=rng
    )

    gradients = gradients_of(subject, arrays[0])
    pytorch = [c for c in result.comparisons if c.truth == "PyTorch"]
    assert {c.quantity for c in pytorch} == {"y", *gradients}
    for comparison in pytorch:
        assert comparison.absolute < 1e-10, comparison
        assert comparison.relative < 1e-10, comparison

    numerical = [c for c in result.comparisons if c.truth == case.truth.__name__.replace("_", " ")]
    assert {c.quantity for c in numerical} == gradients
    assert len(result.comparisons) == len(gradients) + len(gradients) + 1
    tolerance = {complex_step: 1e-10, central_differences: 1e-6}[case.truth]
    for comparison in numerical:
        assert comparison.relative < tolerance, comparison

    assert result.invariants == len(invariants)
    assert not result.violations


@pytest.mark.parametrize(
    ("case", "act", "error"),
    [
        pytest.param(case, act, error, id=f"{case}-{i}")
        for case in CASES
        for i, (act, error) in enumerate(case.wrong)
    ],
)
def test_wrong_input_raises_and_changes_nothing(case, act, error):
    subject = case.build(np.random.default_rng(0))
    before = snapshot(subject)
    with pytest.raises(error) as caught:
        act(subject)
    assert isinstance(caught.value, handgrad.errors.HandgradError)
    assert all((caught.value.got, caught.value.expected, caught.value.mend))
    for name, array in snapshot(subject).items():
        np.testing.assert_array_equal(array, before[name])


def test_every_component_has_wrong_and_extreme_inputs():
    for component in {case.component for case in CASES}:
        mine = [case for case in CASES if case.component is component]
        assert any(case.wrong for case in mine), component
        assert any(case.extreme for case in mine), component


@pytest.mark.parametrize("case", [case for case in CASES if case.extreme], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_extreme_inputs_stay_finite_without_a_warning(case, seed):
    rng = np.random.default_rng(seed)
    subject, x = case.build(rng), case.extreme(rng)
    if case.targets is not None:
        against = (case.targets(rng),)
    else:
        against = rng.standard_normal(evaluate(subject, x, None)["y"].shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = evaluate(subject, x, against)
    for name, array in results.items():
        assert np.isfinite(array).all(), name
