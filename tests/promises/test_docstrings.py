"""The components and losses that docstrings define are examples to follow: they are right."""

import doctest
import importlib
import pkgutil
import re
from inspect import signature

import pytest

import handgrad
from handgrad import Component, Linear, Loss
from handgrad.adapter import ExerciseAdapter, adapt
from handgrad.checking import check
from helpers import random

WRONG = {"handgrad.checking.comparison.check", "handgrad.diagnosis.diagnose.diagnose"}
"""Examples of what is said about a wrong one."""

LEADING = [(), (7,), (2, 7)]


def examples():
    """Return each docstring whose example defines a class, by name."""
    found = {}
    for info in pkgutil.walk_packages(handgrad.__path__, "handgrad."):
        if not info.name.endswith("__main__"):
            for test in doctest.DocTestFinder().find(importlib.import_module(info.name), info.name):
                if any(example.source.startswith("class ") for example in test.examples):
                    found[test.name] = test
    return found


EXAMPLES = examples()


def defined(test):
    """Run an example, and return the classes that it defines and that can be checked."""
    ran = doctest.DocTestRunner(verbose=False).run(test, clear_globs=False, out=lambda text: None)
    assert not ran.failed
    source = "".join(example.source for example in test.examples)
    classes = [test.globs[name] for name in re.findall(r"^class (\w+)", source, re.MULTILINE)]
    return [cls for cls in classes if has_a_form(cls)]


def has_a_form(cls):
    """Return whether a class keeps the contract, or the exercise's calls of a component."""
    if hasattr(cls, "apply") and hasattr(cls, "pullback"):
        return True
    grad = getattr(cls, "grad", None)
    return grad is not None and len(signature(grad).parameters) == 2


def made(cls):
    """Return an object of a class, and how many features it takes."""
    for D in (3, 2):
        for arguments in ((), (D,), (Linear(D, D),)):
            try:
                thing = cls(*arguments)
                if not issubclass(cls, Loss):
                    thing = adapt(thing)
                    thing.apply(random(7, D))
            except (TypeError, AttributeError, ValueError):
                continue
            return thing, D
    return pytest.fail(f"cannot make a {cls.__name__}, to check it")


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - WRONG))
def test_what_a_docstring_defines_passes_the_check(name):
    for cls in defined(EXAMPLES[name]):
        thing, D = made(cls)
        rows_alone = isinstance(thing, ExerciseAdapter)  # which is all that the exercise knows
        for leading in LEADING[1:2] if rows_alone else LEADING:
            targets = (random(*leading, D, seed=1),) if isinstance(thing, Loss) else ()
            result = check(thing, random(*leading, D), *targets)
            assert result.ok, f"at {leading}: {result}"


def test_the_contracts_own_examples_are_among_them():
    subjects = {c.__name__ for name in EXAMPLES for c in defined(EXAMPLES[name])}
    assert {"Scale", "Twice", "Square", "SumOfSquares", "Shift", "Double"} <= subjects


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_an_example_of_a_mistake_has_one(name):
    (cls,) = defined(EXAMPLES[name])
    thing, D = made(cls)
    assert not check(thing, random(7, D)).ok


def test_the_scale_that_knew_two_axes_alone_is_found():
    (scale, *_) = defined(EXAMPLES["handgrad.component.Component"])

    class Scale(scale):
        def pullback(self, dy, saved, need_dx=True, out=None):
            return dy * self.weights, {"weights": (dy * saved).sum(axis=0)}

    assert issubclass(Scale, Component)
    assert [check(Scale(3), random(*axes, 3)).ok for axes in LEADING] == [False, True, False]
