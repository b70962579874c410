"""The pages of Python: their blocks run from top to bottom, and print what they show."""

import contextlib
import io
import tempfile

import numpy as np
import pytest

from documents import ROOT, blocks


@pytest.mark.parametrize("page", ["python.md", "per_sample.md"])
def test_the_page_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    state, namespace = np.random.get_state(), {}
    for code, shown in blocks((ROOT / "docs" / page).read_text(encoding="utf-8"), "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), namespace)
        assert printed.getvalue() == shown, code
    np.random.set_state(state)
