"""What a run leaves to look at: pictures, and a page that needs no network."""

import base64
import html.parser
import importlib.util
import re
import resource
import subprocess
import sys

import numpy as np
import pytest

import browser
import handgrad.experiments.report as report
from handgrad.experiments import evaluate, train
from handgrad.experiments.evaluation import Evaluation
from handgrad.experiments.report import commonest_confusions

SMALL = {"hidden": [8], "epochs": 6, "lr": 0.02, "progress": False}


class Reader(html.parser.HTMLParser):
    """What a browser would make of a page: tables, headings, pictures, and all that it fetches."""

    def __init__(self):
        super().__init__()
        self.open, self.tables, self.headings, self.pictures = [], [], [], []
        self.fetched, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag == "h2":
            self.headings.append("")
        elif tag == "img":
            assert attrs["alt"]
            kind, _, content = attrs["src"].partition(",")
            assert kind == "data:image/png;base64"
            self.pictures.append(base64.b64decode(content, validate=True))
        self.fetched += [attrs[name] for name in ("href", "action") if name in attrs]
        assert tag not in {"script", "link", "iframe"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in {"td", "th"}:
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] == "h2":
            self.headings[-1] += data


def read(run):
    page = (run.folder / "report.html").read_text()
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    assert not reader.fetched
    assert "url(" not in page
    assert "http" not in page
    return reader


def table(path, names=("<b>red</b>", "blue & green", "$x$")):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 2))
    kind = np.digitize(x[:, 0] + 0.8 * rng.normal(size=240), [-0.5, 0.5])
    lines = [
        f"{a:.3f},{'u' if b > 0 else 'v'},{names[k]}" for (a, b), k in zip(x, kind, strict=True)
    ]
    path.write_text("\n".join(["length,side,kind", *lines]) + "\n")
    return str(path)


def test_the_report_says_how_good_it_is_and_of_what(tmp_path):
    data = table(tmp_path / "a.csv")
    run = train(
        data, tmp_path / "run", command="handgrad train 'a b.csv'", class_weight="balanced", **SMALL
    )
    page = read(run)
    assert page.headings == [
        "How good it is: held out, 48 rows",
        "Each class",
        "Commonest confusions",
        "The data",
        "Settings",
        "What was typed",
    ]
    metrics, classes, confusions, columns, settings = page.tables
    held_out, _ = evaluate(run, data)
    assert ["accuracy", f"{held_out.values['accuracy']:.4g}"] in metrics
    assert ["AUC (one against all)", f"{held_out.values['roc_auc']:.4g}"] in metrics
    assert [row[0] for row in classes[1:]] == list(run.class_names)
    true, said, count, _ = confusions[1]
    i, j = run.class_names.index(true), run.class_names.index(said)
    assert int(count) == held_out.confusion[i, j] == (held_out.confusion * (1 - np.eye(3))).max()
    assert columns[1][0:2] == ["length", "number"]
    assert columns[2][0:2] == ["side", "2 texts: u, v"]
    assert ["class weight", "balanced"] in settings
    assert ["epochs", "6 of 6"] in settings
    assert "handgrad train 'a b.csv'" in page.text
    assert "text, a column of 0 and 1 for each of its values: side (2)" in page.text
    assert [p[:4] for p in page.pictures] == [b"\x89PNG"] * 2
    for name, picture in zip(("confusion.png", "history.png"), page.pictures, strict=True):
        assert (run.folder / name).read_bytes() == picture
    looks_well(run.folder / "report.html")


def looks_well(page):
    """Assert that a browser shows a page whole, wide and narrow, light and dark, by itself."""
    backgrounds = []
    for dark in (False, True):
        seen = browser.opened(page, 400, 1200, dark=dark)
        assert seen["logged"] == []
        assert {*seen["asked"]} == {page.resolve().as_uri()}
        narrow, wide = seen["views"]
        assert narrow["width"] <= 400 < 1100 < wide["width"]
        for view in seen["views"]:
            assert view["widest"] <= view["width"]  # nothing stands out on the right
            assert view["pictures"]["confusion"] > 200
            assert view["pictures"]["history"] > 800
            for said in ("Commonest confusions", "<b>red</b>", "$x$", "handgrad train 'a b.csv'"):
                assert said in view["text"]
            assert contrast(view["colour"], view["background"]) > 7
        backgrounds.append(wide["background"])
    light, dark = map(luminance, backgrounds)
    assert light > 0.9
    assert dark < 0.1


