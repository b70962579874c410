"""The layers of CS231n as short as they come: every formula in its last form."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return (
        (dout @ w.T).reshape(x.shape),
        x.reshape(x.shape[0], -1).T @ dout,
        dout.sum(0),
    )


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    return np.where(cache > 0, dout, 0)


def softmax_loss(x, y):
    n = len(y)
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[range(n), y]).mean()
    p[range(n), y] -= 1
    return loss, p / n


def svm_loss(x, y):
    n = len(y)
    margins = np.maximum(0, x - x[range(n), y][:, None] + 1)
    margins[range(n), y] = 0
    slopes = (margins > 0).astype(float)
    slopes[range(n), y] = -slopes.sum(1)
    return margins.sum() / n, slopes / n


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
    var = bn_param.setdefault("running_var", np.zeros(x.shape[1]))
    if bn_param["mode"] == "test":
        return gamma * (x - mean) / np.sqrt(var + eps) + beta, None
    m, v = x.mean(0), x.var(0)
    bn_param["running_mean"] = momentum * mean + (1 - momentum) * m
    bn_param["running_var"] = momentum * var + (1 - momentum) * v
    std = np.sqrt(v + eps)
    xhat = (x - m) / std
    return gamma * xhat + beta, (xhat, std, gamma)


def batchnorm_backward(dout, cache):
    xhat, std, gamma = cache
    g = dout * gamma
    dx = (g - g.mean(0) - xhat * (g * xhat).mean(0)) / std
    return dx, (dout * xhat).sum(0), dout.sum(0)


def batchnorm_backward_alt(dout, cache):
    xhat, std, gamma = cache
    n = len(dout)
    db, dg = dout.sum(0), (dout * xhat).sum(0)
    return gamma / std * (dout - (db + xhat * dg) / n), dg, db


def layernorm_forward(x, gamma, beta, ln_param):
    std = np.sqrt(x.var(1, keepdims=True) + ln_param.get("eps", 1e-5))
    xhat = (x - x.mean(1, keepdims=True)) / std
    return gamma * xhat + beta, (xhat, std, gamma)


def layernorm_backward(dout, cache):
    xhat, std, gamma = cache
    g = dout * gamma
    dx = (g - g.mean(1, keepdims=True) - xhat * (g * xhat).mean(1, keepdims=True)) / std
    return dx, np.einsum("nd,nd->d", dout, xhat), dout.sum(0)


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = (np.random.rand(*x.shape) < p) / p if mode == "train" else np.ones_like(x)
    return x * mask, mask


def dropout_backward(dout, cache):
    return dout * cache


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    windows = sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::s, ::s]
    out = np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None]
    return out, (windows, xp.shape, w, s, p, x.shape)


def conv_backward_naive(dout, cache):
    windows, padded_shape, w, s, p, shape = cache
    dw = np.einsum("nchwij,nfhw->fcij", windows, dout)
    dxp = np.zeros(padded_shape)
    dcols = np.einsum("nfhw,fcij->nchwij", dout, w)
    oh, ow = dout.shape[2:]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            dxp[:, :, i : i + s * oh : s, j : j + s * ow : s] += dcols[..., i, j]
    dx = dxp[:, :, p : p + shape[2], p : p + shape[3]]
    return dx, dw, dout.sum((0, 2, 3))


def max_pool_forward_naive(x, pool_param):
    size, s = (pool_param["pool_height"], pool_param["pool_width"]), pool_param["stride"]
    windows = sliding_window_view(x, size, axis=(2, 3))[:, :, ::s, ::s]
    return windows.max((4, 5)), (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    ph, pw = pool_param["pool_height"], pool_param["pool_width"]
    s = pool_param["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
        a, b = divmod(window.argmax(), pw)
        dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    n, c, h, w = x.shape
    out, cache = batchnorm_forward(np.moveaxis(x, 1, -1).reshape(-1, c), gamma, beta, bn_param)
    return np.moveaxis(out.reshape(n, h, w, c), -1, 1), cache


def spatial_batchnorm_backward(dout, cache):
    n, c, h, w = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(np.moveaxis(dout, 1, -1).reshape(-1, c), cache)
    return np.moveaxis(dx.reshape(n, h, w, c), -1, 1), dgamma, dbeta


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    n = x.shape[0]
    rows = x.reshape(n * G, -1)
    std = np.sqrt(rows.var(1, keepdims=True) + gn_param.get("eps", 1e-5))
    xhat = ((rows - rows.mean(1, keepdims=True)) / std).reshape(x.shape)
    return gamma * xhat + beta, (xhat, std, gamma, G)


def spatial_groupnorm_backward(dout, cache):
    xhat, std, gamma, G = cache
    n = dout.shape[0]
    g, z = (dout * gamma).reshape(n * G, -1), xhat.reshape(n * G, -1)
    dx = (g - g.mean(1, keepdims=True) - z * (g * z).mean(1, keepdims=True)) / std
    axes = (0, 2, 3)
    dgamma = (dout * xhat).sum(axes, keepdims=True)
    return dx.reshape(dout.shape), dgamma, dout.sum(axes, keepdims=True)
