"""Modules of PyTorch for what ``torch.nn`` lacks: containers, pools, layers with one output.

They are what `to_torch` uses where ``torch.nn`` has nothing of the kind, and `from_torch` knows
them: a network that is written with them comes over as it is. The names of their tensors are those
of ``torch.nn``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "ChannelsFirst",
    "FeaturesLast",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LearnedPositionalEncoding",
    "MultiHeadAttention",
    "Parallel",
    "PositionalEncoding",
    "Residual",
    "Sequential",
]


def takes_lengths(module: nn.Module) -> bool:
    """Return whether a module takes sequences with their lengths, as a tuple."""
    return bool(getattr(module, "takes_lengths", False))


def fed(module: nn.Module, x: Any) -> Any:
    """Run a module on the first of several inputs, unless it takes them all."""
    return module(x[0] if isinstance(x, tuple) and not takes_lengths(module) else x)


class _Container(nn.Module):  # type: ignore[misc]
    """Takes lengths where one of its children does."""

    @property
    def takes_lengths(self) -> bool:
        return any(map(takes_lengths, self.children()))


class Sequential(nn.Sequential):  # type: ignore[misc]
    """Modules in a row, each of which is given the lengths of the sequences if it takes them."""

    @property
    def takes_lengths(self) -> bool:
        return any(map(takes_lengths, self))

    def forward(self, x: Any) -> Any:
        x, *more = x if isinstance(x, tuple) else (x,)
        for module in self:
            if more and takes_lengths(module):
                # Lengths concern what follows too; keys, values and states do not.
                x, more = (
                    (x, *more),
                    [m for m in more[:1] if m is None or not m.is_floating_point()],
                )
            x = module(x)
        return x


class Residual(_Container):
    """Add what is around a module to its output: the input, or what another makes of it."""

    def __init__(self, inner: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x: Any) -> Any:
        around = x[0] if isinstance(x, tuple) else x
        if self.shortcut is not None:
            around = fed(self.shortcut, x)
        return fed(self.inner, x) + around


class Parallel(_Container):
    """Feed modules with the same input, and add what they put out, or put it side by side."""

    def __init__(self, *modules: nn.Module, combine: str = "sum", dim: int = -1) -> None:
        super().__init__()
        for name, module in enumerate(modules):
            self.add_module(str(name), module)
        self.combine, self.dim = combine, dim

    def forward(self, x: Any) -> Any:
        outputs = [fed(module, x) for module in self.children()]
        if self.combine == "sum":
            return torch.stack(outputs).sum(0)
        return torch.cat(outputs, dim=self.dim)


class Bidirectional(_Container):
    """Two modules over the same sequences, of which one goes through each from its end."""

    def __init__(
        self, forward_layer: nn.Module, backward_layer: nn.Module, combine: str = "concatenate"
    ) -> None:
        super().__init__()
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        self.combine = combine

    def forward(self, x: Any) -> Any:
        steps, *lengths = x if isinstance(x, tuple) else (x,)
        t = torch.arange(steps.shape[1], device=steps.device)
        ends = lengths[0][:, None] if lengths else torch.full_like(t[None], len(t))
        order = torch.where(t < ends, ends - 1 - t, t).expand(len(steps), -1)

        def turned(a: Any) -> Any:
            return a.gather(1, order[:, :, None].expand(-1, -1, a.shape[2]))

        ahead = self.forward_layer(x)
        back = self.backward_layer((turned(steps), *lengths) if lengths else turned(steps))
        back = turned(back) if back.ndim == 3 else back
        return ahead + back if self.combine == "sum" else torch.cat([ahead, back], dim=-1)


class _Recurrent:
    """Puts out states alone, all or the last; takes lengths and initial states in a tuple."""

    takes_lengths = True

    def __init__(self, *sizes: int, return_sequences: bool = True, **options: Any) -> None:
        super().__init__(*sizes, batch_first=True, **options)  # type: ignore[call-arg]
        self.return_sequences = return_sequences

    def forward(self, x: Any) -> Any:
        """Return the states after all steps, (N, T, K), or after the last ones, (N, K)."""
        forward: Any = super().forward  # type: ignore[misc]
        x, lengths, *states = x if isinstance(x, tuple) else (x, None)
        hx = tuple(state[None] for state in states)
        initial = (hx if len(hx) > 1 else hx[0]) if hx else None
        if lengths is None:
            y, last = forward(x, initial)
        else:
            rnn, T = nn.utils.rnn, x.shape[1]
            packed = rnn.pack_padded_sequence(x, lengths.cpu(), True, enforce_sorted=False)
            y, last = forward(packed, initial)
            y, _ = rnn.pad_packed_sequence(y, True, total_length=T)
        if self.return_sequences:
            return y
        h = last[0] if isinstance(last, tuple) else last
        directions = 1 + self.bidirectional  # type: ignore[attr-defined]
        return torch.cat(list(h[-directions:]), dim=-1)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]
    """``torch.nn.RNN`` that puts out states alone."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]
    """``torch.nn.LSTM`` that puts out states alone."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]
    """``torch.nn.GRU`` that puts out states alone."""


class MultiHeadAttention(nn.MultiheadAttention):  # type: ignore[misc]
    """``torch.nn.MultiheadAttention`` that takes what ours takes, and puts out answers alone."""

    takes_lengths = True

    def __init__(self, *sizes: int, causal: bool = False, **options: Any) -> None:
        super().__init__(*sizes, batch_first=True, **options)
        self.causal = causal

    def forward(self, x: Any) -> Any:
        arrays = x if isinstance(x, tuple) else (x,)
        mask = arrays[-1] if len(arrays) in (2, 4) else None
        query, key, value = arrays[:3] if len(arrays) > 2 else arrays[:1] * 3
        T, S = query.shape[1], key.shape[1]
        allowed = torch.ones(len(query), T, S, dtype=torch.bool, device=query.device)
        if mask is not None:
            if mask.dtype != torch.bool:
                mask = torch.arange(S, device=query.device) < mask[:, None]
            allowed &= mask if mask.ndim == 3 else mask[:, None]
        if self.causal:
            allowed &= allowed.new_ones(T, S).tril()
        hidden = (~allowed).repeat_interleave(self.num_heads, dim=0)
        y, _ = super().forward(query, key, value, attn_mask=hidden, need_weights=False)
        return y


class ChannelsFirst(nn.Module):  # type: ignore[misc]
    """Put the last axis second."""

    def forward(self, x: Any) -> Any:
        return x.movedim(-1, 1)


class FeaturesLast(nn.Module):  # type: ignore[misc]
    """Put the second axis last."""

    def forward(self, x: Any) -> Any:
        return x.movedim(1, -1)


class GlobalAveragePool(nn.Module):  # type: ignore[misc]
    """The mean of each channel, (N, C)."""

    def forward(self, x: Any) -> Any:
        return x.flatten(2).mean(2)


class GlobalMaxPool(nn.Module):  # type: ignore[misc]
    """The largest entry of each channel, (N, C)."""

    def forward(self, x: Any) -> Any:
        return x.flatten(2).max(2).values


class PositionalEncoding(nn.Module):  # type: ignore[misc]
    """Add sines and cosines of the position."""

    def __init__(self, max_length: int, features: int) -> None:
        super().__init__()
        self.max_length, self.features = max_length, features

    def forward(self, x: Any) -> Any:
        T, D = x.shape[-2:]
        # In float64, as ours, whatever the input: an angle has as many digits as the position.
        even = torch.arange(0, D, 2, dtype=torch.float64, device=x.device)
        angles = torch.arange(T, dtype=torch.float64, device=x.device)[:, None] / 10000 ** (
            even / D
        )
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(T, -1)[:, :D]
        return x + table.to(x.dtype)


class LearnedPositionalEncoding(nn.Embedding):  # type: ignore[misc]
    """Add a vector of each position's own."""

    def forward(self, x: Any) -> Any:
        return x + self.weight[: x.shape[-2]]
