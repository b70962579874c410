"""The layers of CS231n in stages, a line for each node of the graph."""

import numpy as np


def affine_forward(x, w, b):
    rows = x.reshape(len(x), -1)
    product = rows.dot(w)
    out = product + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    rows = x.reshape(len(x), -1)
    dproduct = dout
    db = dout.sum(axis=0)
    drows = dproduct.dot(w.T)
    dw = rows.T.dot(dproduct)
    dx = drows.reshape(*x.shape)
    return dx, dw, db


def relu_forward(x):
    mask = x > 0
    out = x * mask
    cache = mask
    return out, cache


def relu_backward(dout, cache):
    mask = cache
    dx = dout * mask
    return dx


def softmax_loss(x, y):
    N = x.shape[0]
    shifted = x - x.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    log_sums = np.log(sums)
    log_probs = shifted - log_sums
    picked = log_probs[np.arange(N), y]
    loss = -picked.mean()

    dpicked = -np.ones(N) / N
    dlog_probs = np.zeros_like(log_probs)
    dlog_probs[np.arange(N), y] = dpicked
    dshifted = dlog_probs.copy()
    dlog_sums = -dlog_probs.sum(axis=1, keepdims=True)
    dsums = dlog_sums / sums
    dexps = dsums * np.ones_like(exps)
    dshifted += dexps * exps
    dx = dshifted
    return loss, dx


def svm_loss(x, y):
    N = x.shape[0]
    rows = np.arange(N)
    correct = x[rows, y].reshape(N, 1)
    distances = x - correct + 1.0
    margins = np.maximum(0, distances)
    margins[rows, y] = 0
    total = margins.sum()
    loss = total / N

    dmargins = np.ones_like(x) / N
    ddistances = dmargins * (margins > 0)
    dx = ddistances.copy()
    dcorrect = -ddistances.sum(axis=1)
    dx[rows, y] += dcorrect
    return loss, dx


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    cache = None
    if mode == "train":
        mu = 1.0 / N * np.sum(x, axis=0)
        xmu = x - mu
        sq = xmu**2
        var = 1.0 / N * np.sum(sq, axis=0)
        sqrtvar = np.sqrt(var + eps)
        ivar = 1.0 / sqrtvar
        xhat = xmu * ivar
        gammax = gamma * xhat
        out = gammax + beta
        cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    elif mode == "test":
        xmu = x - running_mean
        xhat = xmu / np.sqrt(running_var + eps)
        out = gamma * xhat + beta
    else:
        raise ValueError(f"there is no mode {mode}")
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dx = gamma * ivar / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mean = x.mean(axis=1, keepdims=True)
    centred = x - mean
    var = (centred**2).mean(axis=1, keepdims=True)
    std = np.sqrt(var + eps)
    inv = 1 / std
    xhat = centred * inv
    out = xhat * gamma + beta
    cache = (centred, inv, std, xhat, gamma)
    return out, cache


def layernorm_backward(dout, cache):
    centred, inv, std, xhat, gamma = cache
    D = dout.shape[1]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dcentred = dxhat * inv
    dinv = (dxhat * centred).sum(axis=1, keepdims=True)
    dstd = -dinv / std**2
    dvar = dstd / (2 * std)
    dcentred += 2 * centred * dvar / D
    dmean = -dcentred.sum(axis=1, keepdims=True)
    dx = dcentred + dmean / D
    return dx, dgamma, dbeta


def dropout_forward(x, dropout_param):
    p = dropout_param["p"]
    mode = dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    if mode == "train":
        keep = np.random.random_sample(x.shape) < p
        mask = keep / p
        out = x * mask
    else:
        out = x
    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        dx = mask * dout
    else:
        dx = dout
    return dx


