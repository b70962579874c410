"""Which training images pull a wrong prediction: the digits that taught a network its mistakes.

    pip install -e ".[plot]"
    python examples/influential_images.py   # a few seconds

A step on a training image moves the parameters against that image's gradient, and so lowers the
loss of another image by about the inner product of both gradients, times the learning rate. Added
up over the training that is the image's influence (Pruthi, Liu, Kale and Sundararajan, "Estimating
training data influence by tracing gradient descent", NeurIPS 2020). Where it is below 0 the
training image has made the loss of the other larger: it pulls away from the right answer.
`per_sample_gradients` gives the gradients of many images at once.
"""

import argparse
from importlib.util import find_spec

import numpy as np

import handgrad as hg
from handgrad.datasets import load_digits, stratified_split
from handgrad.training import Accuracy

LR, BATCH_SIZE = 0.1, 32


def build(rng, dtype="float32"):
    """Return the network: 64 pixels come in, ten logits come out."""
    given = {"bias_init": "zeros", "rng": rng, "dtype": dtype}
    return hg.Model(
        [
            hg.Linear(64, 32, init="he", **given),
            hg.ReLU(),
            hg.Linear(32, 10, init="glorot", **given),
        ]
    )


def split(seed):
    """Return half of the images with their digits, and the half that is held out."""
    digits = load_digits()
    rows, held_out = stratified_split(digits.y, 0.5, np.random.default_rng(seed))
    x = (digits.x / 16 - 0.3).astype("float32")
    return (x[rows], digits.y[rows]), (x[held_out], digits.y[held_out])


def train(data, held_out, seed, epochs):
    """Return the trainer after its training, and the parameters after every few epochs."""
    rng = np.random.default_rng([seed, 1])
    every, checkpoints = max(1, epochs // 6), []

    def keep(trainer):
        if trainer.epochs_done % every == 0:
            checkpoints.append(trainer.model.parameters.copy())

    trainer = hg.Trainer(build(rng), hg.CrossEntropy(), hg.SGD(LR), metrics=[Accuracy()], rng=rng)
    options = {"validation_data": held_out, "callbacks": [keep]}
    trainer.fit(*data, epochs=epochs, batch_size=BATCH_SIZE, **options)
    return trainer, checkpoints


def gradients(model, x, y):
    """Return the gradient of each image's own loss, (N, P)."""
    loss = hg.CrossEntropy(average=False)
    loss(model.forward(x), y)
    return model.per_sample_gradients(None, loss.grad())


def influences(model, checkpoints, data, asked, epochs, rows=256):
    """Return by how much each training image lowered the loss of each that is asked about, (N, M).

    An epoch has one step in which a training image counts, as one of the BATCH_SIZE in a mean.

    Parameters
    ----------
    model : Model
        The network; its parameters are those of the last checkpoint afterwards.
    checkpoints : list of array, (P,)
        Its parameters in the course of the training.
    data, asked : pair of arrays
        Training images with their digits, and those that are asked about.
    epochs : int
        How many there were, for which the checkpoints stand.
    rows : int
        Training images of which there are gradients at a time.
    """
    x, y = data
    step, found = LR / BATCH_SIZE * epochs / len(checkpoints), np.zeros((len(x), len(asked[0])))
    for parameters in checkpoints:
        model.parameters = parameters
        theirs = gradients(model, *asked)
        for start in range(0, len(x), rows):
            batch = slice(start, start + rows)
            found[batch] += step * gradients(model, x[batch], y[batch]) @ theirs.T
    return found


def draw(data, asked, seen, found, path, each=4):
    """Draw each image with those that pulled it away from the right answer, and towards it."""
    from matplotlib.figure import Figure

    (x, y), (images, digits) = data, asked
    figure = Figure(figsize=(1.1 * (2 * each + 1), 1.3 * len(images)), layout="constrained")
    panels = figure.subplots(len(images), 2 * each + 1, squeeze=False)
    for m, row in enumerate(panels):
        order = np.argsort(found[:, m])
        show(row[0], images[m], f"{digits[m]}, seen as {seen[m]}", "black")
        for axes, n in zip(row[1:], [*order[:each], *order[: -each - 1 : -1]], strict=True):
            show(axes, x[n], f"{y[n]}: {found[n, m]:+.2f}", "C3" if found[n, m] < 0 else "C0")
    figure.suptitle("Held out and wrong; trained on: what pulled away, what pulled towards it")
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


def show(axes, image, title, color):
    """Draw one image."""
    axes.imshow(image.reshape(8, 8), cmap="gray_r")
    axes.set_title(title, fontsize="small", color=color)
    axes.axis("off")


def main(argv=None):
    """Train, find the wrong predictions, print who taught them, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--images", type=int, default=6, help="how many wrong ones are drawn")
    parser.add_argument("--plot", default="influential_images.png")
    options = parser.parse_args(argv)

    data, (x, y) = split(options.seed)
    trainer, checkpoints = train(data, (x, y), options.seed, options.epochs)
    seen = trainer.predict(x).argmax(axis=1)
    wrong = np.flatnonzero(seen != y)
    asked, seen = (x[wrong], y[wrong]), seen[wrong]
    found = influences(trainer.model, checkpoints, data, asked, options.epochs)

    pulling = data[1][np.argsort(found, axis=0)[:5]]  # the digits of those that pulled most
    share, chance = (pulling == seen).mean(), (data[1][:, None] == seen).mean()
    print(f"{len(wrong)} of {len(x)} held-out images are wrong, {len(checkpoints)} checkpoints")
    print(
        f"of the 5 training images that pull most on each, {share:.0%} show the digit that it is "
        f"seen as; of all training images {chance:.0%} do"
    )
    if find_spec("matplotlib") and len(wrong):
        some = np.argsort(found.min(axis=0))[: options.images]  # those that are pulled most
        draw(data, (x[wrong[some]], y[wrong[some]]), seen[some], found[:, some], options.plot)
    return share, chance


if __name__ == "__main__":
    main()
