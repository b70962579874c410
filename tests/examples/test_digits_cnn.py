"""The network of the example trains as PyTorch's does, and is the one of the command line."""

import numpy as np
import torch
from numpy.testing import assert_array_equal
from torch import nn

from beside_pytorch import (
    FeaturesFirst,
    FeaturesLast,
    SharedDropout,
    rows_of,
    same_parameters,
    train_beside,
)
from examples import digits_cnn as example
from handgrad import AdamW, CrossEntropy
from handgrad.experiments import Settings
from handgrad.experiments.network import build_model
from helpers import generator


def in_pytorch(drop):
    return nn.Sequential(
        FeaturesFirst(),
        nn.Conv2d(1, 16, 3, padding="same"),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        FeaturesLast(),
        nn.Flatten(),
        nn.Linear(512, 256),
        nn.ReLU(),
        drop,
        nn.Linear(256, 10),
    )


def test_it_trains_as_pytorch_does():
    (x, y), _ = example.split(0)
    rng = generator()
    ours = example.build(rng, dtype="float64")
    theirs = same_parameters(ours, in_pytorch(SharedDropout(0.5, rng)))
    values = train_beside(
        *(ours, CrossEntropy(), AdamW(0.001)),
        *(theirs, nn.CrossEntropyLoss()),
        torch.optim.AdamW(theirs.parameters(), 0.001),
        rows_of(x.astype("float64"), y, 32, generator(1)),
    )
    assert np.mean(values[-10:]) < np.mean(values[:10]) / 2


def test_the_command_line_builds_the_same():
    ours, rng = example.build(generator()), generator()
    settings = Settings(data="digits", model="cnn")
    theirs = build_model((8, 8, 1), 10, settings, rng)
    assert repr(ours) == repr(theirs)
    assert_array_equal(ours.parameters, theirs.parameters)
    x = example.split(0)[0][0][:7]
    assert_array_equal(ours.forward(x), theirs.forward(x))


def test_the_program_prints_and_draws(tmp_path, capsys):
    picture = tmp_path / "digits.png"
    right = example.main(["--seeds", "2", "--epochs", "1", "--plot", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"mean of 2 seeds: {np.mean(right):.2%}" in capsys.readouterr().out
    assert min(right) > 0.8
