"""What the documentation and the README show is what the files hold and what the tool answers."""

import importlib.util
import re
from pathlib import Path

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


def test_the_pages_are_what_the_script_makes_of_them():
    maker = load_maker()
    for page in maker.PAGES:
        text = page.read_text(encoding="utf-8")
        made = maker.filled(text)
        assert blurred(made) == blurred(text), "run scripts/make_diagnosis_docs.py"
        if page.name == "diagnosis.md":
            assert text.count("$ handgrad check docs/examples/") >= 3
            assert text.count("is wrong: ") >= 3