def luminance(colour):
    """Return how bright a colour is, from 0 to 1, as the accessibility guidelines have it."""
    parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_browser_notices_what_is_wrong_with_a_page(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<img alt='broken' src='data:image/png;base64,aGFsbG8='>"
        "<img alt='away' src='http://127.0.0.1:9/a.png'><p style='width: 900px'>wide</p>"
        "<script>console.error('a fault')</script>"
    )
    seen = browser.opened(page, 400)
    assert "a fault" in seen["logged"]
    assert "http://127.0.0.1:9/a.png" in seen["asked"]
    (view,) = seen["views"]
    assert view["pictures"] == {"broken": 0, "away": 0}
    assert view["widest"] > view["width"]
    assert view["text"] == "wide"


def test_numbers_are_drawn_over_the_true_ones(tmp_path):
    x = np.random.default_rng(0).normal(size=(90, 2))
    np.savetxt(tmp_path / "a.csv", np.c_[x, 3 * x[:, 0]], "%.4f", ",", header="a,b,$c", comments="")
    run = train(str(tmp_path / "a.csv"), tmp_path / "run", **SMALL)
    page = read(run)
    assert page.headings == ["How good it is: held out, 18 rows", "The data", "Settings"]
    assert "root mean squared error (unit of $c)" in [row[0] for row in page.tables[0]]
    assert "in units of the standard deviation of $c" in page.text
    assert (run.folder / "predictions.png").read_bytes() == page.pictures[0]


def test_without_matplotlib_the_report_has_no_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    said = []
    run = train(
        table(tmp_path / "a.csv"), tmp_path / "run", validation=0.0, say=said.append, **SMALL
    )
    page = read(run)
    assert page.headings[0] == "How good it is: all, 240 rows"
    assert not page.pictures
    assert 'pip install "handgrad[plot]"' in said[-1]


@pytest.mark.parametrize("K", [2, 25, 60])
def test_a_confusion_matrix_of_any_size_is_drawn(tmp_path, K):
    from handgrad.experiments.pictures import draw_confusion

    rng = np.random.default_rng(0)
    confusion = rng.integers(0, 9, (K, K))
    names = ["a name that is far too long for it", *(f"class {k}" for k in range(1, K))]
    draw_confusion(confusion, names, "title", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 2000


def test_the_commonest_confusions_stand_first():
    confusion = np.array([[5, 3, 0], [0, 4, 1], [0, 2, 0]])
    found = Evaluation("all", 15, {}, confusion, {name: {} for name in "abc"})
    told = commonest_confusions(found)
    assert [row[:3] for row in told] == [("a", "b", 3), ("c", "b", 2), ("b", "c", 1)]
    assert told[0][3] == 3 / 8
    assert not commonest_confusions(Evaluation("all", 15, {}))


def cpu(code):
    """Return the processor's time of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_small_table_takes_little_more_than_the_libraries(tmp_path, monkeypatch):
    """Beside what they take, since a machine that is busy takes longer for both."""
    monkeypatch.setenv("HANDGRAD_KERNELS", "numpy")  # Numba takes as long as all of them
    assert importlib.util.find_spec("matplotlib")
    libraries = "import handgrad.cli, handgrad.experiments, matplotlib.figure as f; "
    libraries += "f.Figure().add_subplot().figure.savefig('/dev/null', format='png')"
    data = table(tmp_path / "a.csv", "abc")
    code = (
        "import sys, tempfile; from handgrad.cli import main\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        f"    sys.argv = ['handgrad', 'train', {data!r}, '--out', folder]\n"
        "    main()"
    )
    # The second pair is for a machine that was disturbed.
    assert any(cpu(code) < 2 * cpu(libraries) for _ in range(2))


def test_a_name_that_the_font_lacks_is_drawn_without_a_word(tmp_path):
    from handgrad.experiments.pictures import draw_confusion

    confusion, path = np.array([[2, 1], [0, 3]]), tmp_path / "confusion.png"
    draw_confusion(confusion, ("\u65e5\u672c", r"$\frac{"), r"\$x\$", path)  # warnings are errors
    assert path.read_bytes().startswith(b"\x89PNG")
