"""Generators: found once, at any depth, and put back to where they were."""

import numpy as np
import pytest

from handgrad import Dropout, Linear, Model, ReLU
from handgrad.errors import ArgumentError
from handgrad.randomness import Sources, check_rng, repeatable, tried


def test_repeatable_restores_every_source_of_random_numbers():
    legacy, rng, other = np.random.RandomState(1), np.random.default_rng(2), Dropout(ReLU(), 0.5)
    other.rng = np.random.default_rng(3)
    owner = [legacy, {"a": (rng,)}, Model([other])]

    def draw():
        return [legacy.random(), rng.random(), other.rng.random(), np.random.random()]

    again = repeatable(draw, owner)
    assert again() == again() == draw() != draw()


def test_repeatable_restores_after_an_exception():
    rng = np.random.default_rng(0)

    def draw_and_fail():
        rng.random()
        raise ZeroDivisionError

    before = rng.bit_generator.state
    with pytest.raises(ZeroDivisionError):
        repeatable(draw_and_fail, rng)()
    assert rng.bit_generator.state == before


def test_each_source_is_found_once_however_many_ways_lead_to_it():
    rng, legacy = np.random.default_rng(0), np.random.RandomState(1)
    twin = np.random.Generator(rng.bit_generator)
    owner = {"a": [rng, rng], "b": (twin, legacy), "c": legacy}
    owner["itself"] = owner
    assert len(Sources(owner).held) == 3  # and NumPy's global state


def test_sources_are_found_in_layers_within_layers():
    rngs = [np.random.default_rng(i) for i in range(3)]
    inner = Model([Dropout(Linear(2, 2, rng=rngs[0]), 0.5, rng=rngs[1])])
    model = Model([inner, Dropout(ReLU(), 0.5, rng=rngs[2])])
    held = Sources([model]).held
    assert all(rng.bit_generator in held for rng in rngs)


def test_sources_that_nothing_moves_are_forgotten_and_the_others_go_back():
    moved, still = np.random.default_rng(0), np.random.default_rng(1)
    sources = Sources([moved, still])
    before = sources.now()
    first = moved.random()
    before = sources.keep_changed(before)
    assert sources.held == [moved.bit_generator]
    sources.go_back(before)
    assert moved.random() == first


def test_what_drew_nothing_when_it_was_tried_is_called_as_it_is():
    rng = np.random.default_rng(0)
    again = repeatable(rng.random, rng)
    before = rng.bit_generator.state
    with tried(lambda: "result", rng) as result:
        assert result == "result"
        assert again() != again()
    assert rng.bit_generator.state == before  # at the end, all the same
    with tried(rng.random, rng) as drawn:
        assert drawn == again() == again()
    assert again() == again()


@pytest.mark.parametrize("rng", [0, np.random.RandomState(0), np.random])
def test_what_is_no_generator_is_refused(rng):
    with pytest.raises(ArgumentError, match="default_rng"):
        check_rng(rng, "Linear")


def test_what_answers_to_any_name_is_searched_no_further():
    """A compiled function holds such things, and a mock is one."""

    class Anything:
        __slots__ = ()

        def __getattribute__(self, name):
            return object()

    held = np.random.default_rng(0)
    assert Sources([Anything(), held]).held[0] is held.bit_generator
