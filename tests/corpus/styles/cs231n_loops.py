"""The layers of CS231n as a careful beginner writes them: with loops."""

import numpy as np


def affine_forward(x, w, b):
    N = x.shape[0]
    M = w.shape[1]
    flat = x.reshape(N, -1)
    out = np.zeros((N, M))
    for n in range(N):
        for m in range(M):
            out[n, m] = b[m]
            for d in range(w.shape[0]):
                out[n, m] += flat[n, d] * w[d, m]
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    flat = x.reshape(N, -1)
    dflat = np.zeros_like(flat)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for m in range(w.shape[1]):
            db[m] += dout[n, m]
            for d in range(w.shape[0]):
                dflat[n, d] += w[d, m] * dout[n, m]
                dw[d, m] += flat[n, d] * dout[n, m]
    dx = dflat.reshape(x.shape)
    return dx, dw, db


def relu_forward(x):
    out = np.zeros_like(x)
    rows, columns = x.shape[0], x[0].size
    for i in range(rows):
        for j in range(columns):
            if x[i].flat[j] > 0:
                out[i].flat[j] = x[i].flat[j]
    cache = x
    return out, cache


def relu_backward(dout, cache):
    x = cache
    dx = np.zeros_like(dout)
    for i in range(x.shape[0]):
        for j in range(x[0].size):
            if x[i].flat[j] > 0:
                dx[i].flat[j] = dout[i].flat[j]
    return dx


def softmax_loss(x, y):
    N, C = x.shape
    loss = 0.0
    dx = np.zeros_like(x)
    for i in range(N):
        scores = x[i] - np.max(x[i])
        exps = np.exp(scores)
        total = np.sum(exps)
        loss += -scores[y[i]] + np.log(total)
        for j in range(C):
            dx[i, j] = exps[j] / total
            if j == y[i]:
                dx[i, j] -= 1
    loss /= N
    dx /= N
    return loss, dx


def svm_loss(x, y):
    N, C = x.shape
    loss = 0.0
    dx = np.zeros_like(x)
    for i in range(N):
        correct = x[i, y[i]]
        for j in range(C):
            if j == y[i]:
                continue
            margin = x[i, j] - correct + 1
            if margin > 0:
                loss += margin
                dx[i, j] += 1
                dx[i, y[i]] -= 1
    loss = loss / N
    dx = dx / N
    return loss, dx


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    out = np.zeros_like(x)
    cache = None
    if mode == "train":
        mean = np.zeros(D)
        var = np.zeros(D)
        xhat = np.zeros_like(x)
        for d in range(D):
            for n in range(N):
                mean[d] += x[n, d]
            mean[d] /= N
            for n in range(N):
                var[d] += (x[n, d] - mean[d]) ** 2
            var[d] /= N
            for n in range(N):
                xhat[n, d] = (x[n, d] - mean[d]) / np.sqrt(var[d] + eps)
                out[n, d] = gamma[d] * xhat[n, d] + beta[d]
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
        cache = (xhat, gamma, var, eps)
    elif mode == "test":
        for d in range(D):
            scale = gamma[d] / np.sqrt(running_var[d] + eps)
            for n in range(N):
                out[n, d] = scale * (x[n, d] - running_mean[d]) + beta[d]
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, var, eps = cache
    N, D = dout.shape
    dx = np.zeros_like(dout)
    dgamma = np.zeros(D)
    dbeta = np.zeros(D)
    for d in range(D):
        for n in range(N):
            dbeta[d] += dout[n, d]
            dgamma[d] += dout[n, d] * xhat[n, d]
        std = np.sqrt(var[d] + eps)
        for n in range(N):
            inner = N * dout[n, d] - dbeta[d] - xhat[n, d] * dgamma[d]
            dx[n, d] = gamma[d] / (N * std) * inner
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    out = np.zeros_like(x)
    xhat = np.zeros_like(x)
    stds = []
    for n in range(x.shape[0]):
        row = x[n]
        std = np.sqrt(row.var() + eps)
        xhat[n] = (row - row.mean()) / std
        out[n] = gamma * xhat[n] + beta
        stds.append(std)
    cache = (xhat, stds, gamma)
    return out, cache


