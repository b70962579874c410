"""What a diagnosis looks like: on the terminal, as a page, and on its way through JSON."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Status, Verdict
from handgrad.diagnosis.process.sandbox import rebuild
from handgrad.diagnosis.report.html import document, fragment
from handgrad.diagnosis.report.terminal import print_diagnosis, print_folder
from handgrad.diagnosis.result import Diagnosis

TRUTH = 41.4141  # a number that stands in no other place
LOST = Cause("lost", "A factor is lost.", ("hint one", "hint two", "hint three", "hint four"))


def wrong(student=None, truth=None, kind=Verdict.WRONG):
    student = np.array([[1.5, -2.5], [np.nan, 0.25]]) if student is None else student
    truth = np.array([[1.5, TRUTH], [3.0, 0.25]]) if truth is None else truth
    example = Example("N = 2, D = 2", student, truth, student != truth)
    finding = Finding("dx", "gradient of the input", kind, ((LOST,),), ("half of it",), example)
    right = Finding("output", "output", Verdict.RIGHT, (), ("it agrees",))
    return Diagnosis("Mine", "relu", Status.WRONG, (right, finding), ("it loops",))


FAILED = Diagnosis(
    "Mine",
    "relu",
    Status.FAILED,
    failure=Failure("calling it", "ValueError: [red]no", (("/a/mine.py", 3, "x = y[0]"),), "Look."),
)
RIGHT = Diagnosis("Yours", "relu", Status.RIGHT)


def page(diagnoses, level=2):
    many = diagnoses if isinstance(diagnoses, list) else [diagnoses]
    return document([diagnosis.page(level) for diagnosis in many])


def printed(diagnosis, level=2, show=print_diagnosis, **options):
    console = Console(width=80, file=io.StringIO(), **options)
    show(diagnosis, level, console)
    return console.file.getvalue()


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_hints_and_values_appear_up_to_their_level(level):
    shown = {"page": page(wrong(), level), "terminal": printed(wrong(), level)}
    shown["json"] = json.dumps(wrong().to_dict(level))
    for text in shown.values():
        for number, hint in enumerate(LOST.hints, 1):
            assert (hint in text) == (number <= level)
        assert ("41.41" in text) == (level == 4)
        for word in ("half of it", "A factor is lost.", "lost"):  # the name and its explanation
            assert (word in text) == (level > 1)
        assert "gradient of the input" in text


def test_the_terminal_marks_what_differs():
    text = printed(wrong())
    assert "[-2.5]" in text
    assert "[nan]" in text
    assert "[1.5]" not in text
    assert "it agrees" not in text  # the evidence for what is right fills no page


def test_a_large_matrix_is_cut():
    big = np.arange(400.0).reshape(20, 20)
    text = printed(wrong(big, big + 1))
    assert text.count("...") == 9
    assert "[399]" not in text
    assert page(wrong(big, big + 1)).count("<td>...</td>") == 17


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_any_shape_is_shown(shape):
    student = np.full(shape, 0.125)
    text = printed(wrong(student, student + TRUTH), 4)
    assert text.count("[0.125]") == student.size
    assert page(wrong(student, student + TRUTH), 4).count(">0.125</td>") == student.size


def test_an_example_of_another_shape_is_marked_whole():
    example = Example("N = 2", np.ones((2, 3)), None, np.ones((1, 1), bool))
    finding = Finding("dW", "gradient of the weights", Verdict.WRONG, (), ("shapes",), example)
    diagnosis = Diagnosis("Mine", "linear", Status.WRONG, (finding,))
    assert printed(diagnosis, 4).count("[1]") == 6
    assert page(diagnosis, 4).count("differs") == 6 + STYLE_USES


STYLE_USES = 1  # the word stands in the style sheet once


def test_an_example_without_difference_is_not_shown():
    same = np.ones((2, 2))
    assert "yours" not in printed(wrong(same, same))
    assert "<figure" not in page(wrong(same, same))


def test_a_failure_shows_the_lines_and_the_hint():
    for text in (printed(FAILED), page(FAILED)):
        assert "ValueError: [red]no" in text
        assert "mine.py:3  x = y[0]" in text
        assert "/a/" not in text
        assert "Look." in text


def test_two_causes_have_each_their_hints():
    other = Cause("other", "Another one.", ("a1", "a2", "a3", "a4"))
    finding = Finding("dx", "gradient of the input", Verdict.WRONG, ((LOST, other),), ("so",))
    diagnosis = Diagnosis("Mine", "relu", Status.WRONG, (finding,))
    text = printed(diagnosis)
    assert "lost and other" in text
    assert re.search(r"lost\n\s+symptom\s+hint one.*other\n\s+symptom\s+a1", text, re.DOTALL)
    assert re.search(r"symptom\s+hint one\s+symptom\s+a1", printed(diagnosis, 1))


ESCAPES = "\x1b[2Jgone\a\x9b31m\u202etxet\ud800"


def test_control_characters_never_reach_the_terminal():
    failure = Failure(ESCAPES, ESCAPES, ((f"/{ESCAPES}.py", 1, ESCAPES),), ESCAPES)
    bad = Diagnosis(ESCAPES, "relu", Status.FAILED, (), (ESCAPES,), failure)
    cause = Cause(ESCAPES, ESCAPES, (ESCAPES,) * 4)
    example = Example(ESCAPES, np.ones(2), np.zeros(2), np.ones(2, bool))
    finding = Finding(ESCAPES, ESCAPES, Verdict.WRONG, ((cause,),), (ESCAPES,), example)
    worse = Diagnosis(ESCAPES, "relu", Status.WRONG, (finding,))
    texts = [printed(d, 4) for d in (bad, worse)] + [str(bad), repr(worse), page([bad, worse], 4)]
    for text in [*texts, printed([bad, worse], show=print_folder)]:
        assert not set(ESCAPES) - set("[2Jgone31mtxet") & set(text)
        assert "\\x1b" in text
        text.encode("utf-8")


def test_a_folder_is_a_table_and_a_page_for_what_is_not_right():
    text = printed([RIGHT, FAILED, wrong()], show=print_folder)
    table, pages = text.split("─" * 10, 1)
    assert [line.split()[0] for line in table.splitlines() if line.strip()] == [
        "Yours",
        "Mine",
        "Mine",
    ]
    assert "Yours" not in pages


def test_a_note_that_several_have_is_printed_once():
    noted = [replace(each, notes=("a.py stops",)) for each in (RIGHT, RIGHT, FAILED)]
    text = printed(noted, show=print_folder)
    assert [text.count(each) for each in ("a.py stops", "Yours and")] == [1, 0]
    assert text.count("─ Yours ─") == 0
    text = printed([*noted[:2], FAILED], show=print_folder)
    assert text.count("Yours and Yours: a.py stops") == text.count("a.py stops") == 1


class Balanced(HTMLParser):
    """Fails where a tag is not closed, and collects the attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone():
    text = page([wrong(), FAILED, RIGHT], 4)
    assert not {name for name, _ in Balanced(text).attributes} & {"src", "href", "onload"}
    assert "<script" not in text
    assert "http" not in text
    assert text.count("<figure>") == 3


