"""MyTorch as its handout writes it: weights (out, in), ones for the sums, gradients in attributes."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features, debug=False):
        self.W = np.zeros((out_features, in_features))
        self.b = np.zeros((out_features, 1))
        self.debug = debug

    def forward(self, A):
        self.A = A
        self.N = A.shape[0]
        self.Ones = np.ones((self.N, 1))
        Z = self.A @ self.W.T + self.Ones @ self.b.T
        return Z

    def backward(self, dLdZ):
        dLdA = dLdZ @ self.W
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.T @ self.Ones
        return dLdA


class Sigmoid:
    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))
        return self.A

    def backward(self, dLdA):
        dAdZ = self.A - self.A * self.A
        dLdZ = dLdA * dAdZ
        return dLdZ


class Tanh:
    def forward(self, Z):
        self.A = np.tanh(Z)
        return self.A

    def backward(self, dLdA):
        dAdZ = 1 - self.A * self.A
        dLdZ = dLdA * dAdZ
        return dLdZ


class ReLU:
    def forward(self, Z):
        self.A = np.maximum(Z, 0)
        return self.A

    def backward(self, dLdA):
        dAdZ = np.where(self.A > 0, 1, 0)
        dLdZ = dLdA * dAdZ
        return dLdZ


class Softmax:
    def forward(self, Z):
        shifted = np.exp(Z - np.max(Z, axis=1, keepdims=True))
        self.A = shifted / np.sum(shifted, axis=1, keepdims=True)
        return self.A

    def backward(self, dLdA):
        N, C = dLdA.shape
        dLdZ = np.zeros((N, C))
        for i in range(N):
            J = np.zeros((C, C))
            for m in range(C):
                for n in range(C):
                    if m == n:
                        J[m, n] = self.A[i, m] * (1 - self.A[i, m])
                    else:
                        J[m, n] = -self.A[i, m] * self.A[i, n]
            dLdZ[i, :] = dLdA[i, :] @ J
        return dLdZ


class MSELoss:
    def forward(self, A, Y):
        self.A = A
        self.Y = Y
        self.N = A.shape[0]
        self.C = A.shape[1]
        se = (A - Y) * (A - Y)
        Ones_N = np.ones((self.N, 1))
        Ones_C = np.ones((self.C, 1))
        sse = Ones_N.T @ se @ Ones_C
        mse = sse[0, 0] / (self.N * self.C)
        return mse

    def backward(self):
        dLdA = 2 * (self.A - self.Y) / (self.N * self.C)
        return dLdA


class CrossEntropyLoss:
    def forward(self, A, Y):
        self.A = A
        self.Y = Y
        N = A.shape[0]
        C = A.shape[1]
        Ones_C = np.ones((C, 1))
        Ones_N = np.ones((N, 1))
        shifted = A - A.max(axis=1, keepdims=True)
        self.softmax = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
        log_softmax = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        crossentropy = (-self.Y * log_softmax) @ Ones_C
        sum_crossentropy = Ones_N.T @ crossentropy
        L = sum_crossentropy[0, 0] / N
        return L

    def backward(self):
        N = self.A.shape[0]
        dLdA = (self.softmax - self.Y) / N
        return dLdA


class BatchNorm1d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.BW = np.ones((1, num_features))
        self.Bb = np.zeros((1, num_features))
        self.dLdBW = np.zeros((1, num_features))
        self.dLdBb = np.zeros((1, num_features))
        self.running_M = np.zeros((1, num_features))
        self.running_V = np.ones((1, num_features))

    def forward(self, Z, eval=False):
        self.Z = Z
        self.N = Z.shape[0]
        if eval:
            self.NZ = (Z - self.running_M) / np.sqrt(self.running_V + self.eps)
            return self.BW * self.NZ + self.Bb
        self.M = np.mean(Z, axis=0, keepdims=True)
        self.V = np.var(Z, axis=0, keepdims=True)
        self.NZ = (Z - self.M) / np.sqrt(self.V + self.eps)
        self.BZ = self.BW * self.NZ + self.Bb
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * self.M
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * self.V
        return self.BZ

    def backward(self, dLdBZ):
        self.dLdBW = np.sum(dLdBZ * self.NZ, axis=0, keepdims=True)
        self.dLdBb = np.sum(dLdBZ, axis=0, keepdims=True)
        dLdNZ = dLdBZ * self.BW
        std = np.sqrt(self.V + self.eps)
        dLdV = -0.5 * np.sum(dLdNZ * (self.Z - self.M) / std**3, axis=0, keepdims=True)
        centred = np.mean(self.Z - self.M, axis=0, keepdims=True)
        dLdM = -np.sum(dLdNZ / std, axis=0, keepdims=True) - 2 * dLdV * centred
        dLdZ = dLdNZ / std + dLdV * 2 * (self.Z - self.M) / self.N + dLdM / self.N
        return dLdZ


class Conv1d_stride1:  # noqa: N801 (the course's name)
    def __init__(
        self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None
    ):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size))
        self.b = np.zeros(out_channels)
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = np.zeros(self.b.shape)

    def forward(self, A):
        self.A = A
        size = A.shape[2] - self.kernel_size + 1
        Z = np.zeros((A.shape[0], self.out_channels, size))
        for i in range(size):
            part = A[:, :, i : i + self.kernel_size]
            Z[:, :, i] = np.tensordot(part, self.W, axes=([1, 2], [1, 2])) + self.b
        return Z

    def backward(self, dLdZ):
        self.dLdb = np.sum(dLdZ, axis=(0, 2))
        size = dLdZ.shape[2]
        self.dLdW = np.zeros(self.W.shape)
        for k in range(self.kernel_size):
            part = self.A[:, :, k : k + size]
            self.dLdW[:, :, k] = np.tensordot(dLdZ, part, axes=([0, 2], [0, 2]))
        pad = self.kernel_size - 1
        padded = np.pad(dLdZ, ((0, 0), (0, 0), (pad, pad)))
        flipped = self.W[:, :, ::-1]
        dLdA = np.zeros(self.A.shape)
        for i in range(self.A.shape[2]):
            part = padded[:, :, i : i + self.kernel_size]
            dLdA[:, :, i] = np.tensordot(part, flipped, axes=([1, 2], [0, 2]))
        return dLdA


class Conv2d_stride1:  # noqa: N801 (the course's name)
    def __init__(
        self, in_channels, out_channels, kernel_size, weight_init_fn=None, bias_init_fn=None
    ):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size, kernel_size))
        self.b = np.zeros(out_channels)
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = np.zeros(self.b.shape)

    def forward(self, A):
        self.A = A
        K = self.kernel_size
        height, width = A.shape[2] - K + 1, A.shape[3] - K + 1
        Z = np.zeros((A.shape[0], self.out_channels, height, width))
        for i in range(height):
            for j in range(width):
                part = A[:, :, i : i + K, j : j + K]
                Z[:, :, i, j] = np.tensordot(part, self.W, axes=([1, 2, 3], [1, 2, 3])) + self.b
        return Z

    def backward(self, dLdZ):
        K = self.kernel_size
        height, width = dLdZ.shape[2:]
        self.dLdb = np.sum(dLdZ, axis=(0, 2, 3))
        for i in range(K):
            for j in range(K):
                part = self.A[:, :, i : i + height, j : j + width]
                self.dLdW[:, :, i, j] = np.tensordot(dLdZ, part, axes=([0, 2, 3], [0, 2, 3]))
        pad = K - 1
        padded = np.pad(dLdZ, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        flipped = np.flip(self.W, axis=(2, 3))
        dLdA = np.zeros(self.A.shape)
        for i in range(self.A.shape[2]):
            for j in range(self.A.shape[3]):
                part = padded[:, :, i : i + K, j : j + K]
                dLdA[:, :, i, j] = np.tensordot(part, flipped, axes=([1, 2, 3], [0, 2, 3]))
        return dLdA


class MaxPool2d_stride1:  # noqa: N801 (the course's name)
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.A = A
        K = self.kernel
        Z = np.zeros((*A.shape[:2], A.shape[2] - K + 1, A.shape[3] - K + 1))
        for i in range(Z.shape[2]):
            for j in range(Z.shape[3]):
                Z[:, :, i, j] = A[:, :, i : i + K, j : j + K].max(axis=(2, 3))
        return Z

    def backward(self, dLdZ):
        K = self.kernel
        dLdA = np.zeros(self.A.shape)
        for n in range(dLdZ.shape[0]):
            for c in range(dLdZ.shape[1]):
                for i in range(dLdZ.shape[2]):
                    for j in range(dLdZ.shape[3]):
                        part = self.A[n, c, i : i + K, j : j + K]
                        a, b = np.unravel_index(np.argmax(part), part.shape)
                        dLdA[n, c, i + a, j + b] += dLdZ[n, c, i, j]
        return dLdA


class MeanPool2d_stride1:  # noqa: N801 (the course's name)
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.shape = A.shape
        K = self.kernel
        Z = np.zeros((*A.shape[:2], A.shape[2] - K + 1, A.shape[3] - K + 1))
        for i in range(Z.shape[2]):
            for j in range(Z.shape[3]):
                Z[:, :, i, j] = A[:, :, i : i + K, j : j + K].mean(axis=(2, 3))
        return Z

    def backward(self, dLdZ):
        K = self.kernel
        dLdA = np.zeros(self.shape)
        for i in range(dLdZ.shape[2]):
            for j in range(dLdZ.shape[3]):
                share = dLdZ[:, :, i, j][:, :, None, None] / K**2
                dLdA[:, :, i : i + K, j : j + K] += share
        return dLdA
