"""A small convolutional network on the handwritten digits that come with handgrad.

    pip install -e ".[plot]"
    python examples/digits_cnn.py             # one training, a quarter of a minute
    python examples/digits_cnn.py --seeds 5   # five, each with another part held out

The 1,797 images have 8 x 8 pixels. The command line trains the same network, keeps it in a folder,
goes on with it and asks it: `handgrad train digits --model cnn`.
"""

import argparse
from importlib.util import find_spec

import numpy as np

import handgrad as hg
from handgrad.datasets import load_digits, stratified_split
from handgrad.training import Accuracy


def build(rng, *, p=0.5, dtype="float32"):
    """Return the network: images (N, 8, 8, 1) come in, ten logits come out for each."""
    given = {"bias_init": "zeros", "rng": rng, "dtype": dtype}
    return hg.Model(
        [
            hg.Conv2d(1, 16, kernel_size=3, padding="same", **given),
            hg.ReLU(),
            hg.Conv2d(16, 32, kernel_size=3, padding="same", **given),
            hg.ReLU(),
            hg.MaxPool2d(2),
            hg.Flatten(),
            hg.Linear(4 * 4 * 32, 256, init="he", **given),
            hg.Dropout(hg.ReLU(), p, rng=rng),
            hg.Linear(256, 10, init="glorot", **given),
        ]
    )


def split(seed):
    """Return four fifths of the images with their digits, and the fifth that is held out."""
    digits = load_digits()
    x, y = digits.x.reshape(-1, 8, 8, 1), digits.y
    rows, held_out = stratified_split(y, 0.2, np.random.default_rng(seed))
    x = ((x - x[rows].mean()) / x[rows].std()).astype("float32")
    return (x[rows], y[rows]), (x[held_out], y[held_out])


def train(data, held_out, seed, epochs):
    """Return a trainer after its training."""
    rng = np.random.default_rng([seed, 1])
    optimizer, metrics = hg.AdamW(lr=0.001), [Accuracy()]
    trainer = hg.Trainer(build(rng), hg.CrossEntropy(), optimizer, metrics=metrics, rng=rng)
    trainer.fit(*data, epochs=epochs, batch_size=32, validation_data=held_out)
    return trainer


def draw(trainer, held_out, path):
    """Draw the accuracy over the epochs, and the images of which the network is least sure."""
    from matplotlib.figure import Figure

    x, y = held_out
    logits = trainer.predict(x)
    second, first = np.sort(logits)[:, -2:].T
    unsure = np.argsort(first - second)[:8]
    figure = Figure(figsize=(8, 5), layout="constrained")
    curves, images = figure.subfigures(2, height_ratios=[2, 1])
    axes = curves.subplots()
    for name in ("accuracy", "validation_accuracy"):
        axes.plot(trainer.history[name], label=name.replace("_", " "))
    axes.set(xlabel="epoch", ylim=(0.9, 1))
    axes.legend()
    for i, axes in zip(unsure, images.subplots(1, 8), strict=True):
        axes.imshow(x[i, ..., 0], cmap="gray_r")
        axes.set_title(f"{y[i]} seen as {logits[i].argmax()}", fontsize="small")
        axes.axis("off")
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


def main(argv=None):
    """Train, print how many images are right, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--plot", default="digits_cnn.png")
    options = parser.parse_args(argv)

    right = []
    for seed in range(options.seeds):
        data, held_out = split(seed)
        trainer = train(data, held_out, seed, options.epochs)
        right.append(trainer.evaluate(*held_out)["accuracy"])
        print(f"seed {seed}: {right[-1]:.2%} of {len(held_out[0])} held-out images are right\n")
    print(f"mean of {len(right)} seeds: {np.mean(right):.2%}")
    if find_spec("matplotlib"):
        draw(trainer, held_out, options.plot)
    return right


if __name__ == "__main__":
    main()
