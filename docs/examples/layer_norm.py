import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    normal = (x - x.mean(axis=1, keepdims=True)) / std
    out = gamma * normal + beta
    return out, (normal, std, gamma)


def layernorm_backward(dout, cache):
    normal, std, gamma = cache
    g = dout * gamma
    dx = (
        g - g.mean(axis=1, keepdims=True) - normal * (g * normal).mean(axis=0, keepdims=True)
    ) / std
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)
