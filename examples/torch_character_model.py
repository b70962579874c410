"""The models of `character_model.py` in PyTorch, from the same first parameters."""

import numpy as np
import torch
from examples.character_model import HEADS, TRAINING, WIDTH, Windows
from torch import nn


def tensor(array):
    """Return an array of handgrad's as a parameter of PyTorch's."""
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


class Affine(nn.Module):
    """``x @ weights + bias``, without a bias where it is None."""

    def __init__(self, weights, bias=None):
        super().__init__()
        self.weights = tensor(weights)
        self.bias = 0.0 if bias is None else tensor(bias[0])

    def forward(self, x):
        return x @ self.weights + self.bias


class Attention(nn.Module):
    """Causal attention with several heads."""

    def __init__(self, ours):
        super().__init__()
        self.queries = Affine(ours.query_weights, ours.query_bias)
        self.keys = Affine(ours.key_weights)
        self.values = Affine(ours.value_weights, ours.value_bias)
        self.output = Affine(ours.output_weights, ours.output_bias)

    def forward(self, x):
        N, T, D = x.shape
        heads = [
            part(x).view(N, T, HEADS, D // HEADS).transpose(1, 2)
            for part in (self.queries, self.keys, self.values)
        ]
        y = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        return self.output(y.transpose(1, 2).reshape(N, T, D))


class Transformer(nn.Module):
    """The transformer."""

    def __init__(self, ours):
        super().__init__()
        embedding, position, *blocks, norm, last = ours.components
        self.embedding, self.position = tensor(embedding.weights), tensor(position.weights)
        self.blocks = nn.ModuleList()
        for block in blocks:
            before, *inner = block.inner.components
            if len(inner) == 1:
                body = Attention(inner[0])
            else:
                widen, _, narrow = inner
                body = nn.Sequential(
                    Affine(widen.weights, widen.bias),
                    nn.GELU("tanh"),
                    Affine(narrow.weights, narrow.bias),
                )
            self.blocks.append(nn.Sequential(layer_norm(before), body))
        self.norm, self.last = layer_norm(norm), Affine(last.weights, last.bias)

    def forward(self, x):
        x = self.embedding[x] + self.position[: x.shape[1]]
        for block in self.blocks:
            x = x + block(x)
        return self.last(self.norm(x))


class Recurrent(nn.Module):
    """The LSTM of two layers."""

    def __init__(self, ours):
        super().__init__()
        embedding, *layers, last = ours.components
        self.embedding = tensor(embedding.weights)
        self.layers = nn.ModuleList(
            nn.LSTM(layer.in_features, layer.units, batch_first=True) for layer in layers
        )
        for theirs, layer in zip(self.layers, layers, strict=True):
            theirs.weight_ih_l0 = tensor(layer.input_weights.T)
            theirs.weight_hh_l0 = tensor(layer.recurrent_weights.T)
            theirs.bias_ih_l0 = tensor(layer.bias[0])
            # PyTorch has two biases, of which ours is the sum.
            theirs.bias_hh_l0 = nn.Parameter(torch.zeros_like(theirs.bias_ih_l0), False)
        self.last = Affine(last.weights, last.bias)

    def forward(self, x):
        x = self.embedding[x]
        for layer in self.layers:
            x, _ = layer(x)
        return self.last(x)


def layer_norm(ours):
    """Return a norm over the features."""
    theirs = nn.LayerNorm(WIDTH, eps=ours.epsilon)
    theirs.weight, theirs.bias = tensor(ours.gamma), tensor(ours.beta)
    return theirs


def build(name, ours):
    """Return the model of that name, with the parameters of ours."""
    return {"transformer": Transformer, "LSTM": Recurrent}[name](ours)


def criterion(logits, y):
    """Return the mean cross-entropy over all characters."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())


def train(name, ours, options, held_out, optimizer):
    """Train it on the batches that ours is given, and return the loss on what is held out."""
    model = build(name, ours)
    adam = torch.optim.AdamW(model.parameters(), optimizer.lr, weight_decay=optimizer.weight_decay)
    for epoch in range(options.epochs):
        for x, y in Windows(TRAINING, options.steps, seed=100 + epoch):
            adam.zero_grad()
            loss = criterion(model(torch.tensor(x)), torch.tensor(y))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), optimizer.max_norm)
            adam.step()
        print(f"PyTorch, epoch {epoch + 1}/{options.epochs}  loss {loss.item():.4f}")
    with torch.no_grad():
        losses = [criterion(model(torch.tensor(x)), torch.tensor(y)).item() for x, y in held_out]
    return float(np.mean(losses))
