"""docs/train.md: the commands answer what it shows, up to numbers that depend on the machine."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_maker():
    path = ROOT / "scripts" / "make_train_docs.py"
    spec = importlib.util.spec_from_file_location("make_train_docs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blurred(text):
    """The text without numbers that a training comes to, and without what their width changes."""
    return re.sub(
        r"[ ━]+", " ", re.sub(r"\b\d+\.\d+(e-\d+)?%?|\bepoch \d+|of \d+$", "#", text, flags=re.M)
    )


def test_the_commands_answer_what_the_page_shows():
    maker = load_maker()
    text = maker.PAGE.read_text(encoding="utf-8")
    made = maker.filled(text)
    before, *shown = re.split(r"confusion matrix", blurred(text))
    now, *rest = re.split(r"confusion matrix", blurred(made))
    assert now == before, "run scripts/make_train_docs.py"
    assert len(shown) == len(rest) == 1
    assert re.sub(r"\d+|·", "#", rest[0]) == re.sub(r"\d+|·", "#", shown[0])
    accuracy, balanced, auc = (
        float(re.search(rf"│ {name} .*?│ +([\d.]+) │", made)[1])
        for name in ("accuracy", "balanced accuracy", "AUC")
    )
    assert accuracy > 0.9
    assert balanced > 0.7
    assert auc > 0.9
