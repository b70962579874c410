"""What holds for the whole suite."""

import gc
import os

import pytest
from hypothesis import settings

# The tests run in as many processes as there are cores, so each computes with one thread. This
# stands here, since a library of matrix products asks when it is loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Tests and what they import are many objects that stay. To look through them for garbage as often
# as by default takes a fifth of the time in which the tests are collected.
gc.set_threshold(50_000, 20, 20)

# Hundreds of interpreters are started, each of which would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# NumPy's form of the kernels is the truth; HANDGRAD_KERNELS=compiled runs the suite in the other.
os.environ.setdefault("HANDGRAD_KERNELS", "numpy")

# A search for repairs takes its time, and finds more where it has more: tests ask for it by name.
os.environ["HANDGRAD_BUDGET"] = "0"

# Two shared cores are slow at times, and a deadline would only measure them.
settings.register_profile("handgrad", deadline=None, max_examples=60)
settings.load_profile("handgrad")


@pytest.fixture
def impatient(monkeypatch):
    """Let the benchmark not wait for others' threads to sleep: no test looks at its times."""
    from benchmarks import timing

    monkeypatch.setattr(timing, "PAUSE", 0.0)
