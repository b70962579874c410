"""A diagnosis as a page of HTML that stands alone: no script, no network.

The page is a tree of elements and is written out by the standard library, so that everything which
comes from a student's code (names, messages, numbers) is text and never markup. Its colours are its
own, so that it is legible where the notebook around it is dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Example, Failure, Finding, Status
from handgrad.diagnosis.report.page import Page, marked, matrices, told
from handgrad.markup import document as whole_page
from handgrad.markup import tag as _tag

__all__ = ["document", "fragment"]

ROWS, COLUMNS = 16, 16  # of a heat map; the rest is left out

CLASSES = dict.fromkeys(Status, "unknown") | {Status.RIGHT: "right", Status.WRONG: "wrong"}

STYLE = """
.handgrad { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff;
  color-scheme: light; max-width: 60em; padding: .5em 1em; }
.handgrad :not([class]) { color: inherit !important; }
.handgrad tr { background: transparent !important; }
.handgrad h2 { font-size: 1.25em; margin: 1.2em 0 .4em; }
.handgrad h3 { font-size: 1em; margin: 1.2em 0 .3em; }
.handgrad table { border-collapse: collapse; margin: .4em 0; }
.handgrad td, .handgrad th { padding: .15em .7em; text-align: left; vertical-align: top; }
.handgrad .right { color: #116329; } .handgrad .convention { color: #0550ae; }
.handgrad .wrong { color: #b31d28; font-weight: 600; } .handgrad .unknown { color: #7d4e00; }
.handgrad .label { color: #59636e; white-space: nowrap; }
.handgrad .maps { display: flex; flex-wrap: wrap; gap: 1.5em; }
.handgrad figure { margin: .4em 0; } .handgrad figcaption { color: #59636e; font-size: .9em; }
.handgrad .map td { font: 12px/1.4 ui-monospace, monospace; text-align: right; padding: .2em .5em;
  border: 1px solid #fff; color: #1f2328; }
.handgrad .map td.differs { outline: 2px solid #b31d28; outline-offset: -2px; font-weight: 700; }
.handgrad pre { background: #f6f8fa; padding: .5em .8em; overflow-x: auto; }
"""


def document(pages: Sequence[Page]) -> str:
    """Return a whole page for one diagnosis, or for those of a folder."""
    title = pages[0].headline if len(pages) == 1 else "a folder"
    return whole_page(f"handgrad check: {title}", _body(pages))


def fragment(page: Page) -> str:
    """Return one diagnosis as a piece of HTML, for a notebook."""
    return tostring(_body([page]), encoding="unicode", method="html")


def _body(pages: Sequence[Page]) -> Element:
    parts = [part for page in pages for part in _page(page)]
    if len(pages) > 1:
        parts.insert(0, _tag("table", *(_line(page) for page in pages)))
    return _tag("div", _tag("style", STYLE), *parts, class_="handgrad")


def _line(page: Page) -> Element:
    status = _tag("td", str(page.status), class_=CLASSES[page.status])
    return _tag("tr", _tag("td", page.subject), status)


def _page(page: Page) -> Iterable[Element]:
    yield _tag("h2", page.headline, class_=CLASSES[page.status])
    yield from (_tag("p", explanation) for explanation in page.explanations)
    if page.failure:
        yield from _failure(page.failure)
    if page.findings:
        yield _tag("table", *(_row(finding) for finding in page.findings))
    for finding in told(page):
        yield _tag("h3", f"{finding.title}, {finding.quantity}")
        yield _tag("ul", *(_tag("li", sentence) for sentence in finding.evidence))
        if shown := matrices(finding.example, page.level):
            yield _maps(finding.example, shown)
    for name, hints in page.hints.items():
        yield _tag("h3", f"Hints: {name}")
        yield _pairs(hints)
    if page.notes:
        yield _pairs(("note", note) for note in page.notes)


def _row(finding: Finding) -> Element:
    return _tag(
        "tr",
        _tag("td", _tag("code", finding.quantity)),
        _tag("td", finding.title),
        _tag("td", str(finding.verdict), class_=finding.verdict.name.lower()),
        _tag("td", finding.summary),
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> Element:
    rows = (_tag("tr", _tag("td", a, class_="label"), _tag("td", b)) for a, b in pairs)
    return _tag("table", *rows)


def _failure(failure: Failure) -> Iterable[Element]:
    yield _tag("p", f"while {failure.doing}")
    if failure.lines:
        lines = [f"{Path(file).name}:{number}  {text}" for file, number, text in failure.lines]
        yield _tag("pre", "\n".join(lines))
    if failure.hint:
        yield _pairs([("hint", failure.hint)])


def _maps(example: Example | None, shown: dict[str, Array]) -> Element:
    """Return heat maps side by side; the student's and the truth on one scale."""
    assert example is not None
    largest = max(_largest(array) for name, array in shown.items() if name != "difference")
    figures = []
    for name, array in shown.items():
        scale = _largest(array) if name == "difference" else largest
        caption = f"{name}, {example.case}; blue is negative, red positive"
        figures.append(
            _tag("figure", _map(array, example.differs, scale), _tag("figcaption", caption))
        )
    return _tag("div", *figures, class_="maps")


def _largest(array: Array) -> float:
    """Return the largest finite magnitude, 1 where there is none above 0."""
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0)) or 1.0


def _map(array: Array, differs: Array, scale: float) -> Element:
    values, marks = marked(array, differs)
    table = _tag("table", class_="map")
    for row, row_marks in zip(values[:ROWS], marks[:ROWS], strict=True):
        cells = []
        for value, mark in zip(row[:COLUMNS], row_marks[:COLUMNS], strict=True):
            cell = _tag("td", f"{value:.4g}", title=repr(float(value)))
            cell.set("style", f"background:{_colour(value / scale)}")
            if mark:
                cell.set("class", "differs")
            cells.append(cell)
        more = [_tag("td", "...")] if values.shape[1] > COLUMNS else []
        table.append(_tag("tr", *cells, *more))
    if len(values) > ROWS:
        table.append(_tag("tr", _tag("td", "...")))
    return table


def _colour(share: float) -> str:
    """Return a colour between blue (-1), white (0) and red (1); yellow for what is no number."""
    if not np.isfinite(share):
        return "#ffe600"
    fade = round(255 - 150 * min(abs(float(share)), 1))
    return f"rgb(255,{fade},{fade})" if share > 0 else f"rgb({fade},{fade},255)"
