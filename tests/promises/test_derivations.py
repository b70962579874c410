"""The coded formulas are right for every number: SymPy proves it.

Our own `apply` and `pullback` run on arrays of symbols. What comes out is the formula that is
coded, and its difference from the derivative that SymPy takes of the loss must simplify to exactly
zero. So nothing here is a tolerance, and nothing is a sample.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import mpmath
import numpy as np
import pytest
import sympy as sp

from handgrad import CrossEntropy, Dropout, Linear, Model, MSELoss, ReLU, Sigmoid
from handgrad.activations import gelu
from handgrad.checking import CASES, evaluation
from handgrad.checking.evaluation import apply, by_name, cast, parts, pullback
from handgrad.loss import Loss
from handgrad.walk import named_gradients, parameters


@pytest.fixture(autouse=True, scope="module")
def symbols_speak_numpy():
    """Let NumPy's functions run on symbols.

    On an array of objects ``np.exp`` calls each entry's own method ``exp``, and a comparison's
    True is the number 1 in a product; SymPy has neither.
    """
    times = sp.Expr.__mul__
    with pytest.MonkeyPatch.context() as patch:
        for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sinh", "cosh", "arctan"):
            function = getattr(sp, name.replace("arc", "a"))
            patch.setattr(sp.Expr, name, lambda self, f=function: f(self), raising=False)
        patch.setattr(sp.Expr, "log1p", lambda self: sp.log(1 + self), raising=False)
        patch.setattr(sp.Expr, "expm1", lambda self: Expm1(self), raising=False)
        patch.setattr(
            sp.Expr,
            "__mul__",
            lambda self, other: times(self, int(other) if isinstance(other, bool) else other),
        )
        patch.setattr(np, "zeros_like", zeros_like)
        # The normal distribution is no formula of elementary functions: there it is the true one,
        # and tests/activations asks how near ours is.
        for name, function in (("cdf", normal_cdf), ("density", normal_density)):
            patch.setattr(gelu, f"normal_{name}", np.vectorize(function, otypes=[object]))
        yield


class Expm1(sp.Function):
    """``exp(x) - 1``, whose sign is that of x, which SymPy does not see of the difference."""

    @classmethod
    def eval(cls, x):
        return sp.Integer(0) if x == 0 else None

    def fdiff(self, argindex=1):
        return sp.exp(self.args[0])

    def _eval_rewrite_as_exp(self, x, **hints):
        return sp.exp(x) - 1

    def _eval_is_extended_real(self):
        return self.args[0].is_extended_real

    def _eval_is_extended_positive(self):
        return self.args[0].is_extended_positive

    def _eval_is_extended_negative(self):
        return self.args[0].is_extended_negative


def zeros_like(array, *arguments, make=np.zeros_like, **keywords):
    """Make zeros, among symbols those of SymPy, which know functions as symbols do."""
    zeros = make(array, *arguments, **keywords)
    return zeros + sp.Integer(0) if zeros.dtype == object else zeros


def normal_cdf(x):
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


def normal_density(x):
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def symbols(name, *shape, **assumptions):
    """Return an array of symbols, real ones unless it is said otherwise."""
    names = [f"{name}{''.join(map(str, index))}" for index in np.ndindex(shape)]
    made = [sp.Symbol(n, **(assumptions or {"real": True})) for n in names]
    return np.array(made, dtype=object).reshape(shape)


def exact(expression):
    """Return the expression with each float replaced by the fraction that it is the nearest to."""
    fractions = {}
    for number in sp.sympify(expression).atoms(sp.Float):
        fraction = Fraction(float(number)).limit_denominator(1000)
        assert float(fraction) == float(number), f"{number} is no small fraction"
        fractions[number] = sp.Rational(fraction.numerator, fraction.denominator)
    return sp.sympify(expression).xreplace(fractions)


def derivative(value, variables):
    """Return SymPy's own derivative of `value` with respect to each entry of an array."""
    return np.array([sp.diff(value, v) for v in variables.flat], dtype=object).reshape(
        variables.shape
    )


def substituted(array, given, values):
    """Return the array with the symbols of one array replaced by the entries of another."""
    table = dict(zip(given.flat, values.flat, strict=True))
    return np.array([sp.sympify(a).xreplace(table) for a in array.flat]).reshape(array.shape)


def is_zero(expression):
    """Return whether an expression is zero for all numbers.

    Where it is not, some numbers soon tell; where it is, expanding it is often enough to know.
    """
    variables = sorted(expression.free_symbols, key=str)
    with mpmath.workdps(50):
        numbers = [(3 + 2 * i) / mpmath.mpf(7 + i) for i in range(len(variables))]
        signed = [-a if v.is_negative else a for v, a in zip(variables, numbers, strict=True)]
        if abs(sp.lambdify(variables, expression, "mpmath", cse=True)(*signed)) > 1e-30:
            return False
    return sp.expand(expression) == 0 or sp.simplify(expression) == 0