def test_the_page_escapes_what_the_student_wrote():
    hostile = "<script>alert('x')</script>"
    failure = Failure(hostile, hostile, ((hostile, 1, hostile),), hostile)
    bad = Diagnosis(hostile, hostile, Status.FAILED, (), (hostile,), failure)
    cause = Cause(hostile, hostile, (hostile,) * 4)
    finding = Finding(hostile, hostile, Verdict.WRONG, ((cause,),), (hostile,))
    worse = Diagnosis(hostile, hostile, Status.WRONG, (finding,))
    for text in (page([bad, worse], 4), fragment(bad.page()), fragment(worse.page())):
        assert "<script" not in text
        Balanced(text)


def test_the_page_is_legible_in_a_dark_notebook():
    """JupyterLab paints every other row dark and writes tables in white, by these selectors."""
    style = re.search("<style>(.*)</style>", fragment(wrong().page()), re.DOTALL).group(1)
    rules = dict(re.findall(r"([^{}]+)\{([^{}]*)\}", style))
    assert "background: transparent !important" in rules["\n.handgrad tr "]
    assert "color: inherit !important" in rules["\n.handgrad :not([class]) "]
    assert "color-scheme: light" in rules["\n.handgrad "]


def test_a_notebook_shows_the_fragment_without_the_truth():
    html = wrong()._repr_html_()
    assert html == fragment(wrong().page())
    assert "41.41" not in html
    Balanced(html)


@pytest.mark.parametrize("diagnosis", [wrong(), FAILED, RIGHT], ids=["wrong", "failed", "right"])
def test_a_diagnosis_survives_the_way_through_json(diagnosis):
    back = rebuild(json.loads(json.dumps(diagnosis.to_dict())))
    assert json.dumps(back.to_dict()) == json.dumps(diagnosis.to_dict())
    assert str(back) == str(diagnosis)
