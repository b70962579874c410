import numpy as np


def highway_forward(x, h, g):
    t = 1 / (1 + np.exp(-g))
    return t * h + (1 - t) * x, (x, h, t)


def highway_backward(dout, cache):
    x, h, t = cache
    return dout * t, dout * t, dout * (h - x) * t * (1 - t)
