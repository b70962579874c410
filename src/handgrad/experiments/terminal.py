"""How good a network is, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handgrad.errors import printable
from handgrad.experiments.evaluation import Evaluation
from handgrad.experiments.report import commonest_confusions
from handgrad.experiments.run import Run
from handgrad.experiments.words import in_rows, metric_in_words

__all__ = ["print_evaluations"]

_MOST_CLASSES = 20  # a larger confusion matrix is for a picture, not for a terminal
_WIDEST = 10_000


def print_evaluations(run: Run, evaluations: Sequence[Evaluation], console: Console) -> None:
    """Print the metrics of each part, and what of the classes is taken for what in the first."""
    table = Table("metric")
    for found in evaluations:
        table.add_column(f"{found.part} ({in_rows(found.rows)})", justify="right")
    for name in evaluations[0].values:
        shown = (
            f"{found.values[name]:.4g}" if name in found.values else "" for found in evaluations
        )
        table.add_row(_shown(metric_in_words(name, run)), *shown)
    console.print(table)
    if evaluations[0].confusion is None:
        return
    if len(run.class_names) > _MOST_CLASSES:
        _print_commonest(evaluations[0], console)
    else:
        _print_classes(evaluations[0], console)
        _print_confusion(evaluations[0], console)


def _print_classes(found: Evaluation, console: Console) -> None:
    console.print(f"classes, {found.part}")
    table = Table("class")
    for name in ("rows", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for name, each in found.classes.items():
        scores = (f"{each[score]:.3g}" for score in ("precision", "recall", "f1"))
        table.add_row(_shown(name), f"{each['rows']:,}", *scores)
    _print_whole(table, console)


def _print_confusion(found: Evaluation, console: Console) -> None:
    assert found.confusion is not None
    console.print(f"confusion matrix, {found.part} (rows: true, columns: predicted)")
    matrix = Table("")
    for name in found.classes:
        matrix.add_column(_shown(name), justify="right")
    for name, row in zip(found.classes, found.confusion.tolist(), strict=True):
        matrix.add_row(_shown(name), *(str(count) if count else "·" for count in row))
    _print_whole(matrix, console)


def _print_commonest(found: Evaluation, console: Console) -> None:
    console.print(f"commonest confusions, {found.part}")
    table = Table("true", "predicted")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for true, said, rows, share in commonest_confusions(found):
        table.add_row(_shown(true), _shown(said), f"{rows:,}", f"{share:.0%}")
    _print_whole(table, console)


def _shown(name: str) -> str:
    return escape(printable(name))


def _print_whole(table: Table, console: Console) -> None:
    """Print a table whole in a narrow terminal too, where columns would silently be missing."""
    wide = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    width = console.width
    console.width = max(width, wide)
    console.print(table)
    console.width = width
