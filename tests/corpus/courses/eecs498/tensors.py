"""Right, in the interface of EECS 498, with PyTorch's tensors inside."""

import torch


class Linear(object):
    @staticmethod
    def forward(x, w, b):
        out = x.reshape(x.shape[0], -1).mm(w) + b
        cache = (x, w, b)
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x, w, b = cache
        dx = dout.mm(w.t()).view(x.shape)
        dw = x.view(x.shape[0], -1).t().mm(dout)
        db = dout.sum(dim=0)
        return dx, dw, db


class ReLU(object):
    @staticmethod
    def forward(x):
        out = x.clone()
        out[out < 0] = 0
        return out, x

    @staticmethod
    def backward(dout, cache):
        dx = dout.clone()
        dx[cache <= 0] = 0
        return dx


class Dropout(object):
    @staticmethod
    def forward(x, dropout_param):
        p, mode = dropout_param["p"], dropout_param["mode"]
        mask = None
        if mode == "train":
            mask = (torch.rand(x.shape) > p).to(x.dtype) / (1 - p)
            out = x * mask
        else:
            out = x
        return out, (dropout_param, mask)

    @staticmethod
    def backward(dout, cache):
        dropout_param, mask = cache
        return dout * mask if dropout_param["mode"] == "train" else dout


class Conv(object):
    @staticmethod
    def forward(x, w, b, conv_param):
        stride, pad = conv_param["stride"], conv_param["pad"]
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        xp = torch.nn.functional.pad(x, (pad, pad, pad, pad))
        OH, OW = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
        out = torch.zeros((N, F, OH, OW), dtype=x.dtype)
        for i in range(OH):
            for j in range(OW):
                r, c = i * stride, j * stride
                window = xp[:, :, r : r + HH, c : c + WW].reshape(N, -1)
                out[:, :, i, j] = window.mm(w.reshape(F, -1).t()) + b
        return out, (x, w, b, conv_param)

    @staticmethod
    def backward(dout, cache):
        x, w, b, conv_param = cache
        stride, pad = conv_param["stride"], conv_param["pad"]
        N, F, OH, OW = dout.shape
        HH, WW = w.shape[2:]
        xp = torch.nn.functional.pad(x, (pad, pad, pad, pad))
        dxp, dw = torch.zeros_like(xp), torch.zeros_like(w)
        for i in range(OH):
            for j in range(OW):
                r, c = i * stride, j * stride
                window, d = xp[:, :, r : r + HH, c : c + WW], dout[:, :, i, j]
                dw += torch.einsum("nf,nchw->fchw", d, window)
                dxp[:, :, r : r + HH, c : c + WW] += torch.einsum("nf,fchw->nchw", d, w)
        H, W = x.shape[2:]
        return dxp[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(dim=(0, 2, 3))


class MaxPool(object):
    @staticmethod
    def forward(x, pool_param):
        HH, WW, stride = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
        N, C, H, W = x.shape
        OH, OW = 1 + (H - HH) // stride, 1 + (W - WW) // stride
        out = torch.zeros((N, C, OH, OW), dtype=x.dtype)
        for i in range(OH):
            for j in range(OW):
                window = x[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                out[:, :, i, j] = window.reshape(N, C, -1).max(dim=-1)[0]
        return out, (x, pool_param)

    @staticmethod
    def backward(dout, cache):
        x, pool_param = cache
        HH, WW, stride = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
        dx = torch.zeros_like(x)
        N, C, OH, OW = dout.shape
        for n in range(N):
            for c in range(C):
                for i in range(OH):
                    for j in range(OW):
                        r, s = i * stride, j * stride
                        at = int(x[n, c, r : r + HH, s : s + WW].argmax())
                        dx[n, c, r + at // WW, s + at % WW] += dout[n, c, i, j]
        return dx


class BatchNorm(object):
    @staticmethod
    def forward(x, gamma, beta, bn_param):
        mode, eps = bn_param["mode"], bn_param.get("eps", 1e-5)
        momentum = bn_param.get("momentum", 0.9)
        N, D = x.shape
        running_mean = bn_param.get("running_mean", torch.zeros(D, dtype=x.dtype))
        running_var = bn_param.get("running_var", torch.zeros(D, dtype=x.dtype))
        cache = None
        if mode == "train":
            mu, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
            std = (var + eps).sqrt()
            x_hat = (x - mu) / std
            out = gamma * x_hat + beta
            cache = (x_hat, gamma, std)
            running_mean = momentum * running_mean + (1 - momentum) * mu
            running_var = momentum * running_var + (1 - momentum) * var
        else:
            out = gamma * (x - running_mean) / (running_var + eps).sqrt() + beta
        bn_param["running_mean"] = running_mean.detach()
        bn_param["running_var"] = running_var.detach()
        return out, cache

    @staticmethod
    def backward(dout, cache):
        x_hat, gamma, std = cache
        N = dout.shape[0]
        dx_hat = dout * gamma
        dvar = (dx_hat * x_hat).sum(dim=0) * -0.5 / std**2
        dmu = -(dx_hat / std).sum(dim=0)
        dx = dx_hat / std + dvar * 2 * x_hat * std / N + dmu / N
        return dx, (dout * x_hat).sum(dim=0), dout.sum(dim=0)

    @staticmethod
    def backward_alt(dout, cache):
        x_hat, gamma, std = cache
        dbeta, dgamma = dout.sum(dim=0), (dout * x_hat).sum(dim=0)
        N = dout.shape[0]
        dx = gamma / std * (dout - (dbeta + x_hat * dgamma) / N)
        return dx, dgamma, dbeta


class SpatialBatchNorm(object):
    @staticmethod
    def forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, C)
        out, cache = BatchNorm.forward(rows, gamma, beta, bn_param)
        return out.reshape(N, H, W, C).permute(0, 3, 1, 2), cache

    @staticmethod
    def backward(dout, cache):
        N, C, H, W = dout.shape
        rows = dout.permute(0, 2, 3, 1).reshape(-1, C)
        dx, dgamma, dbeta = BatchNorm.backward(rows, cache)
        return dx.reshape(N, H, W, C).permute(0, 3, 1, 2), dgamma, dbeta
