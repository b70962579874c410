"""Diagnoses of code that was written by hand, as students write it, and by nobody's catalogue."""

import importlib.util
from pathlib import Path

import pytest

import handgrad
from handgrad import diagnose
from handgrad.diagnosis.courses.folder import COURSE, diagnose_folder
from handgrad.diagnosis.findings import Status, Verdict
from handgrad.diagnosis.process.sandbox import diagnose_file

CORPUS = Path(__file__).parents[1] / "corpus"


def cases(folder):
    """Every class in a folder of the corpus, with the label that its file gives it."""
    found = []
    for path in sorted((CORPUS / folder).glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"corpus_{folder}_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, label in module.CASES.items():
            found.append(pytest.param(getattr(module, name), label, id=f"{path.stem}-{name}"))
    return found


RIGHT, WRONG, MISTAKES = cases("right"), cases("wrong"), cases("mistakes")
CRASH = sorted(path for path in (CORPUS / "crash").glob("*.py") if path.stem != "chatty")


def test_the_corpus_is_as_large_as_promised():
    assert len(RIGHT) >= 25
    assert len(WRONG) >= 30
    assert len(MISTAKES) >= 40
    assert len(CRASH) >= 15


@pytest.mark.parametrize(("cls", "label"), RIGHT)
def test_a_right_implementation_is_called_right(cls, label):
    kind, how = label
    diagnosis = diagnose(cls, kind)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert diagnosis.exit_code == 0
    conventions = [f for f in diagnosis.findings if f.verdict is Verdict.CONVENTION]
    assert bool(conventions) == (how == "convention"), str(diagnosis)
    # A convention is named, wherever it is one.
    assert all(f.summary for f in conventions), str(diagnosis)


@pytest.mark.parametrize("name", [name for _, name in COURSE])
def test_our_own_are_right(name):
    diagnosis = diagnose(getattr(handgrad, name))
    assert [f.verdict for f in diagnosis.findings] == [Verdict.RIGHT] * len(diagnosis.findings)
    assert diagnosis.findings


@pytest.mark.parametrize(("cls", "kind"), WRONG)
def test_a_wrong_gradient_outside_the_catalogue_gets_no_name(cls, kind):
    diagnosis = diagnose(cls, kind)
    assert diagnosis.status is Status.WRONG, str(diagnosis)
    assert diagnosis.exit_code == 1
    assert diagnosis.causes == (), str(diagnosis)
    assert all(f.evidence for f in diagnosis.wrong), str(diagnosis)


@pytest.mark.parametrize(("cls", "label"), MISTAKES)
def test_a_mistake_gets_its_own_name(cls, label):
    kind, names = label
    diagnosis = diagnose(cls, kind)
    assert diagnosis.status is Status.WRONG, str(diagnosis)
    assert {cause.name for cause in diagnosis.causes} == set(names), str(diagnosis)
    assert {hint.level for hint in diagnosis.hints()} == {1, 2, 3, 4}


@pytest.mark.parametrize("path", CRASH, ids=lambda path: path.stem)
def test_code_that_cannot_run_says_where_and_what_to_look_at(path):
    names = {"shapes": "Linear", "no_weights": "Linear", "axis": "CrossEntropy"}
    names |= {"integers": "MSELoss"}
    names |= dict.fromkeys(["exits", "hard_exit", "not_implemented", "returns_none"], "Sigmoid")
    timeout = 1 if path.stem == "endless" else 60
    diagnosis = diagnose_file(path, names.get(path.stem, "ReLU"), timeout=timeout)
    assert diagnosis.exit_code == 2, str(diagnosis)
    assert diagnosis.failure.hint, str(diagnosis)
    assert all(Path(file) == path for file, _, _ in diagnosis.failure.lines), str(diagnosis)
    calls = {"missing_class", "hard_exit", "no_gradient", "returns_none", "no_weights"}
    if path.stem not in calls | {"constructor"}:
        source = path.read_text().splitlines()
        assert diagnosis.failure.lines, str(diagnosis)
        assert len(set(diagnosis.failure.lines)) == len(diagnosis.failure.lines)
        for _, number, line in diagnosis.failure.lines:
            assert line
            assert line in source[number - 1]


def test_printing_is_no_mistake():
    diagnosis = diagnose_file(CORPUS / "crash" / "chatty.py", "ReLU")
    assert diagnosis.exit_code == 0, str(diagnosis)
    assert any("prints" in note for note in diagnosis.notes)


def test_a_right_folder_is_right():
    diagnoses = diagnose_folder(CORPUS / "courses" / "right")
    assert [d.subject for d in diagnoses] == [name for _, name in COURSE]
    assert all(d.status is Status.RIGHT for d in diagnoses), "\n".join(map(str, diagnoses))


def test_a_mistaken_folder_names_each_mistake_and_what_is_missing():
    diagnoses = {d.subject: d for d in diagnose_folder(CORPUS / "courses" / "mistaken")}
    names = {s: [c.name for c in d.causes] for s, d in diagnoses.items() if d.causes}
    assert names == {
        "ReLU": ["masked by the sign of the upstream gradient"],
        "MSELoss": ["divided by the rows only"],
        "CrossEntropy": ["the mean is left out of the gradient"],
        "Linear": ["the parameters' gradients are averaged over the minibatch"],
    }
    assert diagnoses["Sigmoid"].status is Status.RIGHT
    assert "it is missing in layers, which has Linear" in diagnoses["Dropout"].failure.error
    assert "SyntaxError" in diagnoses["Model"].failure.error


def test_an_empty_folder_lacks_everything():
    diagnoses = diagnose_folder(CORPUS / "courses" / "empty")
    assert [d.status for d in diagnoses] == [Status.FAILED] * len(COURSE)
    assert all("is missing" in d.failure.error for d in diagnoses)
