"""Right, in the interface of EECS 498, with PyTorch's tensors inside: functions."""

import torch


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[torch.arange(N), y]
    margins = (x - correct[:, None] + 1.0).clamp(min=0.0)
    margins[torch.arange(N), y] = 0.0
    loss = margins.sum() / N
    num_pos = (margins > 0).sum(dim=1)
    dx = torch.zeros_like(x)
    dx[margins > 0] = 1.0
    dx[torch.arange(N), y] -= num_pos.to(dx.dtype)
    return loss, dx / N


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = torch.tanh(x.mm(Wx) + prev_h.mm(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h * next_h)
    return da.mm(Wx.t()), da.mm(Wh.t()), x.t().mm(da), prev_h.t().mm(da), da.sum(dim=0)


def rnn_forward(x, h0, Wx, Wh, b):
    h, cache, prev = [], [], h0
    for t in range(x.shape[1]):
        prev, step = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h.append(prev)
        cache.append(step)
    return torch.stack(h, dim=1), cache


def rnn_backward(dh, cache):
    x, prev_h, Wx, Wh, _ = cache[0]
    dx, dprev = [], torch.zeros_like(prev_h)
    dWx, dWh = torch.zeros_like(Wx), torch.zeros_like(Wh)
    db = torch.zeros(Wh.shape[0], dtype=dh.dtype)
    for t in reversed(range(dh.shape[1])):
        one, dprev, a, c, d = rnn_step_backward(dh[:, t] + dprev, cache[t])
        dx.append(one)
        dWx += a
        dWh += c
        db += d
    return torch.stack(dx[::-1], dim=1), dprev, dWx, dWh, db
