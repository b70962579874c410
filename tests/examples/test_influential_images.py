"""The example's network trains as PyTorch's does, and an influence is what a step does."""

import numpy as np
import torch
from numpy.testing import assert_allclose
from torch import nn

from beside_pytorch import rows_of, same_parameters, train_beside
from examples import influential_images as example
from handgrad import SGD, CrossEntropy
from helpers import generator


def test_it_trains_as_pytorch_does():
    (x, y), _ = example.split(0)
    ours = example.build(generator(), dtype="float64")
    theirs = same_parameters(ours, nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)))
    values = train_beside(
        *(ours, CrossEntropy(), SGD(example.LR)),
        *(theirs, nn.CrossEntropyLoss()),
        torch.optim.SGD(theirs.parameters(), example.LR),
        rows_of(x.astype("float64"), y, example.BATCH_SIZE, generator(1)),
    )
    assert np.mean(values[-10:]) < np.mean(values[:10]) / 2


def test_an_influence_is_what_a_small_step_on_the_image_does():
    (x, y), (others, digits) = example.split(0)
    x, others = x[:5].astype("float64"), others[:3].astype("float64")
    asked, model = (others, digits[:3]), example.build(generator(), dtype="float64")
    start, loss = model.parameters.copy(), CrossEntropy(average=False)
    found = example.influences(model, [start], (x, y[:5]), asked, epochs=1, rows=2)

    def losses():
        return [loss(model.forward(others[m : m + 1]), digits[m : m + 1]) for m in range(3)]

    before, small = np.array(losses()), 1e-6
    lowered = []
    for row in example.gradients(model, x, y[:5]):
        model.parameters = start - small * example.LR / example.BATCH_SIZE * row
        lowered.append((before - losses()) / small)
        model.parameters = start
    assert_allclose(found, lowered, atol=1e-5)


def test_the_program_prints_and_draws(tmp_path, capsys):
    picture = tmp_path / "images.png"
    share, chance = example.main(["--epochs", "6", "--images", "2", "--plot", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"{share:.0%} show the digit" in capsys.readouterr().out
    assert share > 3 * chance
