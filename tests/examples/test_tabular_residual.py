"""The residual network of the example trains as PyTorch's does, and the program runs."""

import pytest
import torch
from torch import nn

from beside_pytorch import SharedDropout, rows_of, same_parameters, train_beside
from examples import tabular_residual as example
from handgrad import AdamW, MSELoss
from helpers import generator

WIDTH = example.WIDTH


class Residual(nn.Module):
    def __init__(self, *inner):
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x):
        return x + self.inner(x)


def residual(features, drop):
    blocks = [
        Residual(
            *(nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)),
            *(nn.BatchNorm1d(WIDTH), nn.ReLU(), drop, nn.Linear(WIDTH, WIDTH)),
        )
        for _ in range(2)
    ]
    first, last = nn.Linear(features, WIDTH), nn.Linear(WIDTH, 1)
    return nn.Sequential(first, *blocks, nn.BatchNorm1d(WIDTH), nn.ReLU(), last)


def plain(features, drop):
    middle = [
        part
        for _ in range(2)
        for part in (
            *(nn.Linear(WIDTH, WIDTH), nn.ReLU(), drop),
            *(nn.Linear(WIDTH, WIDTH), nn.ReLU()),
        )
    ]
    return nn.Sequential(nn.Linear(features, WIDTH), nn.ReLU(), *middle, nn.Linear(WIDTH, 1))


@pytest.mark.parametrize("table", example.TABLES)
@pytest.mark.parametrize(
    ("build", "their_build"), [(example.build_residual, residual), (example.build_plain, plain)]
)
def test_it_trains_as_pytorch_does(table, build, their_build):
    (x, y), _ = example.split(*example.TABLES[table](), 0)
    x, y = x.astype("float64"), y.astype("float64")
    rng = generator()
    ours = build(x.shape[1], rng, blocks=2, p=0.3, dtype="float64")
    drop = SharedDropout(0.3, rng)
    theirs = same_parameters(ours, their_build(x.shape[1], drop))
    values = train_beside(
        *(ours, MSELoss(), AdamW(0.002, weight_decay=0.05)),
        *(theirs, nn.MSELoss()),
        torch.optim.AdamW(theirs.parameters(), 0.002, weight_decay=0.05),
        rows_of(x, y, example.BATCH_SIZE, generator(1)),
    )
    assert sum(values[-10:]) < sum(values[:10])


def test_the_program_prints_and_draws(tmp_path, capsys):
    picture = tmp_path / "curves.png"
    found = example.main(["--seeds", "1", "--epochs", "2", "--blocks", "1", "--plot", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert len(found) == 6
    for (table, kind), (r2,) in found.items():
        assert f"{table:9} {kind:9} {r2:.3f}" in printed
    assert found["friedman", "residual"][0] > 0.3
