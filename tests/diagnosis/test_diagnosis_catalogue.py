"""Every mistake of the catalogue is recognised, always, and as nothing else."""

import inspect
from itertools import combinations

import numpy as np
import pytest

import mechanical
from confusion import PAGE, matrix, section
from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict
from handgrad.diagnosis import families as general
from handgrad.diagnosis import function_mistakes as function
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.cross_entropy import mistakes as cross_entropy
from handgrad.diagnosis.kinds.dropout import mistakes as dropout
from handgrad.diagnosis.kinds.linear import mistakes as linear
from handgrad.diagnosis.kinds.model import mistakes as model
from handgrad.diagnosis.kinds.mse import mistakes as mse
from handgrad.diagnosis.kinds.relu import mistakes as relu
from handgrad.diagnosis.kinds.sigmoid import mistakes as sigmoid
from handgrad.diagnosis.mistake import Behaviour, Mistake

MODULES = (general, cross_entropy, dropout, function, linear, model, mse, relu, sigmoid)
ENTRIES = list(mechanical.entries())
BY_KIND = [(kind, mistake) for kind, cls in KINDS.items() for mistake in cls.mistakes]


def causes():
    for module in MODULES:
        for _, thing in inspect.getmembers(module):
            if isinstance(thing, Mistake) and not thing.convention:
                yield thing.cause
            if isinstance(thing, Behaviour):
                yield thing.cause


@pytest.mark.parametrize("kind", KINDS)
def test_every_mistake_gets_its_own_name_with_every_seed(kind, tmp_path):
    counts = matrix(kind)
    found = section(kind, counts)
    (tmp_path / f"confusion-{kind}.md").write_text(found, encoding="utf-8")
    wrong = {name: dict(row) for name, row in counts.items() if set(row) != {name}}
    assert wrong == {}
    assert found in PAGE.read_text(encoding="utf-8"), "run python tests/support/confusion.py"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_a_mistake_is_wrong_and_a_convention_is_right(entry):
    diagnosis = diagnose(entry.student, entry.kind)
    assert diagnosis.status is (Status.RIGHT if entry.convention else Status.WRONG), str(diagnosis)
    named = {f.summary for f in diagnosis.findings if f.summary}
    assert named == {entry.name}, str(diagnosis)
    if entry.convention:
        assert any(f.verdict is Verdict.CONVENTION for f in diagnosis.findings)
        assert diagnosis.hints() == ()
    else:
        assert [hint.level for hint in diagnosis.hints()] == [1, 2, 3, 4]
        assert all(f.evidence for f in diagnosis.wrong)


def test_every_entry_of_the_catalogue_is_listed():
    listed = {id(m.cause) for _, m in BY_KIND} | {id(m.cause) for m in dropout.MASKS.values()}
    listed |= {id(b.cause) for b in general.BEHAVIOURS.values()}
    listed |= {id(cross_entropy.no_maximum.cause), id(general.overflow.cause)}
    listed |= {id(mistake.cause) for mistake in function.MISTAKES}
    assert {cause.name for cause in causes() if id(cause) not in listed} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_two_mistakes_of_a_kind_have_two_names_and_are_two_functions(kind):
    mistakes = KINDS[kind].mistakes
    assert len({mistake.cause.name for mistake in mistakes}) == len(mistakes)
    same = []
    for a, b in combinations(mistakes, 2):
        try:
            if mechanical.touched(kind, (a,)) == mechanical.touched(kind, (b,)):
                same += [(a.cause.name, b.cause.name)] if mechanical.equal(kind, a, b) else []
        except ValueError:  # one of them cannot be made on this input
            continue
    assert same == []


@pytest.mark.parametrize("cause", list(causes()), ids=lambda cause: cause.name)
def test_only_the_last_hint_shows_code(cause):
    symptom, violated, derivation, mend = cause.hints
    weaker = (symptom + violated + derivation).replace("`average`", "average")  # an argument
    assert "`" not in weaker
    assert all(hint.endswith((".", "?")) for hint in cause.hints)
    assert len({symptom, violated, derivation, mend}) == 4
    assert cause.explanation.endswith(".")


PAIRS = {
    "mse": [(mse.no_two, mse.reversed_difference), (mse.no_mean, mse.no_two)],
    "cross_entropy": [
        (cross_entropy.no_target, cross_entropy.no_mean),
        (cross_entropy.wrong_axis, general.halved),
    ],
    "linear": [
        (linear.transposed, linear.averaged_input),
        (linear.bias_features, linear.weights_ignore),
        (linear.no_bias, linear.last_row),
    ],
    "relu": [(relu.no_mask, general.halved), (relu.absolute, relu.own_sign)],
    "sigmoid": [(sigmoid.first_factor, general.flipped), (sigmoid.falling, sigmoid.left_out)],
    "dropout": [(dropout.not_inverted, dropout.scaled_evaluation)],
    "model": [(model.not_chained, model.ascends), (model.walks_forwards, model.no_rate)],
}


@pytest.mark.parametrize(
    ("kind", "pair"),
    [(kind, pair) for kind, pairs in PAIRS.items() for pair in pairs],
    ids=lambda value: value if isinstance(value, str) else "-".join(m.cause.name for m in value),
)
@pytest.mark.parametrize("seed", range(3))
def test_two_mistakes_at_once_are_both_named(kind, pair, seed):
    diagnosis = diagnose(mechanical.student(kind, *pair), kind, seed=seed)
    assert diagnosis.status is Status.WRONG
    assert {c.name for c in diagnosis.causes} == {m.cause.name for m in pair}, str(diagnosis)


# Which share of the entries is kept gives that mistake away whatever else is wrong.
NEARLY = [pair for pair in BY_KIND if pair[1] is not dropout.keeps_p]


@pytest.mark.parametrize(
    ("kind", "mistake"), NEARLY, ids=lambda v: v if isinstance(v, str) else v.cause.name
)
def test_what_is_nearly_a_mistake_does_not_get_its_name(kind, mistake):
    """One entry of each quantity is off by a thousandth of the largest."""

    def off(given, right):
        results = mistake.wrong(given, right)
        for name, array in results.items():
            results[name] = array = np.array(array, dtype=float)
            array.flat[0] += 1e-3 * (np.abs(array).max() or 1)
        return results

    diagnosis = diagnose(mechanical.student(kind, Mistake(mistake.cause, off)), kind)
    assert diagnosis.status is Status.WRONG
    assert diagnosis.causes == (), str(diagnosis)
