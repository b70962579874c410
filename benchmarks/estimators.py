"""The estimators beside scikit-learn's, on data that come with it, each with its own defaults.

Ours compute with NumPy alone, as whatever is called "handgrad" here does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from time import perf_counter
from typing import Any

from benchmarks.contestants import OURS
from benchmarks.tables import Table, time_text

__all__ = ["DATA", "EPOCHS", "SPLITS", "THEIRS", "Found", "estimator_table", "measure", "versions"]

THEIRS = "scikit-learn"
SCALED = "scikit-learn, targets standardized too"
EPOCHS = 100
"""Of the times: handgrad's default, for both."""
SPLITS = 5


@dataclass(frozen=True)
class Data:
    """A set of data: how to load it, and whether its targets are numbers."""

    name: str
    load: Callable[[Any], tuple[Any, Any]]
    numbers: bool = False


DATA = (
    Data("iris", lambda sets: sets.load_iris(return_X_y=True)),
    Data("wine", lambda sets: sets.load_wine(return_X_y=True)),
    Data("breast cancer", lambda sets: sets.load_breast_cancer(return_X_y=True)),
    Data("digits", lambda sets: sets.load_digits(return_X_y=True)),
    Data("diabetes", lambda sets: sets.load_diabetes(return_X_y=True), numbers=True),
    Data("Friedman 1", lambda sets: sets.make_friedman1(1000, noise=1, random_state=0), True),
)


@dataclass(frozen=True)
class Found:
    """How good a contestant was on each split, and how long it took over the same epochs."""

    task: str
    contestant: str
    numbers: bool
    scores: list[float]
    seconds: list[float]

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def score(self) -> float:
        return fmean(self.scores)

    @property
    def error(self) -> float:
        """The standard error of the score."""
        return stdev(self.scores) / len(self.scores) ** 0.5


def contestants(numbers: bool) -> dict[str, Callable[[int, int | None], Any]]:
    """Return functions that make an estimator, of a seed and of a number of epochs.

    Where that is None the estimator is as it is by default, and scikit-learn's stops where its loss
    no longer falls.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from handgrad.estimators import NetworkClassifier, NetworkRegressor

    def ours(seed: int, epochs: int | None) -> Any:
        network = NetworkRegressor if numbers else NetworkClassifier
        return network(random_state=seed, **({} if epochs is None else {"epochs": epochs}))

    def theirs(seed: int, epochs: int | None) -> Any:
        network = MLPRegressor if numbers else MLPClassifier
        whole = {} if epochs is None else {"max_iter": epochs, "n_iter_no_change": epochs}
        return make_pipeline(StandardScaler(), network(random_state=seed, **whole))

    def scaled(seed: int, epochs: int | None) -> Any:
        return TransformedTargetRegressor(theirs(seed, epochs), transformer=StandardScaler())

    return {OURS: ours, THEIRS: theirs, **({SCALED: scaled} if numbers else {})}


def measure(
    data: Sequence[Data], splits: int, rounds: int, threads: int, say: Callable[[str], Any]
) -> Iterator[Found]:
    """Score every contestant on random splits, and time it in turns with the others."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from threadpoolctl import threadpool_limits

    from handgrad import kernels

    for task in data:
        x, y = task.load(datasets)
        made = contestants(task.numbers)
        scores: dict[str, list[float]] = {name: [] for name in made}
        seconds: dict[str, list[float]] = {name: [] for name in made}
        with kernels.using("numpy"), threadpool_limits(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, where it has not converged
            for seed in range(splits):
                strata = None if task.numbers else y
                parts = train_test_split(x, y, random_state=seed, stratify=strata)
                for name, make in made.items():
                    fitted = make(seed, None).fit(parts[0], parts[2])
                    scores[name].append(float(fitted.score(parts[1], parts[3])))
            for seed in range(rounds):
                for name, make in made.items():
                    estimator = make(seed, EPOCHS)
                    start = perf_counter()
                    estimator.fit(x, y)
                    seconds[name].append(perf_counter() - start)
        for name in made:
            found = Found(task.name, name, task.numbers, scores[name], seconds[name])
            say(f"{task.name}: {name} {score_text(found)}, {time_text(min(found.seconds))}")
            yield found


def score_text(found: Found) -> str:
    return f"{found.score:.3f} ± {found.error:.3f}"


def estimator_table(found: Sequence[Found]) -> Table:
    """Return the table of scores and times."""
    by_task: dict[str, dict[str, Found]] = {}
    for one in found:
        by_task.setdefault(one.task, {})[one.contestant] = one
    rows = []
    for task, of in by_task.items():
        ours, theirs = of[OURS], of[THEIRS]
        rows.append(
            [
                f"{task}, {'R2' if ours.numbers else 'accuracy'}",
                score_text(ours),
                score_text(theirs),
                score_text(of[SCALED]) if SCALED in of else "",
                time_text(min(ours.seconds)),
                time_text(min(theirs.seconds)),
            ]
        )
    heads = ["", OURS, THEIRS, SCALED, f"time, {OURS}", f"time, {THEIRS}"]
    splits, rounds = len(found[0].scores), len(found[0].seconds)
    note = (
        f"Mean and standard error over {splits} random splits, a quarter held out; each with its "
        "own defaults, scikit-learn's behind a StandardScaler. Times are of "
        f"{EPOCHS} epochs over all rows, the least of {rounds} rounds."
    )
    return Table("Estimators beside scikit-learn's", heads, rows, note)


def versions() -> dict[str, str]:
    """Return the versions that the numbers depend on."""
    from importlib.metadata import version

    return {name: version(name) for name in ("handgrad", "numpy", "scikit-learn")}
