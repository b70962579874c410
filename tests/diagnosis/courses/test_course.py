"""Courses: what is read from a file, and what is said of one that cannot be used."""

from itertools import combinations

import pytest

from handgrad.diagnosis.courses.outline import Entry, outline
from handgrad.diagnosis.courses.reading import COURSES, course_from, read_course, seen
from handgrad.errors import ArgumentError

RIGHT = {
    "kind": "linear",
    "forward": "affine_forward(x, weights, bias) -> output, cache",
    "backward": "affine_backward(dy, cache) -> dx, dW, db",
}


def course(**changes):
    entry = {key: value for key, value in {**RIGHT, **changes}.items() if value is not None}
    return course_from({"course": {"name": "mine"}, "component": [entry]}, "mine", "mine.toml")


def test_the_courses_that_come_with_handgrad_can_be_read():
    assert set(COURSES) >= {"exercise", "cs231n", "mytorch", "deeplearning_ai", "eecs498"}
    for name in COURSES:
        assert read_course(name).name == name
        assert read_course(name).components


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"kind": "linaer"}, "did you mean 'linear'?"),
        ({"kind": None}, "no 'kind' for affine_forward"),
        ({"forward": None}, "no 'forward' for a component"),
        ({"forward": 3}, 'forward = "text"'),
        ({"avoid": "stride"}, 'avoid = ["text"]'),
        ({"axes": ["D N"]}, 'axes = { name = "text" }'),
        ({"factor": {"dW": 0.5}}, 'factor = { name = "text" }'),
        ({"forwards": "f(x) -> output"}, "did you mean 'forward'?"),
        ({"forward": "affine_forward(x, weights, bias)"}, "output among its results"),
        ({"forward": "affine_forward(x, w, bias) -> output, cache"}, "the argument 'w'"),
        ({"forward": "affine_forward(x, weights, bias) -> output, cash"}, "did you mean 'cash'?"),
        ({"backward": "affine_backward(dy, cache) -> dx, dw, db"}, "did you mean 'dW'?"),
        ({"axes": {"x": "D M"}}, "the axes 'D M' of x in affine_forward"),
        ({"axes": {"X": "D N"}}, "did you mean 'x'?"),
        ({"factor": {"dW": "1 / M"}}, "the size 'M'"),
        ({"factor": {"dw": "1 / N"}}, "did you mean 'dW'?"),
        ({"options": {"order": "ifog"}}, "the option 'order'"),
        ({"arguments": {"param": {"m": "@mode"}}}, "the argument 'mode'"),
        ({"attributes": {"weight": "W"}}, "did you mean 'weights'?"),
        ({"backward": None}, "the quantity 'cache'"),
        ({"backward": None, "also": ["f"], "forward": "f(x) -> output"}, "a backward call"),
        ({"also": [""]}, "names of functions, without brackets"),
        ({"forward": "affine_forward(**x) -> output, cache"}, "a call and what comes back"),
        ({"forward": "affine_forward(x) -> output, output"}, "output twice among what comes back"),
        ({"backward": "affine_backward(dy, cache)"}, "no gradient comes back"),
        ({"class": "Affine(D, K)", "forward": None}, "no 'forward' for Affine(D, K)"),
        ({"attributes": {"weights": "grads..W"}}, "the attribute 'grads..W' of weights"),
        ({"factor": {"dW": "1 /"}}, "names, numbers, strings, arithmetic"),
        ({"factor": {"dW": "1 / 0"}}, "division by zero"),
        ({"factor": {"dW": "0 * N"}}, "a number that is not 0"),
        ({"factor": {"dW": "'N'"}}, "a number that is not 0"),
        ({"only": "N < 0"}, "a condition that some inputs keep"),
        ({"avoid": ["strides"]}, "the special input 'strides'"),
        ({"options": {"p": 1}}, "no option, since there is none here"),
        ({"conventions": ["writes to its imput"]}, "did you mean 'writes to its input'?"),
        ({"conventions": ["gates in the order i f o g"]}, "the convention 'gates in the order"),
        ({"factor": {"dW": "9**9**9"}}, "names, numbers, strings, arithmetic"),
        ({"arguments": {"z": {"W": "@zeros(9999, 9999)"}}}, "too large"),
        ({"joined": {"Wb": "weights, bias"}}, "have not the same number of axes"),
        ({"joined": {"Wb": "weights.f"}}, "the gate 'f'"),
        ({"joined": {"Wb": "weigths"}}, "did you mean 'weights'?"),
        ({"joined": {"x": "weights"}}, "neither an input nor a parameter"),
        ({"joined": {"Wb": "weights + bias"}}, "parameters with a comma between them"),
    ],
)
def test_what_is_wrong_in_a_course_is_said(changes, part):
    with pytest.raises(ArgumentError) as raised:
        course(**changes)
    assert part in str(raised.value)
    assert "mine.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ({"course": [{"name": "ours"}], "component": [{}]}, "[[component]], in double brackets"),
        ({"component": ["linear"]}, "[[component]], in double brackets"),
        ({"course": {"name": 3}, "component": [{}]}, 'name = "text"'),
        ({"course": {"conventions": "a word"}, "component": [{}]}, 'conventions = ["text"]'),
        ({"course": {"conventions": ["a word"]}, "component": [RIGHT]}, "the convention 'a word'"),
    ],
)
def test_a_table_of_another_form_is_said(table, part):
    with pytest.raises(ArgumentError) as caught:
        course_from(table, "ours", "ours.toml")
    assert part in str(caught.value)


