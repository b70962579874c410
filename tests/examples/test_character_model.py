"""Both character models train as PyTorch's do, and the program runs."""

import pytest
import torch

from beside_pytorch import train_beside
from examples import character_model as example
from examples import torch_character_model
from handgrad import AdamW, CrossEntropy
from helpers import generator


@pytest.mark.parametrize("name", example.MODELS)
def test_it_trains_as_pytorch_does(name):
    ours = example.MODELS[name](generator(), dtype="float64")
    theirs = torch_character_model.build(name, ours).double()
    batches = list(example.Windows(example.TRAINING, 100, seed=3))
    values = train_beside(
        *(ours, CrossEntropy(), AdamW(0.003)),
        *(theirs, torch_character_model.criterion),
        torch.optim.AdamW(theirs.parameters(), 0.003, weight_decay=AdamW(0.003).weight_decay),
        lambda step: (batches[step][0][:4, :16], batches[step][1][:4, :16]),
    )
    assert sum(values[-10:]) < sum(values[:10])


def test_the_program_prints_draws_and_compares(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(example, "BATCH_SIZE", 4)
    picture = tmp_path / "curves.png"
    found = example.main(
        ["--epochs", "2", "--steps", "3", "--length", "20", "--torch", "--plot", str(picture)]
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    for name, bits in found.items():
        assert f"{name:22} {bits:.3f}" in printed
        assert 3 < bits < 9
    for name in example.MODELS:
        assert abs(found[name] - found[f"{name}, PyTorch"]) < 0.02
        assert f"The {name} writes:" in printed