def layernorm_backward(dout, cache):
    xhat, stds, gamma = cache
    N, D = dout.shape
    dx = np.zeros_like(dout)
    dgamma = np.zeros_like(gamma)
    dbeta = np.zeros_like(gamma)
    for n in range(N):
        dgamma += dout[n] * xhat[n]
        dbeta += dout[n]
        dxhat = dout[n] * gamma
        dx[n] = (dxhat - dxhat.mean() - xhat[n] * (dxhat * xhat[n]).mean()) / stds[n]
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = x.copy()
    if mode == "train":
        mask = np.zeros_like(x)
        draws = np.random.rand(*x.shape)
        for i in range(mask.size):
            if draws.flat[i] < p:
                mask.flat[i] = 1 / p
        out = x * mask
    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    if mode == "train":
        dx = dout * mask
    else:
        dx = dout
    return dx


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    padded = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    padded[:, :, pad : pad + H, pad : pad + W] = x
    Hout = 1 + (H + 2 * pad - HH) // stride
    Wout = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, Hout, Wout))
    for n in range(N):
        for f in range(F):
            for i in range(Hout):
                for j in range(Wout):
                    top, left = i * stride, j * stride
                    window = padded[n, :, top : top + HH, left : left + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    top, left = i * stride, j * stride
                    g = dout[n, f, i, j]
                    db[f] += g
                    dw[f] += g * padded[n, :, top : top + HH, left : left + WW]
                    dpadded[n, :, top : top + HH, left : left + WW] += g * w[f]
    dx = dpadded[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, H, W = x.shape
    Hout = 1 + (H - height) // stride
    Wout = 1 + (W - width) // stride
    out = np.zeros((N, C, Hout, Wout))
    for n in range(N):
        for c in range(C):
            for i in range(Hout):
                for j in range(Wout):
                    top, left = i * stride, j * stride
                    out[n, c, i, j] = np.max(x[n, c, top : top + height, left : left + width])
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    N, C, Hout, Wout = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Hout):
                for j in range(Wout):
                    top, left = i * stride, j * stride
                    window = x[n, c, top : top + height, left : left + width]
                    a, b = np.unravel_index(window.argmax(), window.shape)
                    dx[n, c, top + a, left + b] += dout[n, c, i, j]
    return dx


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    table = np.zeros((N * H * W, C))
    row = 0
    for n in range(N):
        for i in range(H):
            for j in range(W):
                table[row] = x[n, :, i, j]
                row += 1
    flat, cache = batchnorm_forward(table, gamma, beta, bn_param)
    out = np.zeros_like(x)
    row = 0
    for n in range(N):
        for i in range(H):
            for j in range(W):
                out[n, :, i, j] = flat[row]
                row += 1
    return out, cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    table = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    dtable, dgamma, dbeta = batchnorm_backward(table, cache)
    dx = np.zeros_like(dout)
    for c in range(C):
        dx[:, c] = dtable[:, c].reshape(N, H, W)
    return dx, dgamma, dbeta


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    size = C // G
    xhat = np.zeros_like(x)
    stds = np.zeros((N, G))
    for n in range(N):
        for g in range(G):
            part = x[n, g * size : (g + 1) * size]
            stds[n, g] = np.sqrt(part.var() + eps)
            xhat[n, g * size : (g + 1) * size] = (part - part.mean()) / stds[n, g]
    out = gamma * xhat + beta
    cache = (xhat, stds, gamma, G)
    return out, cache


def spatial_groupnorm_backward(dout, cache):
    xhat, stds, gamma, G = cache
    N, C, H, W = dout.shape
    size = C // G
    dgamma = np.sum(dout * xhat, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    dxhat = dout * gamma
    dx = np.zeros_like(dout)
    for n in range(N):
        for g in range(G):
            part = slice(g * size, (g + 1) * size)
            a = dxhat[n, part]
            z = xhat[n, part]
            dx[n, part] = (a - a.mean() - z * (a * z).mean()) / stds[n, g]
    return dx, dgamma, dbeta