def test_a_course_asks_for_nothing_twice():
    for name in COURSES:
        assert all(one != other for one, other in combinations(read_course(name).components, 2))


def test_a_file_that_is_no_course_is_said(tmp_path):
    with pytest.raises(ArgumentError, match=r"did you mean 'cs231n'\?"):
        read_course("cs231")
    with pytest.raises(ArgumentError, match="check the path"):
        read_course("nowhere.toml")
    file = tmp_path / "broken.toml"
    for content in (b"kind =", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(ArgumentError, match="which is no TOML"):
            read_course(str(file))
    with pytest.raises(ArgumentError, match="did you mean 'title'"):
        course_from({"course": {"titel": "x"}, "component": [RIGHT]}, "mine", "mine.toml")
    with pytest.raises(ArgumentError, match=r"in double brackets"):
        course_from({"component": {"kind": "linear"}}, "mine", "mine.toml")


def test_a_second_backward_pass_is_a_component_of_its_own():
    first, second = course(also=["affine_backward_alt"]).components
    assert (first.name, first.title) == ("affine_forward", "affine")
    assert (second.name, second.title) == ("affine_backward_alt", "affine_alt")
    assert second.forward == first.forward


def test_a_course_is_seen_from_the_names_and_the_number_of_arguments():
    pair = {"linear_forward": Entry(least=3, most=3), "linear_backward": Entry(least=2, most=2)}
    assert seen(pair).name == "deeplearning_ai"
    assert seen({"linear_forward": Entry(least=3, most=3)}) is None
    assert seen({**pair, "linear_backward": Entry(least=3, most=4)}) is None
    assert seen(pair, "relu_forward") is None


def test_of_a_class_the_methods_and_attributes_count(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text(
        "class Base:\n"
        "    def forward(self, x):\n"
        "        return x @ self.W.T + self.b.T\n"
        "class Linear(Base):\n"
        "    def backward(self, dy):\n"
        "        self.dLdW, self.dLdb = dy, dy\n"
        "def f(a, b=1, *more): pass\n"
    )
    found = outline(file)
    assert found["Linear"].mentions >= {"forward", "backward", "W", "b", "dLdW", "dLdb"}
    assert (found["f"].least, found["f"].most) == (1, float("inf"))
    assert seen(found).name == "mytorch"
    file.write_text("class Linear:\n    def __call__(self, x): pass\n")
    assert seen(outline(file)).name == "exercise"
