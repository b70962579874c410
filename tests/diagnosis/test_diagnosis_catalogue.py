"""Every mistake of the catalogue is recognised, always, and as nothing else."""

import pkgutil
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from itertools import combinations

import numpy as np
import pytest

import mechanical
from confusion import PAGE, SEEDS, section
from handgrad.diagnosis import Status, Verdict, families, kinds
from handgrad.diagnosis.behaviours import BEHAVIOURS
from handgrad.diagnosis.diagnose import diagnose_student
from handgrad.diagnosis.function_mistakes import MISTAKES as OF_FUNCTIONS
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.dropout.mistakes import KEEPS_P
from handgrad.diagnosis.mistake import Mistake

ENTRIES = [entry for kind in KINDS for entry in mechanical.entries(kind)]
BY_KIND = [
    (kind, mistake)
    for kind, cls in KINDS.items()
    for mistake in cls.mistakes
    if mistake.cause.name in {entry.name for entry in ENTRIES if entry.kind == kind}
]
CAUSES = {
    thing.cause.name + thing.cause.explanation: thing.cause
    for thing in (
        *(m for kind in KINDS for m in mechanical.catalogue(kind) if not m.convention),
        *OF_FUNCTIONS,
        *BEHAVIOURS.values(),
    )
}


def first(things, key):
    """Return the first of the things that have a key, for each key.

    A mistake that many kinds share, by a family, needs to be examined in full in one of them.
    """
    return list({key(thing): thing for thing in reversed(things)}.values())[::-1]


def named(kind, name):
    """Return the one mistake of a kind that has this name."""
    (found,) = (mistake for mistake in KINDS[kind].mistakes if mistake.cause.name == name)
    return found


