"""Prediction where a network is used: each contestant in processes of its own, from files.

The network is 64-64-10 with a ReLU and a softmax, float32, the same parameters for all. A round is
a fresh process of each contestant in turn, which says how long it took to import and to load, for
one row, and for a thousand. handgrad computes with NumPy alone: Numba would be imported by the
first prediction, which is not timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.tables import Table
from benchmarks.timing import Say
from benchmarks.workers import ROOT, THREADS

__all__ = ["CONTESTANTS", "measure", "production_table", "versions"]

SIZES = (64, 64, 10)
FIGURES = {
    "import": "import and load, ms",
    "one": "one row, microseconds",
    "many": "1,000 rows, microseconds",
}
UNITS = {"import": 1e3, "one": 1e6, "many": 1e6}

TORCH = """
import numpy as np, torch
torch.set_num_threads(THREADS)
nn = torch.nn
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(-1)).eval()
arrays = np.load("alone/network.npz")
for i in (0, 2):
    net[i].weight.data = torch.tensor(arrays[f"{i}.weights"].T.copy())
    net[i].bias.data = torch.tensor(arrays[f"{i}.bias"][0])

def run(x):
    with torch.inference_mode():
        return net(torch.from_numpy(x)).numpy()
"""
ONNXRUNTIME = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession("model.onnx", options)
"""
SKLEARN = """
import pickle
with open("model.pickle", "rb") as file:
    model = pickle.load(file)
"""
CONTESTANTS = {
    "handgrad": ("import handgrad\nmodel = handgrad.load('checkpoint')", "model.predict(x)"),
    "NumPy export": ("sys.path.insert(0, 'alone')\nimport predict", "predict.predict(x)"),
    "onnxruntime": (ONNXRUNTIME, "session.run(None, {'x': x})[0]"),
    "torch": (TORCH, "run(x)"),
    "scikit-learn": (SKLEARN, "model.predict_proba(x)"),
}
"""How each loads the network, and how it predicts."""

PROGRAM = """
import json, sys, time
THREADS, SECONDS = int(sys.argv[1]), float(sys.argv[2])
start = time.perf_counter()
{load}
found = {{"import": time.perf_counter() - start}}
import numpy as np
for name, rows in (("one", 1), ("many", 1000)):
    x = np.load("x.npy")[:rows]
    {run}
    count, start = 0, time.perf_counter()
    while not count or now < start + SECONDS:
        {run}
        now, count = time.perf_counter(), count + 1
    found[name] = (now - start) / count
y = {run}
np.save(sys.argv[3], y)
print(json.dumps(found))
"""


def prepare(folder: Path) -> None:
    """Write the network in each contestant's way, and the rows."""
    import pickle

    from sklearn.neural_network import MLPClassifier

    import handgrad as hg
    from handgrad.interop.numpy import export as export_numpy
    from handgrad.interop.onnx import export as export_onnx

    D, H, K = SIZES
    rng = np.random.default_rng(0)
    options: dict[str, Any] = {
        "init": "he",
        "bias_init": "exercise",
        "rng": rng,
        "dtype": "float32",
    }
    first, second = hg.Linear(D, H, **options), hg.Linear(H, K, **options)
    model = hg.Model([first, hg.ReLU(), second, hg.Softmax()])
    hg.save(model, folder / "checkpoint")
    export_numpy(model, folder / "alone", (None, D))
    export_onnx(model, folder / "model.onnx", (None, D))
    theirs = MLPClassifier((H,))
    theirs.coefs_ = [layer.weights.copy() for layer in (first, second)]
    theirs.intercepts_ = [layer.bias[0].copy() for layer in (first, second)]
    theirs.n_layers_, theirs.n_outputs_, theirs.out_activation_ = 3, K, "softmax"
    theirs.classes_, theirs.n_features_in_ = np.arange(K), D
    (folder / "model.pickle").write_bytes(pickle.dumps(theirs))
    np.save(folder / "x.npy", rng.standard_normal((1000, D)).astype(np.float32))


def measure(rounds: int, seconds: float, threads: int, say: Say) -> list[dict[str, Any]]:
    """Return each contestant's figures in every round; what they compute is compared first."""
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for turn in range(rounds + 1):
            for i, contestant in enumerate(CONTESTANTS):
                figures = _once(contestant, folder, seconds if turn else 0.0, threads, say)
                if figures is None or not turn:  # the first fills the system's cache of files
                    continue
                _check(folder, i)
                kept = found.setdefault(contestant, {figure: [] for figure in FIGURES})
                for figure, value in figures.items():
                    kept[figure].append(value)
    return [{"contestant": contestant, **figures} for contestant, figures in found.items()]


def _once(contestant: str, folder: Path, seconds: float, threads: int, say: Say) -> Any:
    """Return what a fresh process of a contestant measures, None where it does not run."""
    load, run = CONTESTANTS[contestant]
    counts = {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
    counts["HANDGRAD_KERNELS"] = "numpy"
    out = folder / f"y{list(CONTESTANTS).index(contestant)}.npy"
    command = [sys.executable, "-c", PROGRAM.format(load=load, run=run)]
    done = subprocess.run(
        [*command, str(threads), str(seconds), str(out)],
        cwd=folder,
        env=os.environ | counts | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        say(f"left out: {contestant}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        return None
    return json.loads(done.stdout)


def _check(folder: Path, i: int) -> None:
    expected, found = np.load(folder / "y0.npy"), np.load(folder / f"y{i}.npy")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def versions() -> dict[str, str]:
    """Return the versions of the packages."""
    names = ("numpy", "onnxruntime", "torch", "scikit-learn")
    return {name: version(name) for name in names}


def production_table(found: list[dict[str, Any]]) -> Table:
    """Return the medians of the rounds."""
    rows = [
        [row["contestant"], *(f"{UNITS[f] * median(row[f]):,.1f}" for f in FIGURES)]
        for row in found
    ]
    title = "Prediction from files, 64-64-10 with a softmax, float32; medians of fresh processes"
    return Table(title, ["contestant", *FIGURES.values()], rows)
