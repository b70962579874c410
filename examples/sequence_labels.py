"""Labels for every step of sequences of several lengths, by a GRU that reads both ways.

    pip install -e ".[examples]"
    python examples/sequence_labels.py   # one way, the other, and both: about a minute

The task is made by code: in a row of symbols, a step is labelled 1 if its symbol stands both before
and after it in the row, else 0. Who reads from the left knows the first half of the answer, who
reads from the right the second; only who reads both ways can know it all. Rows have different
lengths: what lies beyond is padding, which the layer leaves out and the loss is masked for.
"""

import argparse
from importlib.util import find_spec

import numpy as np

from handgrad import GRU, Adam, Bidirectional, CrossEntropy, Linear, Model, ReLU, Trainer
from handgrad.training import Accuracy

SYMBOLS, LONGEST, UNITS = 8, 20, 24


def make_rows(count, rng):
    """Return one-hot symbols (N, T, S), lengths (N,), labels (N, T), and the mask (N, T)."""
    symbols = rng.integers(0, SYMBOLS, (count, LONGEST))
    lengths = rng.integers(LONGEST // 4, LONGEST + 1, count)
    mask = np.arange(LONGEST) < lengths[:, None]
    same = (symbols[:, :, None] == symbols[:, None, :]) & mask[:, None, :]  # [n, t, other step]
    steps = np.arange(LONGEST)
    before = (same & (steps[None, :] < steps[:, None])).any(axis=2)
    after = (same & (steps[None, :] > steps[:, None])).any(axis=2)
    x = np.eye(SYMBOLS)[symbols] * mask[..., None]
    return x, lengths, (before & after & mask).astype(int), mask.astype(float)


def build(both_ways, rng, dtype="float32"):
    """Return a network that reads a row, once or both ways, and then labels every step."""
    options = {"rng": rng, "dtype": dtype}
    reader = GRU(SYMBOLS, UNITS, **options)
    if both_ways:
        reader = Bidirectional(reader, GRU(SYMBOLS, UNITS, **options))
    he = {"init": "he", "bias_init": "zeros", **options}
    width = UNITS * (2 if both_ways else 1)
    return Model([reader, Linear(width, UNITS, **he), ReLU(), Linear(UNITS, 2, **he)])


def main(argv=None):
    """Train a network that reads one way and one that reads both, and print what they reach."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--plot", default="sequence_labels.png")
    options = parser.parse_args(argv)

    x, lengths, labels, mask = make_rows(options.rows, np.random.default_rng(0))
    *unseen, unseen_labels, unseen_mask = make_rows(1000, np.random.default_rng(1))
    held_out = (tuple(unseen), unseen_labels, unseen_mask)
    curves = {}
    for name, both_ways in (("one way", False), ("both ways", True)):
        rng = np.random.default_rng(2)
        model = build(both_ways, rng)
        print(f"\nreading {name}: {model.parameters.size:,} parameters")
        trainer = Trainer(
            model, CrossEntropy(), Adam(lr=0.01, max_norm=1.0), metrics=[Accuracy()], rng=rng
        )
        history = trainer.fit(
            (x, lengths),
            labels,
            sample_weight=mask,  # what is padding counts nowhere
            epochs=options.epochs,
            batch_size=64,
            validation_data=held_out,
        )
        curves[name] = history["validation_accuracy"]

    always = np.average(unseen_labels == 0, weights=unseen_mask)
    print(f"\nsteps that are labelled right, of {int(unseen_mask.sum()):,} that were held out")
    print(f"{'always 0':10} {always:.3f}")
    for name, curve in curves.items():
        print(f"{name:10} {curve[-1]:.3f}")
    if find_spec("matplotlib"):
        draw(curves, options.plot)
    return {name: curve[-1] for name, curve in curves.items()}


def draw(curves, path):
    """Draw the accuracy over the epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(range(1, len(curve) + 1), curve, label=name)
    axes.set(xlabel="epoch", ylabel="accuracy, held out", ylim=(0.5, 1))
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