FIRST = first(BY_KIND, key=lambda pair: pair[1].cause.name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_mistake_gets_its_own_name_with_every_seed(kind):
    """With the second seed: with the first, each mistake is examined in full below.

    Of those that an earlier kind has too every third, with the first. The page is of twenty.
    """
    others = {}
    for i, mistake in enumerate(KINDS[kind].mistakes):
        for seed in SEEDS[1:2] if (kind, mistake) in FIRST else SEEDS[: i % 3 == 0]:
            if (found := mechanical.searched(kind, mistake, seed)) != {mistake.cause.name}:
                others[mistake.cause.name, seed] = found
    assert others == {}
    names = [entry.name for entry in mechanical.entries(kind)]
    on_the_page = section(kind, {name: Counter({name: len(SEEDS)}) for name in names})
    assert on_the_page in PAGE.read_text(encoding="utf-8"), "run python tests/support/confusion.py"


@pytest.mark.parametrize(
    "entry", first(ENTRIES, key=lambda e: e.name), ids=lambda entry: f"{entry.kind}-{entry.name}"
)
def test_a_mistake_is_wrong_and_a_convention_is_right(entry):
    diagnosis = diagnose_student(entry.student)
    assert diagnosis.status is (Status.RIGHT if entry.convention else Status.WRONG), str(diagnosis)
    verdict = Verdict.CONVENTION if entry.convention else Verdict.WRONG
    named = {f.summary for f in diagnosis.findings if f.summary and f.verdict is verdict}
    assert named == {entry.name}, str(diagnosis)
    if entry.convention:
        assert diagnosis.hints() == ()
    else:
        assert [hint.level for hint in diagnosis.hints()] == [1, 2, 3, 4]
        assert all(f.evidence for f in diagnosis.wrong)


def test_every_entry_of_the_catalogue_is_made_by_a_student():
    made = {entry.name for entry in ENTRIES}
    assert {m.cause.name for m in families.GENERAL} <= made
    assert {behaviour.cause.name for behaviour in BEHAVIOURS.values()} <= made
    known = {m.cause.name for kind in KINDS for m in mechanical.catalogue(kind)}
    # In other words for code that is given the probability to keep.
    known |= {m.cause.name for m in KINDS["plain_dropout"](["keep"]).catalogue()}
    defined = {m.cause.name for m in _defined()}
    assert defined <= known, "a kind's `mistakes`, `conventions`, `others` and stresses say it"


def _defined():
    """Yield everything that the modules of the kinds' folders define, in tables or alone."""
    for info in pkgutil.walk_packages(kinds.__path__, f"{kinds.__name__}."):
        for value in vars(import_module(info.name)).values():
            group = value.values() if isinstance(value, dict) else value
            for thing in group if isinstance(group, Iterable) else [group]:
                if isinstance(thing, Mistake) and thing not in families.GENERAL:
                    yield thing


@pytest.mark.parametrize("kind", KINDS)
def test_two_mistakes_of_a_kind_have_two_names_and_are_two_functions(kind):
    mistakes = KINDS[kind].mistakes
    assert len({mistake.cause.name for mistake in mistakes}) == len(mistakes)
    outcomes = mechanical.outcomes(kind)
    same = []
    for (a, results), (b, others) in combinations(outcomes.items(), 2):
        if results[0].keys() == others[0].keys() and _equal(results, others):
            same.append((a, b))
    assert same == []


def _equal(results, others):
    """Return whether two mistakes give the same in all trials."""
    return all(
        array.shape == other[name].shape and np.allclose(array, other[name])
        for one, other in zip(results, others, strict=True)
        for name, array in one.items()
    )


@pytest.mark.parametrize("cause", list(CAUSES.values()), ids=lambda cause: cause.name)
def test_only_the_last_hint_shows_code(cause):
    symptom, violated, derivation, mend = cause.hints
    weaker = (symptom + violated + derivation).replace("`average`", "average")  # an argument
    assert "`" not in weaker
    assert all(hint.endswith((".", "?")) for hint in cause.hints)
    assert len({symptom, violated, derivation, mend}) == 4
    assert cause.explanation.endswith(".")


PAIRS = {
    "mse": [
        ("the 2 is missing", "target minus prediction"),
        ("the mean is left out of the gradient", "the 2 is missing"),
    ],
    "cross_entropy": [
        ("the target is not subtracted", "the mean is left out of the gradient"),
        ("the softmax runs over the wrong axis", "halved"),
    ],
    "linear": [
        (
            "the gradient of the weights is transposed",
            "the gradient of the input is averaged over the minibatch",
        ),
        (
            "the bias' gradient is summed over the features",
            "the weights' gradient ignores the upstream gradient",
        ),
        ("the bias is left out of the forward pass", "only the last row counts"),
    ],
    "relu": [
        ("no mask", "halved"),
        ("the absolute value", "masked by the sign of the upstream gradient"),
    ],
    "sigmoid": [
        ("only the first factor", "the sign is flipped"),
        ("the exponent's sign", "the derivative is left out"),
    ],
    "dropout": [("not inverted: no scale while training", "scaled in evaluation mode")],
    "model": [
        ("every component gets the loss' gradient", "ascends"),
        ("walks forwards in the backward pass", "the learning rate is ignored"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "pair"),
    [(kind, pair) for kind, pairs in PAIRS.items() for pair in pairs],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
@pytest.mark.parametrize("seed", range(3))
def test_two_mistakes_at_once_are_both_named(kind, pair, seed):
    diagnosis = mechanical.diagnosed(kind, *(named(kind, name) for name in pair), seed=seed)
    assert diagnosis.status is Status.WRONG
    assert {c.name for c in diagnosis.causes} == set(pair), str(diagnosis)


def touched(pair):
    kind, mistake = pair
    try:
        return kind, mechanical.touched(mechanical.kind_with(kind), (mistake,))
    except ValueError:  # it cannot be made on square matrices
        return pair


# Which share of the entries is kept gives that mistake away whatever else is wrong. Every fourth is
# asked: the search is the same for all of them.
NEARLY = first([pair for pair in BY_KIND if pair[1] is not KEEPS_P], key=touched)[::4]


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

    nearly = Mistake(mistake.cause, off, options=mistake.options)
    diagnosis = mechanical.diagnosed(kind, nearly)
    assert diagnosis.status is Status.WRONG
    assert diagnosis.causes == (), str(diagnosis)
