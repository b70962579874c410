"""What a run leaves to look at: pictures, and one page with all of it that needs no network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from handgrad.arguments import Array
from handgrad.datasets import Dataset
from handgrad.experiments.evaluation import Evaluation, measure
from handgrad.experiments.run import Run
from handgrad.experiments.words import in_rows, loss_in_words, metric_in_words
from handgrad.markup import document, tag

__all__ = ["commonest_confusions", "write_report"]

_COLUMNS = 60  # of the data that are told one by one
_CONFUSIONS = 12
_CLASSES = 60
_MISSED = 5

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff; max-width: 62em;
  margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin: 1.6em 0 .4em; }
table { border-collapse: collapse; display: block; overflow-x: auto;
  overflow-wrap: normal; }
td, th { padding: .15em 1em .15em 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
th { border-bottom: 1px solid #d0d7de; } p.note { color: #59636e; } img { max-width: 100%; }
code { background: #f6f8fa; padding: .1em .3em; }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117; }
  code { background: #21262d; } p.note { color: #9198a1; } img { background: #fff; } }
"""


def write_report(run: Run, data: Dataset, rows: Array, say: Callable[[str], Any]) -> None:
    """Write history.png, confusion.png or predictions.png, and report.html into a run's folder.

    Parameters
    ----------
    run
        The run, trained.
    data
        What it was trained on.
    rows
        Those that it is measured on.
    say
        Called with classes that are never found, and with what could not be written, and why; the
        run itself is safe by then.
    """
    part = "held out" if len(rows) < len(data) else "all"
    scores, y = run.scores(data, rows), data.y[rows]
    found = measure(run, part, scores, y)
    if missed := _missed(run, found):
        say(missed)
    try:
        pictures = _pictures(run, found, scores, y)
        if not pictures:
            say('there are no pictures, since matplotlib is missing: pip install "handgrad[plot]"')
        page = _page(run, data, found, pictures)
        (run.folder / "report.html").write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        say(f"the pictures and the report are not written: {error.strerror or error}")


def commonest_confusions(found: Evaluation) -> list[tuple[str, str, int, float]]:
    """Return true class, predicted class, rows, and their share of the true class' rows.

    The commonest stand first.
    """
    if found.confusion is None:
        return []
    names, wrong = list(found.classes), found.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    places = [divmod(int(place), len(names)) for place in order]
    total = found.confusion.sum(axis=1)
    return [
        (names[true], names[said], int(wrong[true, said]), wrong[true, said] / total[true])
        for true, said in places
        if wrong[true, said]
    ]


def _missed(run: Run, found: Evaluation) -> str:
    """Return a sentence about classes of which no row is found; empty where there are none."""
    missed = [
        f"{name} ({in_rows(int(each['rows']))})"
        for name, each in found.classes.items()
        if each["rows"] and not each["recall"]
    ]
    if not missed or run.settings.class_weight is not None:
        return ""
    more = ", ..." if len(missed) > _MISSED else ""
    shown = ", ".join(missed[:_MISSED])
    return f"no row is found of the class {shown}{more}; try --class-weight balanced"


def _pictures(run: Run, found: Evaluation, scores: Array, y: Array) -> list[Path]:
    """Draw what there is to draw, and return where it is."""
    if not find_spec("matplotlib"):
        return []
    from handgrad.experiments.pictures import draw_confusion, draw_predictions

    history = run.folder / "history.png"
    run.trainer.history.plot(history)
    title = f"{run.target_name}, {found.part} ({in_rows(found.rows)})".replace("$", r"\$")
    if found.confusion is None:
        picture = run.folder / "predictions.png"
        draw_predictions(scores[:, 0], y, run.target_name, title, picture)
    else:
        picture = run.folder / "confusion.png"
        draw_confusion(found.confusion, run.class_names, title, picture)
    return [picture, history]


def _page(run: Run, data: Dataset, found: Evaluation, pictures: Sequence[Path]) -> str:
    """Return the whole report."""
    measured = [(metric_in_words(name, run), value) for name, value in found.values.items()]
    body: list[Element | str] = [
        tag("style", _STYLE),
        tag("h1", f"{data.description.splitlines()[0]}: {run.target_name}"),
        *(tag("p", line) for line in run.summary()[:1]),
        tag("h2", f"How good it is: {found.part}, {in_rows(found.rows)}"),
        _table(["metric", "value"], measured),
    ]
    if found.classes and len(found.classes) <= _CLASSES:
        heads = ["class", "rows", "precision", "recall", "F1"]
        lines = [
            (name, int(each["rows"]), each["precision"], each["recall"], each["f1"])
            for name, each in found.classes.items()
        ]
        body += [tag("h2", "Each class"), _table(heads, lines)]
    if confusions := commonest_confusions(found):
        heads = ["true", "predicted", "rows", "share of the true class"]
        told = [(true, said, n, f"{share:.0%}") for true, said, n, share in confusions]
        body += [tag("h2", "Commonest confusions"), _table(heads, told)]
    body += [_embedded(picture) for picture in pictures]
    body += [tag("p", f"The loss is {loss_in_words(run)}.", class_="note")]
    body += [tag("h2", "The data"), *_data(run, data)]
    body += [tag("h2", "Settings"), _table(["setting", "value"], run.details())]
    command = run.folder / "command.txt"
    if command.is_file():
        typed = command.read_text(encoding="utf-8", errors="replace").splitlines()
        body += [tag("h2", "What was typed"), *(tag("p", tag("code", line)) for line in typed)]
    return document(f"handgrad: {run.folder.name}", *body)


def _embedded(picture: Path) -> Element:
    source = f"data:image/png;base64,{b64encode(picture.read_bytes()).decode()}"
    return tag("p", tag("img", src=source, alt=picture.stem))


def _data(run: Run, data: Dataset) -> list[Element]:
    """Return what the page says of the data."""
    kind = f"{len(run.class_names)} classes" if run.class_names else "a number"
    told = [
        tag(
            "p",
            f"{len(data):,} rows, {len(run.columns):,} columns of features; "
            f"target {run.target_name}: {kind}.",
        ),
        *(tag("p", note, class_="note") for note in data.notes),
    ]
    if data.image or len(run.columns) > _COLUMNS:
        return told
    place, rows = 0, []
    mean, scale = (np.asarray(a) for a in (run.inputs.mean, run.inputs.scale))
    for column in run.columns:
        values = ", ".join(column.values[:10]) + ", ..." * (len(column.values) > 10)
        what = f"{len(column.values)} texts: {values}" if column.values else "number"
        numbers = ("", "") if column.values else (float(mean[place]), float(scale[place]))
        rows.append((column.name, what, *numbers, "some" if column.missing else ""))
        place += len(column.names)
    return [*told, _table(["column", "what", "mean", "standard deviation", "missing"], rows)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Element:
    """Return a table."""
    lines = [tag("tr", *(_cell(cell) for cell in row)) for row in rows]
    return tag("table", tag("tr", *(tag("th", head) for head in heads)), *lines)


def _cell(value: Any) -> Element:
    if isinstance(value, str):
        return tag("td", value)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return tag("td", shown, class_="number")
