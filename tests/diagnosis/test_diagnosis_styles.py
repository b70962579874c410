"""Right implementations in many styles are called right, and mistakes in them are seen."""

import importlib.util

import pytest

import handgrad
import trial
from handgrad.diagnosis import Status

EVERYTHING = [
    pytest.param(file, found, id=f"{file}-{found[0].name}-{found[0].kind}")
    for file, course in trial.files()
    for found in trial.components(file, course)
]


def classes():
    """Return the classes beyond the exercise's seven."""
    path = trial.STYLES / "exercise_classes.py"
    spec = importlib.util.spec_from_file_location("exercise_classes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [value for value in vars(module).values() if isinstance(value, type)]


def test_there_are_many():
    assert len(EVERYTHING) >= 70
    assert len(list(trial.by_hand())) >= 120
    assert len(list(trial.by_hand("mistakes_fresh"))) >= 120


@pytest.mark.parametrize(("file", "found"), EVERYTHING)
def test_what_is_right_is_called_right(file, found):
    names = trial.loaded(trial.STYLES / f"{file}.py", f"style_{file}")
    told = [trial.diagnose_student(trial.Called(each, names)) for each in found]
    assert any(d.status is Status.RIGHT for d in told), "\n".join(map(str, told))


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_a_class_beyond_the_exercise_is_called_right(cls):
    diagnosis = handgrad.diagnose(cls)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


def test_a_mutant_differs_in_one_place_and_leaves_the_other_lines_where_they_are():
    source = (trial.STYLES / "cs231n_compact.py").read_text(encoding="utf-8")
    for mutant in trial.mutants(source, "batchnorm_backward", 5, 0):
        pairs = zip(source.splitlines(), mutant.source.splitlines(), strict=True)
        changed = [i for i, (a, b) in enumerate(pairs, 1) if a != b]
        assert set(changed) <= set(mutant.lines), mutant.what
        assert changed
        compile(mutant.source, "mutant", "exec")


def test_a_mistake_is_noticed_and_its_line_is_told():
    case = next(c for c in trial.by_hand() if c.what.startswith("'db = dpre.sum(axis=0)'"))
    told = trial.apart(lambda: trial.judged(case, 20))
    assert told["noticed"]
    assert told["line_right"], told
    assert told["repaired"], told
    assert not told["false"]
