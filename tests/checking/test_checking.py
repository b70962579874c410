"""The check itself: its truths, its verdict on wrong components, its report."""

import io
import json
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

import handgrad
from handgrad import Activation, CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.checking import (
    CASES,
    Case,
    central_differences,
    check,
    check_library,
    complex_step,
    library,
)
from handgrad.checking.cases.activations import zero_at_the_kink
from handgrad.checking.cases.layers import nothing_dropped_in_evaluation
from handgrad.checking.cases.losses import scaled_by_its_weights
from handgrad.checking.cases.models import same_in_a_step
from handgrad.checking.comparison import compare
from handgrad.checking.evaluation import by_name
from handgrad.checking.invariants import (
    general,
    independent_of_the_batch,
    rows_of_the_gradient_sum_to_zero,
)
from handgrad.checking.report import show, watched
from handgrad.cli import app
from handgrad.errors import ArgumentError, DtypeError, ShapeError

X = np.random.default_rng(0).standard_normal((7, 3))

# ------------------------------------------------------------------------------------ truths


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5))
def test_truths_know_a_cubic(entries):
    x = np.array(entries)
    dy = np.linspace(-2, 3, x.size)
    exact = dy * (3 * x**2 - 2)
    before = x.copy()
    cubic = lambda x: x**3 - 2 * x  # noqa: E731
    np.testing.assert_allclose(complex_step(cubic, x, dy), exact, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(central_differences(cubic, x, dy), exact, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("truth", [complex_step, central_differences])
def test_truths_know_a_matrix(truth):
    rng = np.random.default_rng(1)
    W, dy = rng.standard_normal((3, 5)), rng.standard_normal((7, 5))
    np.testing.assert_allclose(truth(lambda x: x @ W, X, dy), dy @ W.T, rtol=1e-9)


def test_central_differences_of_a_function_that_returns_its_argument():
    dy = np.array([3.0, -4.0])
    np.testing.assert_allclose(central_differences(lambda x: x, np.ones(2), dy), dy, rtol=1e-10)


# ------------------------------------------------------------------------------------- check


class Square(Activation):
    """Right, unless a subclass makes it wrong."""

    def apply(self, x):
        return x * x, x

    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * saved * dy, {}


class OffByAThird(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return 3 * saved * dy, {}


class WritesToItsInput(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        saved *= 2
        return saved * dy, {}


class WritesToTheUpstreamGradient(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        dy *= 2
        return saved * dy, {}


class RemembersInItself(Square):
    def apply(self, x):
        self.x = x
        return x * x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * self.x * dy, {}


class SharesWhatItSaves(Square):
    kept: list = []  # noqa: RUF012

    def apply(self, x):
        self.kept[:] = [x]
        return x * x, self.kept

    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * saved[0] * dy, {}


class CountsInPlace(Square):
    """Writes to an array that stays the same object: a running mean in `apply`, say."""

    def __init__(self):
        self.mean = {"of the input": [np.zeros(3)]}

    def apply(self, x):
        self.mean["of the input"][0] += 0.1 * x.mean(axis=0)
        return x * x, x


class NotLinear(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * saved * abs(dy), {}


class ComputesInDouble(Square):
    def apply(self, x):
        return (x.astype(float) if x.dtype.kind == "f" else x) ** 2, x


class ComputesInSingle(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return (2 * saved * dy).astype(np.float32).astype(dy.dtype), {}


class CoarseInSingle(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * saved * dy * (1 + 1e-2 * (dy.dtype == np.float32)), {}


class InventsAGradient(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return 2 * saved * dy, {"weights": dy}


class OtherCalls(Square):
    def grad(self, in_gradient):
        return 2 * super().grad(in_gradient)


class OtherWeights(Linear):
    def grad(self, in_gradient):
        dw, dx = super().grad(in_gradient)
        return 2 * dw, dx


class OtherBias(Linear):
    def grad(self, in_gradient):
        gradients = super().grad(in_gradient)
        self.gradients = {**self.gradients, "bias": -self.gradients["bias"]}
        return gradients


class FlatBias(Linear):
    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = super().pullback(dy, saved, need_dx, out)
        return dx, {**gradients, "bias": gradients["bias"][0]}


class ForgetsTheBias(Linear):
    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = super().pullback(dy, saved, need_dx, out)
        return dx, {"weights": gradients["weights"]}


class IgnoresOut(Linear):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return super().pullback(dy, saved, need_dx)


class AddsToOut(Linear):
    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = super().pullback(dy, saved, need_dx)
        for name, array in (out or {}).items():
            array += gradients[name]
        return dx, gradients if out is None else out


class NeedsDx(Linear):
    def pullback(self, dy, saved, need_dx=True, out=None):
        dx, gradients = super().pullback(dy, saved, need_dx, out)
        gradients["bias"] *= 1 + (not need_dx)
        return dx, gradients


class Raises(Square):
    def pullback(self, dy, saved, need_dx=True, out=None):
        raise KeyError("saved")


def wrong(name, *invariants):
    return pytest.param(name, set(invariants), id=name.__name__)


@pytest.mark.parametrize(
    ("component", "violated"),
    [
        wrong(Square),
        wrong(WritesToItsInput, "nothing_is_mutated", "same_through_the_calls"),
        wrong(WritesToTheUpstreamGradient, "nothing_is_mutated"),
        wrong(RemembersInItself, "nothing_is_mutated"),
        wrong(SharesWhatItSaves, "nothing_is_mutated"),
        wrong(CountsInPlace, "nothing_is_mutated"),
        wrong(NotLinear, "linear_in_the_upstream_gradient"),
        wrong(ComputesInDouble, "precision_is_kept"),
        wrong(CoarseInSingle, "precision_is_kept"),
        wrong(InventsAGradient, "one_gradient_for_each_parameter"),
        wrong(OtherCalls, "same_through_the_calls"),
        wrong(OtherWeights, "same_through_the_calls"),
        wrong(OtherBias, "same_through_the_calls"),
        wrong(FlatBias, "one_gradient_for_each_parameter"),
        wrong(ForgetsTheBias, "one_gradient_for_each_parameter"),
        wrong(IgnoresOut),
        wrong(AddsToOut, "same_with_every_option"),
        wrong(NeedsDx, "same_with_every_option"),
    ],
)
def test_each_invariant_sees_what_violates_it(component, violated):
    made = component(3, 5) if issubclass(component, Linear) else component()
    result = check(made, X.copy())
    found = {violation.invariant for violation in result.violations}
    assert violated <= found
    assert bool(violated) == bool(found)
    assert result.ok == (not violated)


class Centres(Activation):
    """Right, but a row's output depends on the others."""

    def apply(self, x):
        return x - x.mean(axis=0), None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy - dy.mean(axis=0), {}


class OnAtTheKink(ReLU):
    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy * (saved >= 0), {}


class DropsAlways(Dropout):
    def eval(self):
        return self


class IgnoresWeights(MSELoss):
    def apply(self, predictions, targets, sample_weight=None):
        return super().apply(predictions, targets)


class WeighsTheValueAlone(MSELoss):
    def apply(self, predictions, targets, sample_weight=None):
        value, _ = super().apply(predictions, targets, sample_weight)
        return value, super().apply(predictions, targets)[1]


class StepsOtherwise(Model):
    def backward(self, in_gradient, out=None):
        gradients = super().backward(in_gradient, out)
        gradients.flat[0] += 1e-9
        return gradients


class Shifted(CrossEntropy):
    def pullback(self, saved):
        return super().pullback(saved) + 1e-3


@pytest.mark.parametrize(
    ("wrong", "targets", "invariant"),
    [
        (Centres(), None, independent_of_the_batch),
        (OnAtTheKink(), None, zero_at_the_kink),
        (DropsAlways(Linear(3, 5), 0.5), None, nothing_dropped_in_evaluation),
        (StepsOtherwise([Linear(3, 5), Sigmoid()]), None, same_in_a_step),
        (IgnoresWeights(), X + 1, scaled_by_its_weights),
        (WeighsTheValueAlone(), X + 1, scaled_by_its_weights),
        (Shifted(), [0, 1, 2, 0, 1, 2, 0], rows_of_the_gradient_sum_to_zero),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_only_some_rows_ask_sees_what_violates_it(wrong, targets, invariant):
    (violation,) = check(wrong, X, targets, invariants=[invariant]).violations
    assert violation.invariant == invariant.__name__
    assert "Error" not in violation.seen


def test_wrong_factor_is_reported_in_numbers():
    result = check(OffByAThird(), X)
    assert not result.ok
    (comparison,) = result.comparisons
    assert comparison.relative == pytest.approx(0.5, rel=1e-6)
    assert "OffByAThird(): WRONG" in str(result)
    assert "dx against central differences" in str(result)


def test_single_precision_inside_is_too_coarse_for_a_complex_step():
    assert not check(ComputesInSingle(), X, truth=complex_step).ok


def test_violation_is_told_in_words():
    assert "linear in the upstream gradient: no, dx is not" in str(check(NotLinear(), X))


@pytest.mark.parametrize(
    ("component", "told"),
    [
        (FlatBias(3, 5), "dbias has the shape (5,) where it should have (1, 5)"),
        (ForgetsTheBias(3, 5), "there is no dbias"),
        (InventsAGradient(), "there is dweights, but nothing of which it is the gradient"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_wrong_with_the_gradients_of_the_parameters_is_told(component, told):
    assert f"one gradient for each parameter: no, {told}" in str(check(component, X))


def test_a_component_in_single_precision_is_checked_in_double():
    rng = np.random.default_rng(3)
    model = Model([Linear(3, 5, rng=rng, dtype=np.float32), Sigmoid(), Dropout(ReLU(), 0.5)])
    before = model.parameters.copy()
    for subject, targets in ((model, None), (Sigmoid(), None), (MSELoss(), X + 1)):
        truth = central_differences if subject is model else complex_step
        result = check(subject, X.astype(np.float32), targets, truth=truth)
        assert result.ok, result
    assert model.parameters.dtype == np.float32
    np.testing.assert_array_equal(model.parameters, before)


def test_a_single_number_is_an_input_too():
    assert check(Sigmoid(), 0.5, truth=complex_step).ok


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_there_is_no_gradient_to_compare_where_the_input_is_not_finite(value):
    for arguments in ((ReLU(), [[1.0, value]]), (MSELoss(), [value], [1.0])):
        with pytest.raises(ArgumentError, match="NaN or infinity in the"):
            check(*arguments)


@pytest.mark.parametrize(("subject", "more"), [(Linear(3, 5), ()), (MSELoss(), (X + 1,))])
def test_what_does_not_apply_is_not_counted(subject, more):
    asked = {invariant.__name__ for invariant in general(subject)}
    assert check(subject, X, *more).invariants == len(asked)
    assert ("linear_in_the_upstream_gradient" in asked) == (not more)
    assert ("counts_in_a_mean" in asked) == bool(more)


def test_not_a_number_is_no_accusation_of_mutating():
    class Nan(Square):
        def pullback(self, dy, saved, need_dx=True, out=None):
            return np.nan * dy, {}

    found = {violation.invariant for violation in check(Nan(), X).violations}
    assert not found & {"nothing_is_mutated", "same_through_the_calls", "same_with_every_option"}


def test_parameters_and_random_state_are_left_alone():
    model = Model([Linear(3, 5), Sigmoid(), Dropout(Linear(5, 2), 0.5)])
    before, state = model.parameters.copy(), np.random.get_state()[1].copy()
    assert check(model, X, truth=complex_step).ok
    np.testing.assert_array_equal(model.parameters, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert model.parameters.dtype == np.float64


def test_somebody_elses_layer_is_checked_with_its_parameters():
    class Scale:
        def __init__(self):
            self.weights = np.array([2.0, -3.0, 0.5])

        def __call__(self, x):
            self.x = x
            return x * self.weights

        def grad(self, in_gradient):
            return (in_gradient * self.x).sum(axis=0), in_gradient * self.weights

    class Wrong(Scale):
        def grad(self, in_gradient):
            dw, dx = super().grad(in_gradient)
            return dw / len(in_gradient), dx

    assert check(Scale(), X).ok
    off = {c.quantity for c in check(Wrong(), X).comparisons if not c.ok}
    assert off == {"dweights"}


def test_a_loss_wants_targets_and_nothing_else_does():
    assert check(MSELoss(), X, X + 1).ok
    with pytest.raises(ArgumentError, match="no targets"):
        check(CrossEntropy(), X)
    with pytest.raises(ArgumentError, match="a loss alone"):
        check(ReLU(), X, X)
    with pytest.raises(DtypeError):
        check(ReLU(), [["a"]])
    with pytest.raises(ShapeError):
        check(Linear(5, 2), X)


def test_missing_misshapen_and_nan_gradients_are_off():
    true = np.ones((2, 3))
    for ours in (None, np.ones((3, 2)), np.full((2, 3), np.nan)):
        assert not compare("dx", ours, true, complex_step).ok
    assert compare("dx", np.zeros(3), np.zeros(3), complex_step).ok


# ----------------------------------------------------------------------------------- library


def crash(rng):
    raise RuntimeError("no such thing")


def test_an_exception_is_a_violation():
    for case in (
        Case(Raises, "raises", lambda rng: Raises(), lambda rng: X, None),
        Case(Square, "cannot be built", crash, lambda rng: X, None),
    ):
        report = check_library([case], pytorch=False)
        assert not report.ok
        assert all(result.violations for _, _, result in report.results)
        for _, _, result in report.results:  # says what, and where
            assert str(result.faults[0]).startswith(("runs: no, KeyError", "runs: no, RuntimeErr"))
            assert "of test_checking.py)" in str(result.faults[0])


def test_report_tells_the_first_fault_of_each_row_and_nothing_that_is_right():
    rows = [
        Case(
            FlatBias,
            about,
            lambda rng: FlatBias(3, 5, rng=rng),
            lambda rng: X,
            None,
        )
        for about in ("once", "twice")
    ]
    report, console = check_library(rows, pytorch=False), Console(file=io.StringIO(), width=80)
    show(report, console)
    text = console.file.getvalue()
    assert text.count("dbias against complex step") == 2
    assert "dx against" not in text
    assert "6 of 6 checks are off." in text
    assert max(map(len, text.splitlines())) <= 80
    headings = [line for line in text.splitlines() if line.startswith("FlatBias,")]
    assert headings == ["FlatBias, once (seed 0)", "FlatBias, twice (seed 0)"]


def test_report_is_plain_json_even_with_infinite_errors():
    case = Case(
        InventsAGradient,
        "with a shape of its own",
        lambda rng: OffShape(),
        lambda rng: X,
        None,
    )

    class OffShape(Square):
        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy[:1], {}

    report = check_library([case], pytorch=False)
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(text)["ok"] is False
    console = Console(file=io.StringIO(), width=90)
    show(report, console)
    assert "WRONG" in console.file.getvalue()
    assert "checks are off" in console.file.getvalue()


def test_report_has_a_line_for_every_quantity():
    report = check_library([replace(case, seeds=(0,)) for case in CASES])
    lines = {(line.component, line.quantity): line for line in report.lines()}
    for case in CASES:
        name, inputs = case.component.__name__, by_name(case.x(np.random.default_rng(0)))
        assert lines[name, "y"].pytorch.relative < 1e-10
        for gradient in (n for n, part in inputs.items() if part.dtype.kind == "f"):
            assert lines[name, gradient].numerical.ok
        assert lines[name, "invariants"].tried > 4
    for name in ("Linear", "Dropout", "Model"):
        assert lines[name, "dweights"].ok
        assert lines[name, "dbias"].ok


@pytest.mark.parametrize("done", [0, 2])
def test_bar_appears_only_after_a_while(done):
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    items = iter(watched([1, 2, 3], console, patience=np.inf if done else 0))
    assert list(items) == [1, 2, 3]
    assert ("checking" in console.file.getvalue()) == (not done)


# ------------------------------------------------------------------------------ command line


@pytest.fixture
def few(monkeypatch):
    """Let the command check the components of a few rows; what it says of all is in docs/check."""
    rows = [replace(case, seeds=(0,)) for case in CASES[::20]]
    monkeypatch.setattr(library, "check_library", partial(check_library, rows))
    return {case.component.__name__ for case in rows}


def test_command_prints_the_table(few):
    result = CliRunner().invoke(app, ["check"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    for word in (*few, "invariants", "PyTorch", "All", "agree"):
        assert word in result.stdout
    assert "WRONG" not in result.stdout


@pytest.mark.parametrize("error", [ModuleNotFoundError, OSError])
def test_command_says_so_where_there_is_no_pytorch(monkeypatch, few, error):
    class Finder:
        @staticmethod
        def find_spec(name, path, target=None):
            if name == "torch":
                raise error("no such library")

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("sys.meta_path", [Finder, *sys.meta_path])
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0
    assert "PyTorch is not installed" in result.stdout
    assert "handgrad[torch]" in result.stdout


def test_command_prints_json(few):
    result = CliRunner().invoke(app, ["check", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert report["pytorch"] is True
    assert {line["component"] for line in report["lines"]} == few


def test_errors_on_the_command_line_are_words(monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise handgrad.errors.ArgumentError("[this]", "that", "do it")

    monkeypatch.setattr("handgrad.checking.library.check_library", fail)
    monkeypatch.setattr("sys.argv", ["handgrad", "check"])
    with pytest.raises(SystemExit) as caught:
        handgrad.cli.main()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "got [this]" in error
    assert "Traceback" not in error
