"""The network that reads both ways trains as PyTorch's does, and the program runs."""

import pytest
import torch
from torch import nn

from beside_pytorch import train_beside
from examples import sequence_labels as example
from handgrad import Adam, CrossEntropy
from helpers import generator


def tensor(array):
    return nn.Parameter(torch.tensor(array.copy()))


class Affine(nn.Module):
    def __init__(self, ours):
        super().__init__()
        self.weights, self.bias = tensor(ours.weights), tensor(ours.bias)

    def forward(self, x):
        return x @ self.weights + self.bias


class Network(nn.Module):
    """A GRU of one or two directions over packed sequences, and two affine layers."""

    def __init__(self, ours, both_ways):
        super().__init__()
        reader, first, _, last = ours.components
        layers = [reader.forward_layer, reader.backward_layer] if both_ways else [reader]
        self.gru = nn.GRU(example.SYMBOLS, example.UNITS, batch_first=True, bidirectional=both_ways)
        for layer, end in zip(layers, ("_l0", "_l0_reverse"), strict=False):
            setattr(self.gru, f"weight_ih{end}", tensor(layer.input_weights.T))
            setattr(self.gru, f"weight_hh{end}", tensor(layer.recurrent_weights.T))
            setattr(self.gru, f"bias_ih{end}", tensor(layer.bias[0]))
            # Of PyTorch's second bias only the part within the reset gate's product is another.
            own = torch.zeros_like(torch.tensor(layer.bias[0]))
            own[-example.UNITS :] = 1
            second = nn.Parameter(own * torch.tensor(layer.recurrent_bias).repeat(1, 3)[0])
            second.register_hook(lambda gradient, own=own: gradient * own)
            setattr(self.gru, f"bias_hh{end}", second)
        self.first, self.last = Affine(first), Affine(last)

    def forward(self, given):
        x, lengths = given
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        h, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return self.last(torch.relu(self.first(h)))


def criterion(logits, y, mask):
    each = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
    return (each * mask.flatten()).sum() / mask.sum()


@pytest.mark.parametrize("both_ways", [False, True])
def test_it_trains_as_pytorch_does(both_ways):
    ours = example.build(both_ways, generator(), dtype="float64")
    theirs = Network(ours, both_ways).double()

    def batch(step):
        x, lengths, labels, mask = example.make_rows(16, generator(step))
        return (x, lengths), labels, mask

    values = train_beside(
        *(ours, CrossEntropy(), Adam(0.01)),
        *(theirs, criterion),
        torch.optim.Adam(theirs.parameters(), 0.01),
        batch,
    )
    assert sum(values[-10:]) < sum(values[:10])


def test_the_task_needs_both_directions(tmp_path, capsys):
    _, lengths, labels, mask = example.make_rows(200, generator())
    assert not labels[:, 0].any()  # nothing stands before the first step
    assert not labels[range(200), lengths - 1].any()  # nor behind the last one
    assert not (labels * (1 - mask)).any()
    picture = tmp_path / "curves.png"
    found = example.main(["--rows", "200", "--epochs", "1", "--plot", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    for name, accuracy in found.items():
        assert f"{name:10} {accuracy:.3f}" in printed
