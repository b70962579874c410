"""Call templates: what they say, and what is said of one that cannot be read."""

import numpy as np
import pytest

from handgrad.diagnosis.courses.template import Expression, read_call
from handgrad.errors import ArgumentError


def test_a_call_says_what_is_called_with_what_and_what_comes_back():
    call = read_call("Linear.forward(x, 1 - p, 'max', mode=mode) -> output, cache", "here")
    assert call.path == ("Linear", "forward")
    assert call.names == {"x", "p", "mode"}
    assert call.bound({"x": 3, "p": 0.25, "mode": "test"}) == ([3, 0.75, "max"], {"mode": "test"})
    assert list(call.results.take((1, 2))) == [("output", 1), ("cache", 2)]


def test_results_may_lie_in_one_another_and_in_dicts_and_be_left():
    call = read_call("f(x) -> {'W': dW, 'x': dx}, (_a, cache)", "here")
    taken = dict(call.results.take(({"x": 1, "W": 2, "more": 3}, (4, 5))))
    assert taken == {"dW": 2, "dx": 1, "cache": 5}
    assert list(read_call("step(lr)", "here").results.take("anything")) == []


def test_an_expression_is_arithmetic_with_zeros_and_ones():
    expression = Expression.read("{'W': zeros(H, 2), 'on': mode == 'train'}", "here")
    assert expression.names == {"H", "mode"}
    value = expression.value({"H": 3, "mode": "train"})
    assert np.array_equal(value["W"], np.zeros((3, 2)))
    assert value["on"] is True


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("affine_forward(x", "'affine_forward(x' in here"),
        ("x + 1 -> output", "a call and what comes back"),
        ("f(x) -> output +", "an arrow, and the results"),
        ("f(x) -> output + 1", "an arrow, and the results"),
        ("f()(x) -> output", "the function's name"),
        ("f(x.T) -> output", "'x.T' in here"),
        ("f(open('file')) -> output", "zeros(...) and ones(...)"),
        ("f([i for i in x]) -> output", "names, numbers, strings"),
        ("f(9**9**9) -> output", "arithmetic"),
        ("f(1 << 10) -> output", "arithmetic"),
        ("f('a' * 9) -> output", "arithmetic"),
        ("f(999999999) -> output", "arithmetic"),
    ],
)
def test_what_cannot_be_read_is_said(text, part):
    with pytest.raises(ArgumentError) as raised:
        read_call(text, "here")
    assert part in str(raised.value)


@pytest.mark.parametrize(
    ("results", "value", "part"),
    [
        ("output, cache", 1, "one value in place of 2: output, cache"),
        ("output, cache", (1, 2, 3), "3 values in place of 2"),
        ("{'W': dW}", 1, "int in place of a dict with W"),
        ("{'W': dW}", {"w": 1}, "no 'W' in what came back: w"),
    ],
)
def test_what_comes_back_otherwise_is_said(results, value, part):
    with pytest.raises(ValueError, match=part.replace("(", r"\(")):
        list(read_call(f"f(x) -> {results}", "here").results.take(value))
