"""Checkpoints mutated by the thousand, and loaded: `python tests/support/fuzz.py`.

Each has to be refused with one of the library's own errors, or to be loaded and go on training; in
two seconds, in 200 MB, and without any change to a trainer that is alive beside it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import gc
import os
import pwd
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from handgrad import (
    Adam,
    Component,
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    Parameter,
    ReLU,
    checkpoint,
)
from handgrad.errors import CheckpointError, HandgradError
from handgrad.optimizers.schedules import ReduceOnPlateau
from handgrad.training import Accuracy, ConfusionMatrix, EarlyStopping, Trainer
from handgrad.training.state import state_of
from mutations import mutate

SECONDS, MEGABYTES = 2, 200


class Running(Component):
    """A component with a parameter, a buffer, and an argument that is an array."""

    scale = Parameter()

    def __init__(self, size, start):
        self.size, self.start = size, start
        self.parameters = {"scale": np.ones(size)}
        self.buffers = {"mean": np.array(start, float), "count": np.zeros((), np.int64)}

    def apply(self, x):
        centred = x - self.buffers["mean"]
        return centred * self.scale, (centred, x)

    def pullback(self, dy, saved, need_dx=True, out=None):
        rows = (dy * saved[0]).reshape(-1, dy.shape[-1])
        return dy * self.scale, {"scale": rows.sum(axis=0)}

    def update_buffers(self, saved):
        self.buffers["mean"] += 0.1 * saved[0].mean(axis=0)
        self.buffers["count"] += 1


CLASSES = (Running,)
X = np.random.default_rng(1).standard_normal((40, 5))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)


def a_trainer(seed):
    """Return a trainer in the middle of its training; everything that has a state is in it."""
    rng = np.random.default_rng(seed)
    first, shared = Linear(5, 7, rng=rng), Linear(7, 7, rng=rng)
    inner = Model([shared, ReLU()])
    layers = [first, Running(7, np.arange(7.0)), Dropout(shared, 0.25, rng=rng), inner]
    model = Model([*layers, Dropout(ReLU(), 0.1), Linear(7, 3)])
    return Trainer(
        model,
        CrossEntropy(),
        Adam(lr=0.01, weight_decay=1e-3, max_norm=1.0),
        metrics=[Accuracy(), ConfusionMatrix()],
        schedule=ReduceOnPlateau(factor=0.5, patience=2),
        rng=rng,
    )


def go_on(trainer, epochs):
    trainer.fit(
        X[:31],
        Y[:31],
        epochs=epochs,
        batch_size=8,
        validation_data=(X[31:], Y[31:]),
        callbacks=[EarlyStopping(patience=9)],
        progress=False,
    )


def fingerprint(trainer):
    """Return all that a trainer is, so that any change to it is seen."""
    arrays = {}
    encoder = checkpoint.encoder.Encoder(arrays)
    described = [encoder.encode(trainer.model), encoder.encode(state_of(trainer), "training")]
    arrays = {name: array.tobytes() for name, array in arrays.items()}
    state = checkpoint.generator_state()
    return repr([described, arrays, state]), trainer.model.parameters.tobytes()


def peak():
    """Return the most memory this process has had, in MB, since `forget_peak`."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak():
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def fuzz(count, seed, folder, say=lambda text: None):
    """Load so many mutated checkpoints.

    Returns
    -------
    outcomes : Counter
        How many of which kind were refused, or loaded.
    complaints : list of str
        What should not have happened.
    longest, most
        Seconds and megabytes.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    originals = []
    for kind in range(3):
        trainer = a_trainer(kind)
        go_on(trainer, 1 + kind)
        trainer.save(Path(folder, f"{kind}"))
        originals.append(Path(folder, f"{kind}", checkpoint.FILE).read_bytes())
    live = a_trainer(7)
    go_on(live, 2)
    before, path = fingerprint(live), Path(folder, "mutated.safetensors")
    outcomes, complaints, longest, most = collections.Counter(), [], 0.0, 0.0
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        data, kind = mutate(rng, originals[number % len(originals)])
        path.write_bytes(data)
        trainer, outcome = None, "refused"
        usual, began = forget_peak(), time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trainer = Trainer.resume(path, classes=CLASSES)
            outcome = "loaded"
        except CheckpointError as error:
            if len(str(error)) > 3500:
                complaints.append(f"{number} ({kind}): a message of {len(str(error))} characters")
        except Exception:
            complaints.append(f"{number} ({kind}): {traceback.format_exc()}")
        took, took_memory = time.perf_counter() - began, peak() - usual
        if took > SECONDS or took_memory > MEGABYTES:
            complaints.append(f"{number} ({kind}): {took:.2f} s, {took_memory:.0f} MB")
        longest, most = max(longest, took), max(most, took_memory)
        if fingerprint(live) != before:
            complaints.append(f"{number} ({kind}): the live trainer was changed")
            before = fingerprint(live)
        if outcome == "loaded" and kind in ("bytes", "header"):  # whose sum is the original's
            twin = Trainer.resume(Path(folder, f"{number % len(originals)}"), classes=CLASSES)
            if fingerprint(trainer) != fingerprint(twin):
                complaints.append(f"{number} ({kind}): loaded as something else")
        if trainer is not None:
            random = np.random.get_state()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    trainer.predict(X)
                    go_on(trainer, trainer.epochs_done + 1)
                outcome = "loaded, and goes on"
            except HandgradError:
                outcome = "loaded, refused later"
            except Exception:
                complaints.append(f"{number} ({kind}), going on: {traceback.format_exc()}")
            np.random.set_state(random)
        outcomes[kind, outcome] += 1
        if number % 100 == 99:
            say(f"{number + 1} done")
    return outcomes, complaints, longest, most


def become(name):
    """Give up all rights but those of a user, who may look at this process' memory all the same."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE
    tempfile.tempdir = None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--user", help="become this user first; only root can")
    options = parser.parse_args()
    if options.user:
        go_on(a_trainer(0), 1)  # so that nothing is left to import
        become(options.user)
    with tempfile.TemporaryDirectory() as folder:
        say = lambda text: print(text, file=sys.stderr)  # noqa: E731
        outcomes, complaints, longest, most = fuzz(options.count, options.seed, folder, say)
    for (kind, outcome), number in sorted(outcomes.items()):
        print(f"{kind:20} {outcome:22} {number:5}")
    print(
        f"at most {longest:.2f} s and {most:.0f} MB for one of {options.count}, user {os.getuid()}"
    )
    print(*complaints, sep="\n")
    print(f"{len(complaints)} complaints")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