def assert_equal(ours, truth):
    """Assert that the two are the same function: their difference is exactly zero."""
    ours, truth = np.asarray(ours, dtype=object), np.asarray(truth, dtype=object)
    assert ours.shape == truth.shape
    for mine, right in zip(ours.flat, truth.flat, strict=True):
        assert is_zero(exact(mine - right).rewrite(Expm1, sp.exp))


def symbolic_linear(D, K, name="", signs=None):
    """Return a Linear whose parameters are symbols; `signs` says which sign each column has."""
    columns = [{sign: True} for sign in signs] if signs else [{"real": True}] * K
    layer = Linear(D, K)
    for letter, parameter, rows in (("w", "weights", D), ("b", "bias", 1)):
        layer.parameters[parameter] = np.hstack(
            [symbols(f"{letter}{name}{k}_", rows, 1, **columns[k]) for k in range(K)]
        )
    return layer


# Every component, as its row builds it: the derivative of what apply returns is what pullback
# returns.


def rows_to_prove():
    """Return of each component the rows that say what the proof is about, or else its first."""
    for component in dict.fromkeys(case.component for case in CASES):
        mine = [case for case in CASES if case.component is component]
        yield from [case for case in mine if case.proof] or mine[:1]


def symbolic(name, array):
    """Return symbols in the place of at most two rows of floats; integers stay what they are."""
    array = array[tuple(slice(2) for _ in array.shape[:-1])]
    return symbols(name, *array.shape) if array.dtype.kind == "f" else array


def stated(case):
    """Return what is to be proved: a component, its input, and what a loss compares with."""
    if case.proof:
        component, x, *more = case.proof(symbols)
    else:
        component, (x, *more) = case.draw(np.random.default_rng(0))
        made = tuple(symbolic(f"x{i}_", part) for i, part in enumerate(parts(x)))
        x = made if isinstance(x, tuple) else made[0]
        more = [symbolic("t", array) for array in more]
    component = cast(component, object)
    for name, holder, key in parameters(component):
        holder[key][...] = symbols(f"{name}_", *holder[key].shape)
    return component, x, tuple(more)


def prove(case):
    component, x, against = stated(case)
    y, saved = apply(component, x, against)
    y = np.asarray(y)
    against = against if isinstance(component, Loss) else symbols("g", *y.shape)
    value = y[()] if isinstance(component, Loss) else (against * y).sum()
    found = evaluation.pullback(component, against, saved)
    for name, holder, key in parameters(component):
        assert_equal(found[f"d{name}"], derivative(value, holder[key]))
    for name, part in by_name(x).items():
        if part.dtype == object:  # of symbols, or of what they determine, as a sum of positive ones
            free = np.array(sorted(set().union(*(e.free_symbols for e in part.flat)), key=str))
            jacobian = sp.Matrix([[sp.diff(e, v) for v in free] for e in part.flat])
            assert jacobian.rank() == part.size == free.size
            assert_equal(np.array(jacobian).T @ found[name].ravel(), derivative(value, free))


@pytest.mark.parametrize("case", list(rows_to_prove()), ids=str)
def test_the_coded_gradient_is_the_derivative_of_the_coded_value(case):
    try:
        prove(case)
    except TypeError as error:
        pytest.fail(
            f"{case}: plain symbols cannot go through its formula ({error}). Say in its row, as "
            "proof=, what can: symbols that have a sign, or an order."
        )


@pytest.mark.parametrize("case", list(rows_to_prove()), ids=str)
def test_a_gradient_that_is_off_by_a_little_is_not_proved(case, monkeypatch):
    def wrong(*arguments):
        found = pullback(*arguments)
        return {name: array * (1 + sp.Rational(1, 10**12)) for name, array in found.items()}

    monkeypatch.setattr(evaluation, "pullback", wrong)
    with pytest.raises(AssertionError):
        prove(case)


def test_a_row_without_symbols_that_its_formula_can_take_fails():
    relu = next(case for case in CASES if case.component is ReLU)
    with pytest.raises(pytest.fail.Exception, match=r"ReLU, two axes: .* as proof="):
        test_the_coded_gradient_is_the_derivative_of_the_coded_value(replace(relu, proof=None))


# The losses: what apply returns is their definition.


