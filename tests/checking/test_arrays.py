"""What is asked of arrays, and what an object holds."""

import numpy as np
import pytest

from handgrad import Dropout, Linear, Model, ReLU
from handgrad.checking.arrays import Copies, distance, identical, linearity, same
from handgrad.checking.contents import contents, difference
from helpers import random

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("a", "b", "far"),
    [
        ([8.0, 1.0], [8.0, 3.0], 0.25),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([NAN, INF, -INF, 4.0], [NAN, INF, -INF, 3.0], 0.25),
        ([NAN, 4.0], [INF, 4.0], INF),
        ([INF, 4.0], [-INF, 4.0], INF),
        ([NAN, 4.0], [1.0, 4.0], INF),
        ([1.0], [1.0, 1.0], INF),
    ],
)
def test_distance(a, b, far):
    a, b = np.array(a), np.array(b)
    assert distance(a, b) == distance(b, a) == far
    assert same(a, b, 0.25) == (far <= 0.25)
    assert identical(a, b) == (far == 0)


def test_a_floor_lets_small_numbers_have_the_rounding_of_1():
    assert distance(np.array([1e-12]), np.array([0.0])) == 1
    assert distance(np.array([1e-12]), np.array([0.0]), floor=1.0) == 1e-12


def test_copies_know_what_was_written_and_put_it_back():
    arrays = {"x": random(3), "n": np.arange(3), "nan": np.array([NAN])}
    copies = Copies(arrays)
    assert copies.written() == []
    arrays["n"][1] = 7
    arrays["x"] *= 1 + 1e-16 * 4
    assert copies.written() == ["x", "n"]
    copies.put_back()
    assert copies.written() == []
    assert arrays["n"].tolist() == [0, 1, 2]


def test_a_map_that_is_not_linear_is_far_from_it_in_numbers():
    g, h = random(5), random(5, seed=1)
    seen = linearity(lambda dy: {"twice": 2 * dy, "size": abs(dy), "more": dy + 1}, g, h)
    assert max(seen.errors("twice")) < 1e-15
    assert seen.errors("size")[0] == pytest.approx(2)
    assert min(seen.errors("more")) > 0.1


class Holder:
    def __init__(self):
        self.array, self.number, self.word = np.ones(2), NAN, "a"
        self.inside = {"list": [np.zeros(3), ({"deep": np.zeros(1)}, {1, 2})]}
        self.rng, self.itself = np.random.default_rng(0), self


@pytest.mark.parametrize(
    ("change", "places"),
    [
        (lambda h: None, []),
        (lambda h: h.rng.random(), []),
        (lambda h: np.add(h.array, 1, out=h.array), ["array"]),
        (lambda h: setattr(h, "array", h.array.copy()), ["array"]),
        (lambda h: setattr(h, "number", 0.0), ["number"]),
        (lambda h: setattr(h, "number", -NAN), []),
        (lambda h: setattr(h, "more", 1), ["more"]),
        (lambda h: delattr(h, "word"), ["word"]),
        (lambda h: h.inside["list"][1][0]["deep"].fill(2), ["inside['list'][1][0]['deep']"]),
        (lambda h: h.inside["list"].append(None), ["inside['list'][2]"]),
        (lambda h: h.inside["list"][0].view(np.int64).fill(-(2**63)), ["inside['list'][0]"]),
    ],
)
def test_contents_see_every_byte(change, places):
    holder = Holder()
    before = contents(holder)
    change(holder)
    assert difference(before, contents(holder)) == places


def test_passes_leave_the_contents_of_a_model_alone():
    model = Model([Linear(3, 5), Dropout(ReLU(), 0.5, rng=np.random.default_rng(0))])
    before = contents(model)
    y, saved = model.apply(random(7, 3))
    model.pullback(y, saved)
    assert not difference(before, contents(model))
    model(random(7, 3))
    assert difference(before, contents(model))  # the shell remembers
