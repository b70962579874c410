"""What holds for the tests of the benchmark."""

import pytest

from benchmarks import timing


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Do not wait for the threads of whoever came before: no test looks at the times."""
    monkeypatch.setattr(timing, "PAUSE", 0.0)