def weighed(loss, N, monkeypatch):
    """Return weights for N rows, and let the loss add them up as symbols, not as floats.

    They are positive, and each is larger than the one before: a loss looks whether they are
    numbers >= 0, and rows can always be put into such an order.
    """
    weights = symbols("c", N, positive=True).cumsum()
    entries = lambda predictions: predictions.size if isinstance(loss, MSELoss) else N  # noqa: E731
    monkeypatch.setattr(
        loss,
        "count",
        lambda predictions, targets, weights: weights.sum() * sp.Integer(entries(predictions)) / N,
    )
    return weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(3,), (3, 5), (2, 1, 3)])
def test_mean_squared_error(shape, weighted, monkeypatch):
    loss, predictions, targets = MSELoss(), symbols("p", *shape), symbols("t", *shape)
    N, weights = shape[0], weighed(loss, shape[0], monkeypatch) if weighted else None
    value, saved = loss.apply(predictions, targets, weights)
    rows = ((predictions - targets) ** 2).reshape(N, -1).sum(axis=1)
    total = weights.sum() if weighted else sp.Integer(N)
    definition = (rows * (weights if weighted else 1)).sum() / total / (predictions.size // N)
    assert_equal(value, definition)
    assert_equal(loss.pullback(saved), derivative(definition, predictions))


def cross_entropy(logits, targets):
    """Return the definition: minus the sum of y log p over the classes, for each row."""
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    return -(targets * np.log(p)).sum(axis=1)


def ordered_logits(N, K):
    """Return rows of logits whose order is known, so that their largest is: up, down, up, ..."""
    logits = symbols("gap", N, K, positive=True)
    logits[:, 0] = symbols("o", N)
    logits[1::2, 1:] *= -1
    return logits.cumsum(axis=1)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize(
    ("N", "K", "weighted"), [(1, 3, False), (2, 3, False), (3, 2, False), (3, 2, True)]
)
def test_cross_entropy_for_any_targets(N, K, weighted, average, monkeypatch):
    loss, o, y = CrossEntropy(average=average), symbols("o_", N, K), symbols("y", N, K)
    weights, logits = weighed(loss, N, monkeypatch) if weighted else None, ordered_logits(N, K)
    value, saved = loss.apply(logits, y, weights)
    rows = cross_entropy(o, y) * (weights if weighted else 1)
    divisor = 1 if not average else weights.sum() if weighted else sp.Integer(N)
    definition = rows.sum() / divisor
    truth = substituted(derivative(definition, o), o, logits)
    assert_equal(loss.pullback(saved), truth)
    # The value too. Both are linear in the targets, and logarithms are the same where what they
    # are the logarithms of is.
    difference = exact(value) - definition.xreplace(dict(zip(o.flat, logits.flat, strict=True)))
    coefficients = derivative(difference, y)
    assert_equal(difference, (coefficients * y).sum())
    scale = divisor / (weights[:, None] if weighted else 1)
    assert_equal(np.exp(coefficients * scale), np.full((N, K), sp.Integer(1)))


@pytest.mark.parametrize("average", [True, False])
def test_cross_entropy_is_p_minus_y_where_targets_sum_to_one(average):
    N, K = 2, 3
    loss, o, y = CrossEntropy(average=average), symbols("o_", N, K), symbols("y", N, K)
    y[:, -1] = 1 - y[:, :-1].sum(axis=1)
    e = np.exp(o)
    p = e / e.sum(axis=1, keepdims=True)
    saved = (e, e.sum(axis=1, keepdims=True), y, y.sum(axis=1, keepdims=True), sp.Integer(N))
    assert_equal(loss.pullback(saved), (p - y) / (sp.Integer(N) if average else 1))


# Components: the derivative of sum(dy * y), for a symbolic upstream gradient dy.


def test_sigmoid():
    sigmoid, x, dy = Sigmoid(), symbols("x", 2, 3), symbols("g", 2, 3)
    y, saved = sigmoid.apply(x)
    assert_equal(y, 1 / (1 + np.exp(-x)))
    assert_equal(sigmoid.pullback(dy, saved)[0], derivative((dy * y).sum(), x))


@pytest.mark.parametrize(
    ("x", "slope"),
    [
        (sp.Symbol("x", positive=True), 1),
        (sp.Symbol("x", negative=True), 0),
        (sp.Integer(0), 0),  # the kink: of the subgradients from 0 to 1 it is 0
    ],
)
def test_relu_on_both_sides_of_the_kink_and_on_it(x, slope):
    relu, dy = ReLU(), symbols("g", 1, 1)
    y, saved = relu.apply(np.array([[x]], dtype=object))
    assert_equal(y, [[sp.Max(x, 0)]])
    dx, _ = relu.pullback(dy, saved)
    assert_equal(dx, dy * slope)
    if x.is_Symbol:
        assert_equal(dx, derivative((dy * y).sum(), np.array([[x]])))


@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_linear(shape):
    D, K = 3, 2
    layer, x, dy = symbolic_linear(D, K), symbols("x", *shape, D), symbols("g", *shape, K)
    y, saved = layer.apply(x)
    W, b = layer.weights, layer.bias
    for index in np.ndindex(y.shape):
        *n, k = index
        assert_equal(y[index], sum(x[(*n, d)] * W[d, k] for d in range(D)) + b[0, k])
    dx, gradients = layer.pullback(dy, saved)
    value = (dy * y).sum()
    assert_equal(dx, derivative(value, x))
    assert_equal(gradients["weights"], derivative(value, W))
    assert_equal(gradients["bias"], derivative(value, b))


def symbolic_dropout(N, D, K, monkeypatch):
    """Return a Dropout with a symbolic probability, and its symbolic draw of what is kept."""
    dropout = Dropout(symbolic_linear(D, K), p=0.5)
    dropout.p = sp.Symbol("p", positive=True)
    kept = symbols("r", N, K)
    monkeypatch.setattr(dropout, "_keep", lambda shape: kept.reshape(shape).copy())
    return dropout, kept


def test_dropout(monkeypatch):
    N, D, K = 2, 3, 2
    dropout, kept = symbolic_dropout(N, D, K, monkeypatch)
    x, dy = symbols("x", N, D), symbols("g", N, K)
    y, saved = dropout.apply(x)
    assert_equal(y, kept * dropout.layer.apply(x)[0] / (1 - dropout.p))
    dx, gradients = dropout.pullback(dy, saved)
    value = (dy * y).sum()
    assert_equal(dx, derivative(value, x))
    for name, array in dropout.parameters.items():
        assert_equal(gradients[name], derivative(value, array))


def test_the_expectation_of_dropout_is_the_wrapped_layer(monkeypatch):
    N, D, K = 1, 2, 3
    dropout, kept = symbolic_dropout(N, D, K, monkeypatch)
    x, dy, p = symbols("x", N, D), symbols("g", N, K), dropout.p
    y, saved = dropout.apply(x)
    dx, _ = dropout.pullback(dy, saved)
    mean_y, mean_dx = 0 * y, 0 * dx
    for outcome in product([0, 1], repeat=N * K):  # every mask, times its probability
        r = np.array(outcome, dtype=object).reshape(N, K)
        probability = sp.prod([1 - p if drawn else p for drawn in outcome])
        mean_y = mean_y + probability * substituted(y, kept, r)
        mean_dx = mean_dx + probability * substituted(dx, kept, r)
    f, saved = dropout.layer.apply(x)
    assert_equal(mean_y, f)
    assert_equal(mean_dx, dropout.layer.pullback(dy, saved)[0])


# The chain rule, from the loss to the first layer's parameters and to the input.


def assert_model_gradients(model, loss, x, targets):
    y, saved = model.apply(x)
    value, saved_loss = loss.apply(y, targets)
    dx, gradients = model.pullback(loss.pullback(saved_loss), saved)
    assert all(variable.is_Symbol for variable in (*model.parameters, *x.flat))
    assert_equal(dx, derivative(value, x))
    for place in parameters(model):
        assert_equal(named_gradients(model, gradients)[place.name], derivative(value, place.array))


def test_two_layers_with_sigmoid_and_mean_squared_error():
    model = Model([symbolic_linear(2, 2, "h"), Sigmoid(), symbolic_linear(2, 1, "o")])
    assert_model_gradients(model, MSELoss(), symbols("x", 2, 2), symbols("t", 2, 1))


def test_two_layers_with_relu_and_cross_entropy():
    # The exercise's model in small. One hidden unit is on and one is off, and the first logit is
    # the larger one, for every number with these signs.
    signs = ("positive", "negative")
    hidden, output = symbolic_linear(1, 2, "h", signs), symbolic_linear(2, 2, "o", signs)
    model = Model([hidden, ReLU(), output])
    x, targets = symbols("x", 2, 1, positive=True), symbols("y", 2, 2)
    assert_model_gradients(model, CrossEntropy(), x, targets)


# The proofs can fail.


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda dW: dW / 4,
        lambda dW: -dW,
        lambda dW: dW[::-1],
        lambda dW: dW + sp.Rational(1, 10**12),
    ],
    ids=["factor", "sign", "order", "tiny"],
)
def test_a_corrupted_gradient_is_not_proved(corrupt):
    layer, x, dy = symbolic_linear(3, 2), symbols("x", 4, 3), symbols("g", 4, 2)
    y, saved = layer.apply(x)
    gradients = layer.pullback(dy, saved)[1]
    truth = derivative((dy * y).sum(), layer.weights)
    assert_equal(gradients["weights"], truth)
    with pytest.raises(AssertionError):
        assert_equal(corrupt(gradients["weights"]), truth)
