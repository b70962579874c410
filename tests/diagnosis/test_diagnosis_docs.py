"""What the documentation and the README show is what the files hold and what the tool answers."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def blurred(text):
    """The text with the sizes of rounding errors left out, which differ between machines."""
    return re.sub(r"\b\d(\.\d)?e[-+]\d\d\b", "~0", text)


def load_maker():
    path = ROOT / "scripts" / "make_diagnosis_docs.py"
    spec = importlib.util.spec_from_file_location("make_diagnosis_docs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()


@pytest.mark.parametrize("page", MAKER.PAGES, ids=lambda page: page.stem)
def test_a_page_is_what_the_script_makes_of_it(page):
    text = page.read_text(encoding="utf-8")
    assert blurred(MAKER.filled(text)) == blurred(text), "run scripts/make_diagnosis_docs.py"
    if page.name == "diagnosis.md":
        assert text.count("$ handgrad check docs/examples/") >= 3
        assert text.count("is wrong: ") >= 3