def conv_forward_naive(x, w, b, conv_param):
    stride = conv_param["stride"]
    pad = conv_param["pad"]
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    H_out = (H + 2 * pad - HH) // stride + 1
    W_out = (W + 2 * pad - WW) // stride + 1
    out = np.zeros((N, F, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            patch = x_pad[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            for f in range(F):
                out[:, f, i, j] = np.sum(patch * w[f], axis=(1, 2, 3))
    out = out + b[None, :, None, None]
    cache = (x_pad, w, stride, pad)
    return out, cache


def conv_backward_naive(dout, cache):
    x_pad, w, stride, pad = cache
    N, F, H_out, W_out = dout.shape
    F, C, HH, WW = w.shape
    db = dout.sum(axis=(0, 2, 3))
    dw = np.zeros(w.shape)
    dx_pad = np.zeros(x_pad.shape)
    for i in range(H_out):
        for j in range(W_out):
            rows = slice(i * stride, i * stride + HH)
            columns = slice(j * stride, j * stride + WW)
            patch = x_pad[:, :, rows, columns]
            for f in range(F):
                g = dout[:, f, i, j][:, None, None, None]
                dw[f] += np.sum(patch * g, axis=0)
                dx_pad[:, :, rows, columns] += w[f] * g
    if pad > 0:
        dx = dx_pad[:, :, pad:-pad, pad:-pad]
    else:
        dx = dx_pad
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    PH = pool_param["pool_height"]
    PW = pool_param["pool_width"]
    S = pool_param["stride"]
    N, C, H, W = x.shape
    H_out = (H - PH) // S + 1
    W_out = (W - PW) // S + 1
    out = np.zeros((N, C, H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            window = x[:, :, i * S : i * S + PH, j * S : j * S + PW]
            out[:, :, i, j] = window.max(axis=(2, 3))
    cache = (x, out, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    x, out, pool_param = cache
    PH = pool_param["pool_height"]
    PW = pool_param["pool_width"]
    S = pool_param["stride"]
    dx = np.zeros(x.shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            window = x[:, :, i * S : i * S + PH, j * S : j * S + PW]
            biggest = out[:, :, i, j][:, :, None, None]
            mask = window == biggest
            g = dout[:, :, i, j][:, :, None, None]
            dx[:, :, i * S : i * S + PH, j * S : j * S + PW] += mask * g
    return dx


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    last = np.transpose(x, (0, 2, 3, 1))
    table = last.reshape(-1, C)
    normal, cache = batchnorm_forward(table, gamma, beta, bn_param)
    image = normal.reshape(N, H, W, C)
    out = np.transpose(image, (0, 3, 1, 2))
    return out, cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dlast = np.transpose(dout, (0, 2, 3, 1))
    dtable = dlast.reshape(-1, C)
    dnormal, dgamma, dbeta = batchnorm_backward(dtable, cache)
    dimage = dnormal.reshape(N, H, W, C)
    dx = np.transpose(dimage, (0, 3, 1, 2))
    return dx, dgamma, dbeta


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    groups = x.reshape(N, G, C // G, H, W)
    mean = groups.mean(axis=(2, 3, 4), keepdims=True)
    centred = groups - mean
    var = (centred**2).mean(axis=(2, 3, 4), keepdims=True)
    std = np.sqrt(var + eps)
    normal = centred / std
    xhat = normal.reshape(N, C, H, W)
    out = gamma * xhat + beta
    cache = (G, centred, std, xhat, gamma)
    return out, cache


def spatial_groupnorm_backward(dout, cache):
    G, centred, std, xhat, gamma = cache
    N, C, H, W = dout.shape
    size = C // G * H * W
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dgamma = (dout * xhat).sum(axis=(0, 2, 3), keepdims=True)
    dnormal = (dout * gamma).reshape(N, G, C // G, H, W)
    dcentred = dnormal / std
    dstd = -(dnormal * centred).sum(axis=(2, 3, 4), keepdims=True) / std**2
    dvar = 0.5 * dstd / std
    dcentred = dcentred + 2 * centred * dvar / size
    dmean = -dcentred.sum(axis=(2, 3, 4), keepdims=True)
    dgroups = dcentred + dmean / size
    dx = dgroups.reshape(N, C, H, W)
    return dx, dgamma, dbeta
