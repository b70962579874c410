"""The recurrent layers of CS231n, with whole sequences in one product where it can be."""

import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    h = np.tanh(np.concatenate([x, prev_h], 1) @ np.concatenate([Wx, Wh]) + b)
    return h, (x, prev_h, Wx, Wh, h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, h = cache
    da = dnext_h - dnext_h * h * h
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)


def rnn_forward(x, h0, Wx, Wh, b):
    projected = x @ Wx + b
    hs = np.empty((x.shape[0], x.shape[1] + 1, len(b)))
    hs[:, 0] = h0
    for t in range(x.shape[1]):
        hs[:, t + 1] = np.tanh(projected[:, t] + hs[:, t] @ Wh)
    return hs[:, 1:], (x, hs, Wx, Wh)


def rnn_backward(dh, cache):
    x, hs, Wx, Wh = cache
    da = np.empty_like(dh)
    later = np.zeros_like(dh[:, 0])
    for t in reversed(range(dh.shape[1])):
        da[:, t] = (dh[:, t] + later) * (1 - hs[:, t + 1] ** 2)
        later = da[:, t] @ Wh.T
    dWx = np.einsum("ntd,nth->dh", x, da)
    dWh = np.einsum("nth,ntk->hk", hs[:, :-1], da)
    return da @ Wx.T, later, dWx, dWh, da.sum((0, 1))


def word_embedding_forward(x, W):
    return W[x], (x, W.shape)


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    c = f * prev_c + i * g
    tc = np.tanh(c)
    return o * tc, c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc = cache
    dc = dnext_c + dnext_h * o * (1 - tc * tc)
    gates = [
        dc * g * i * (1 - i),
        dc * prev_c * f * (1 - f),
        dnext_h * tc * o * (1 - o),
        dc * i * (1 - g * g),
    ]
    da = np.concatenate(gates, axis=1)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(0)


def lstm_forward(x, h0, Wx, Wh, b):
    h, c, out, caches = h0, np.zeros_like(h0), [], []
    for t in range(x.shape[1]):
        h, c, cache = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        out.append(h)
        caches.append(cache)
    return np.stack(out, axis=1), caches


def lstm_backward(dh, cache):
    dx, dWx, dWh, db = [], 0, 0, 0
    dprev = np.zeros_like(dh[:, 0])
    dc = np.zeros_like(dprev)
    for t in reversed(range(dh.shape[1])):
        dxt, dprev, dc, dwx, dwh, dbt = lstm_step_backward(dh[:, t] + dprev, dc, cache[t])
        dx.insert(0, dxt)
        dWx, dWh, db = dWx + dwx, dWh + dwh, db + dbt
    return np.stack(dx, axis=1), dprev, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    return x @ w + b, (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, np.tensordot(x, dout, axes=([0, 1], [0, 1])), dout.sum((0, 1))


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    flat, labels, weights = x.reshape(-1, V), y.reshape(-1), mask.reshape(-1)
    probs = np.exp(flat - flat.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    rows = np.arange(N * T)
    loss = -np.sum(weights * np.log(probs[rows, labels])) / N
    dflat = probs.copy()
    dflat[rows, labels] -= 1
    dflat *= weights[:, None] / N
    return loss, dflat.reshape(N, T, V)
