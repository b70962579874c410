"""What is said of code that does not run."""

import warnings

import numpy as np
import pytest

import handgrad
from handgrad import (
    Sigmoid,
    diagnose,
)
from handgrad.diagnosis import Status
from handgrad.diagnosis.student.exceptions import explain
from handgrad.diagnosis.student.subject import Stopped, StudentError, guard, numbers


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("np.ones((2, 3)) @ np.ones((2, 3))", "inner sizes"),
        ("np.ones((2, 3)).dot(np.ones((2, 3)))", "inner sizes"),
        ("np.ones((2, 3)) + np.ones((3, 2))", "different shapes"),
        ("np.ones(3).sum(axis=1)", "vector has axis 0"),
        ("np.ones(3)[5]", "outside the array"),
        ("np.ones(3)[np.ones(2)]", "one-hot"),
        ("np.ones(3)[1.5]", "no whole number"),
        ("np.ones(3)[0, 0]", "more indices than the array has axes"),
        ("np.ones(3).shape[1]", "that of a vector has only one"),
        ("handgrad.Linear(9, 2)(x)", "gradient_weights first"),
        ("handgrad.ReLU().grad(x)", "before its forward pass"),
        ("np.add(np.ones(3, int), 0.5, out=np.ones(3, int))", "integers"),
        ("bool(np.ones(3))", "np.where"),
        ("np.array([[1, 2], [3]])", "rectangular"),
        ("None.shape", "None here"),
        ("None + 1", "None here"),
        ("(lambda a: a)()", "more arguments"),
        ("(lambda a: a)(1, 2)", "other arguments"),
        ("x.thing", "attribute"),
        ("nothing", "not defined"),
        ("{}['a']", "no such key"),
        ("1 / 0", "is 0"),
        ("(_ for _ in ()).throw(NotImplementedError)", "not written yet"),
        ("exit()", "leave out"),
        ("b'\\xe9'.decode()", "save it as UTF-8"),
        ("(_ for _ in ()).throw(OSError('odd'))", "into the last line above"),
    ],
)
def test_a_known_exception_comes_with_a_hint(code, part):
    class Broken:
        def __call__(self, x):
            return eval(code, {"np": np, "x": x, "exit": exit, "handgrad": handgrad})

        def grad(self, dy):
            return dy

    diagnosis = diagnose(Broken, "relu")
    assert diagnosis.status is Status.FAILED
    assert diagnosis.exit_code == 2
    assert part in diagnosis.failure.hint
    assert all(str(np.__path__[0]) not in file for file, _, _ in diagnosis.failure.lines)
    assert diagnosis.failure.doing == "calling Broken on N = 7, D = 3"
    assert "could not run" in str(diagnosis.status)
    assert "return eval(code" in str(diagnosis)


def test_missing_methods_and_answers_are_said():
    class Empty:
        pass

    failure = diagnose(Empty, "relu").failure
    assert failure.doing == "looking for Empty.__call__"

    class Silent:
        def __call__(self, x):
            pass

        def grad(self, dy):
            return dy

    assert "NoneType in place of the output" in diagnose(Silent, "relu").failure.error

    class Texts(Silent):
        def __call__(self, x):
            return np.array(["a"])

    assert "not real numbers" in diagnose(Texts, "relu").failure.error

    class Picky(Silent):
        def __init__(self, name):
            pass

    failure = diagnose(Picky, "relu").failure
    assert failure.doing == "calling Picky()"
    assert "more arguments" in failure.hint


def test_warnings_of_the_student_are_not_ours():
    class Warns(Sigmoid):
        def __call__(self, x):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            np.log(np.zeros(1))
            return super().__call__(x)

    assert diagnose(Warns).status is Status.RIGHT


def test_an_exception_that_cannot_be_printed_is_explained():
    class AngryError(Exception):
        def __str__(self):
            raise RuntimeError

    assert explain(AngryError(), "testing").error == "AngryError"


def test_what_cannot_be_copied_is_used_as_it_is():
    class Stuck(Sigmoid):
        def __deepcopy__(self, memo):
            raise TypeError("no")

    assert diagnose(Stuck()).status is Status.RIGHT


def test_what_is_raised_to_end_the_code_is_no_mistake_of_it():
    with pytest.raises(Stopped), guard("running"):
        raise Stopped
    with pytest.raises(StudentError), guard("running"):
        raise GeneratorExit


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x: (y for y in x), "generator in place of the output"),
        (lambda x: (x, None), "2 values in place of the output"),
        (lambda x: x + 0j, "the output holds complex128"),
        (lambda x: x.astype(object), "the output holds object"),
        (lambda x: np.ma.masked_less(x, 0), "the output has entries that are masked"),
    ],
)
def test_what_is_no_array_of_numbers_is_told(made, said):
    with pytest.raises(StudentError) as error:
        numbers(made(np.array([[1.0, -1.0]])), "the output")
    failure = error.value.failure
    assert said in failure.error
    assert failure.hint.endswith("print what it returns.")  # no line of it has raised


def test_numbers_of_any_width_are_read():
    for width in (np.longdouble, bool):
        array = numbers(np.ones(3, width), "the output")
        assert array.dtype == np.float64
    assert numbers(np.ones(3, np.float32), "the output").dtype == np.float32
    assert numbers([[1, 2]], "the output").shape == (1, 2)
