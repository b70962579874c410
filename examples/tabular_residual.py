"""A deep residual network on tables, beside a plain one of the same depth and a linear model.

    pip install -e ".[examples]"
    python examples/tabular_residual.py             # both tables, 3 seeds: about a minute
    python examples/tabular_residual.py --blocks 2  # shallow: then a plain one does nearly as well

The tables are scikit-learn's: `diabetes`, 442 patients with ten measurements each, of which the
progress of the disease a year later is to be predicted; and `friedman`, a formula of five columns
with noise, beside five more columns that say nothing.
"""

import argparse
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.linear_model import Ridge

from handgrad import AdamW, BatchNorm, Dropout, Linear, Model, MSELoss, ReLU, Residual, Trainer
from handgrad.datasets import Standardizer
from handgrad.optimizers.schedules import Cosine
from handgrad.training import R2

WIDTH, BATCH_SIZE = 64, 32
TABLES = {
    "diabetes": lambda: load_diabetes(return_X_y=True, scaled=False),
    "friedman": lambda: make_friedman1(n_samples=1500, noise=1.0, random_state=0),
}


def build_residual(features, rng, *, blocks=6, p=0.1, dtype="float32"):
    """Return a network whose blocks of two layers each add something to what comes in."""
    he = {"init": "he", "bias_init": "zeros", "rng": rng, "dtype": dtype}
    parts = [Linear(features, WIDTH, **he)]
    for _ in range(blocks):
        block = [BatchNorm(WIDTH, dtype=dtype), ReLU(), Linear(WIDTH, WIDTH, **he)]
        block += [BatchNorm(WIDTH, dtype=dtype), Dropout(ReLU(), p, rng=rng)]
        parts.append(Residual(Model([*block, Linear(WIDTH, WIDTH, **he)])))
    return Model([*parts, BatchNorm(WIDTH, dtype=dtype), ReLU(), Linear(WIDTH, 1, **he)])


def build_plain(features, rng, *, blocks=6, p=0.1, dtype="float32"):
    """Return a network of as many layers, one after the other."""
    he = {"init": "he", "bias_init": "zeros", "rng": rng, "dtype": dtype}
    parts = []
    for i, (D, K) in enumerate(pairwise([features, *[WIDTH] * (2 * blocks + 1)])):
        parts += [Linear(D, K, **he), Dropout(ReLU(), p, rng=rng) if i % 2 else ReLU()]
    return Model([*parts, Linear(WIDTH, 1, **he)])


def split(x, y, seed):
    """Return four fifths to train on and a fifth that is held out, each column standardized."""
    order = np.random.default_rng(seed).permutation(len(x))
    held_out, rows = np.split(order, [len(x) // 5])
    x, y = (
        Standardizer().fit(table[rows]).transform(table).astype("float32")
        for table in (x, y[:, None])
    )
    return (x[rows], y[rows]), (x[held_out], y[held_out])


def train(build, data, held_out, seed, options):
    """Return R2 on the held-out rows after each epoch."""
    rng = np.random.default_rng([seed, 1])
    model = build(data[0].shape[1], rng, blocks=options.blocks, p=options.dropout)
    optimizer, schedule = AdamW(lr=0.002, weight_decay=0.05), Cosine(options.epochs)
    trainer = Trainer(model, MSELoss(), optimizer, metrics=[R2()], schedule=schedule, rng=rng)
    history = trainer.fit(
        *data, epochs=options.epochs, batch_size=BATCH_SIZE, validation_data=held_out
    )
    return history["validation_r2"]


def draw(curves, path):
    """Draw R2 over the epochs: for each table a panel, for each network and seed a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    panels = figure.subplots(1, len(TABLES))
    for axes, table in zip(panels, TABLES, strict=True):
        for (name, kind), lines in curves.items():
            if name == table:
                style = {"plain": "C0", "residual": "C1"}.get(kind, "C7--")
                axes.plot(np.transpose(lines), style, label=[kind, *[None] * (len(lines) - 1)])
        axes.set(title=table, xlabel="epoch", ylabel="R2, held out", ylim=(0, 1))
        axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


def main(argv=None):
    """Train both networks on both tables, print R2 and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--blocks", type=int, default=6, help="of two layers each")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--plot", default="tabular_residual.png")
    options = parser.parse_args(argv)

    curves = {}
    for table, load in TABLES.items():
        for seed in range(options.seeds):
            data, held_out = split(*load(), seed)
            linear = Ridge().fit(*data).score(*held_out)
            curves.setdefault((table, "ridge"), []).append([linear] * options.epochs)
            for kind, build in (("plain", build_plain), ("residual", build_residual)):
                print(f"\n{table}, seed {seed}: {kind} network of {2 * options.blocks + 2} layers")
                line = train(build, data, held_out, seed, options)
                curves.setdefault((table, kind), []).append(line)

    print(f"\nR2 on the held-out rows, mean of {options.seeds} seeds (least to largest)")
    last = {key: [line[-1] for line in lines] for key, lines in curves.items()}
    for (table, kind), r2 in last.items():
        print(f"{table:9} {kind:9} {np.mean(r2):.3f}  ({min(r2):.3f} to {max(r2):.3f})")
    if find_spec("matplotlib"):
        draw(curves, options.plot)
    return last


if __name__ == "__main__":
    main()
