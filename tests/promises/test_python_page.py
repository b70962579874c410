"""The page for Python: its blocks run from top to bottom, and print what it shows."""

import contextlib
import io
import tempfile

import numpy as np

from documents import ROOT, blocks

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    state, namespace = np.random.get_state(), {}
    for code, shown in blocks(PAGE, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/python.md", "exec"), namespace)
        assert printed.getvalue() == shown, code
    np.random.set_state(state)
