"""EECS 498: pairs of static methods, here with NumPy."""

import numpy as np


class Linear:
    @staticmethod
    def forward(x, w, b):
        out = x.reshape(x.shape[0], -1).dot(w) + b
        cache = (x, w, b)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x, w, _ = cache
        dx = dout.dot(w.T).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T.dot(dout)
        db = dout.sum(axis=0)
        return dx, dw, db


class ReLU:
    @staticmethod
    def forward(x):
        out = x.copy()
        out[out < 0] = 0
        cache = x
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x = cache
        dx = dout.copy()
        dx[x <= 0] = 0
        return dx


class Dropout:
    @staticmethod
    def forward(x, dropout_param):
        p, mode = dropout_param["p"], dropout_param["mode"]
        if "seed" in dropout_param:
            np.random.seed(dropout_param["seed"])
        mask = None
        if mode == "train":
            mask = (np.random.rand(*x.shape) > p) / (1 - p)
            out = x * mask
        elif mode == "test":
            out = x
        cache = (dropout_param, mask)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        dropout_param, mask = cache
        mode = dropout_param["mode"]
        if mode == "train":
            dx = dout * mask
        elif mode == "test":
            dx = dout
        return dx


class Conv:
    @staticmethod
    def forward(x, w, b, conv_param):
        stride, pad = conv_param["stride"], conv_param["pad"]
        N, _, H, W = x.shape
        F, _, HH, WW = w.shape
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        H2, W2 = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
        out = np.zeros((N, F, H2, W2))
        for i in range(H2):
            for j in range(W2):
                part = xp[:, None, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                out[:, :, i, j] = (part * w).sum(axis=(2, 3, 4)) + b
        cache = (x, w, b, conv_param)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x, w, b, conv_param = cache
        stride, pad = conv_param["stride"], conv_param["pad"]
        HH, WW = w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                part = xp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                g = dout[:, :, i, j]
                db += g.sum(axis=0)
                dw += np.einsum("nf,nchw->fchw", g, part)
                dxp[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW] += np.einsum(
                    "nf,fchw->nchw", g, w
                )
        dx = dxp[:, :, pad : xp.shape[2] - pad, pad : xp.shape[3] - pad]
        return dx, dw, db


class MaxPool:
    @staticmethod
    def forward(x, pool_param):
        ph, pw = pool_param["pool_height"], pool_param["pool_width"]
        stride = pool_param["stride"]
        N, C, H, W = x.shape
        out = np.zeros((N, C, (H - ph) // stride + 1, (W - pw) // stride + 1))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                part = x[:, :, i * stride : i * stride + ph, j * stride : j * stride + pw]
                out[:, :, i, j] = part.reshape(N, C, -1).max(axis=-1)
        return out, (x, pool_param)

    @staticmethod
    def backward(dout, cache):
        x, pool_param = cache
        ph, pw = pool_param["pool_height"], pool_param["pool_width"]
        stride = pool_param["stride"]
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(*dout.shape):
            part = x[n, c, i * stride : i * stride + ph, j * stride : j * stride + pw]
            a, b = np.unravel_index(part.argmax(), part.shape)
            dx[n, c, i * stride + a, j * stride + b] += dout[n, c, i, j]
        return dx


class BatchNorm:
    @staticmethod
    def forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        D = x.shape[1]
        running_mean = bn_param.get("running_mean", np.zeros(D))
        running_var = bn_param.get("running_var", np.zeros(D))
        cache = None
        if bn_param["mode"] == "train":
            mean, var = x.mean(axis=0), x.var(axis=0)
            std = np.sqrt(var + eps)
            xhat = (x - mean) / std
            out = gamma * xhat + beta
            running_mean = momentum * running_mean + (1 - momentum) * mean
            running_var = momentum * running_var + (1 - momentum) * var
            cache = (xhat, std, gamma)
        else:
            out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
        bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
        return out, cache

    @staticmethod
    def backward(dout, cache):
        xhat, std, gamma = cache
        dgamma = (dout * xhat).sum(axis=0)
        dbeta = dout.sum(axis=0)
        dxhat = dout * gamma
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return dx, dgamma, dbeta
