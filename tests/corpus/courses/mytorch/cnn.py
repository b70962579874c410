"""Right, in the interface of mytorch: signals and images, the channels first."""

import numpy as np


class Conv1d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.kernel_size = kernel_size
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size))
        self.b = np.zeros(out_channels)

    def forward(self, A):
        self.A = A
        size = A.shape[2] - self.kernel_size + 1
        Z = np.zeros((A.shape[0], self.W.shape[0], size))
        for i in range(size):
            Z[:, :, i] = np.tensordot(A[:, :, i : i + self.kernel_size], self.W, ([1, 2], [1, 2]))
        return Z + self.b[:, None]

    def backward(self, dLdZ):
        k = self.kernel_size
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = dLdZ.sum(axis=(0, 2))
        dLdA = np.zeros(self.A.shape)
        for i in range(dLdZ.shape[2]):
            self.dLdW += np.tensordot(dLdZ[:, :, i].T, self.A[:, :, i : i + k], 1)
            dLdA[:, :, i : i + k] += np.tensordot(dLdZ[:, :, i], self.W, 1)
        return dLdA


class Conv1d:
    def __init__(self, in_channels, out_channels, kernel_size, stride, padding=0):
        self.stride, self.pad = stride, padding
        self.conv1d_stride1 = Conv1d_stride1(in_channels, out_channels, kernel_size)

    def forward(self, A):
        A = np.pad(A, ((0, 0), (0, 0), (self.pad, self.pad)))
        Z = self.conv1d_stride1.forward(A)
        self.width = Z.shape[2]
        return Z[:, :, :: self.stride]

    def backward(self, dLdZ):
        spread = np.zeros((*dLdZ.shape[:2], self.width))
        spread[:, :, :: self.stride] = dLdZ
        dLdA = self.conv1d_stride1.backward(spread)
        return dLdA[:, :, self.pad : dLdA.shape[2] - self.pad]


class Conv2d_stride1:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.kernel_size = kernel_size
        self.W = np.random.normal(0, 1.0, (out_channels, in_channels, kernel_size, kernel_size))
        self.b = np.zeros(out_channels)

    def forward(self, A):
        self.A, k = A, self.kernel_size
        H, W = A.shape[2] - k + 1, A.shape[3] - k + 1
        Z = np.zeros((A.shape[0], self.W.shape[0], H, W))
        for i in range(H):
            for j in range(W):
                window = A[:, :, i : i + k, j : j + k]
                Z[:, :, i, j] = np.tensordot(window, self.W, ([1, 2, 3], [1, 2, 3]))
        return Z + self.b[:, None, None]

    def backward(self, dLdZ):
        k = self.kernel_size
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = dLdZ.sum(axis=(0, 2, 3))
        dLdA = np.zeros(self.A.shape)
        for i in range(dLdZ.shape[2]):
            for j in range(dLdZ.shape[3]):
                window = self.A[:, :, i : i + k, j : j + k]
                self.dLdW += np.tensordot(dLdZ[:, :, i, j].T, window, 1)
                dLdA[:, :, i : i + k, j : j + k] += np.tensordot(dLdZ[:, :, i, j], self.W, 1)
        return dLdA


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride, padding=0):
        self.stride, self.pad = stride, padding
        self.conv2d_stride1 = Conv2d_stride1(in_channels, out_channels, kernel_size)

    def forward(self, A):
        p = self.pad
        Z = self.conv2d_stride1.forward(np.pad(A, ((0, 0), (0, 0), (p, p), (p, p))))
        self.shape = Z.shape
        return Z[:, :, :: self.stride, :: self.stride]

    def backward(self, dLdZ):
        spread, p = np.zeros(self.shape), self.pad
        spread[:, :, :: self.stride, :: self.stride] = dLdZ
        dLdA = self.conv2d_stride1.backward(spread)
        return dLdA[:, :, p : dLdA.shape[2] - p, p : dLdA.shape[3] - p]


class MaxPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.A, k = A, self.kernel
        H, W = A.shape[2] - k + 1, A.shape[3] - k + 1
        Z = np.zeros((*A.shape[:2], H, W))
        for i in range(H):
            for j in range(W):
                Z[:, :, i, j] = A[:, :, i : i + k, j : j + k].max(axis=(2, 3))
        return Z

    def backward(self, dLdZ):
        k, dLdA = self.kernel, np.zeros(self.A.shape)
        for n, c, i, j in np.ndindex(dLdZ.shape):
            window = self.A[n, c, i : i + k, j : j + k]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dLdA[n, c, i + a, j + b] += dLdZ[n, c, i, j]
        return dLdA


class MeanPool2d_stride1:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, A):
        self.A, k = A, self.kernel
        H, W = A.shape[2] - k + 1, A.shape[3] - k + 1
        Z = np.zeros((*A.shape[:2], H, W))
        for i in range(H):
            for j in range(W):
                Z[:, :, i, j] = A[:, :, i : i + k, j : j + k].mean(axis=(2, 3))
        return Z

    def backward(self, dLdZ):
        k, dLdA = self.kernel, np.zeros(self.A.shape)
        for i in range(dLdZ.shape[2]):
            for j in range(dLdZ.shape[3]):
                dLdA[:, :, i : i + k, j : j + k] += dLdZ[:, :, i : i + 1, j : j + 1] / k**2
        return dLdA


class MaxPool2d:
    def __init__(self, kernel, stride):
        self.stride = stride
        self.maxpool2d_stride1 = MaxPool2d_stride1(kernel)

    def forward(self, A):
        Z = self.maxpool2d_stride1.forward(A)
        self.shape = Z.shape
        return Z[:, :, :: self.stride, :: self.stride]

    def backward(self, dLdZ):
        spread = np.zeros(self.shape)
        spread[:, :, :: self.stride, :: self.stride] = dLdZ
        return self.maxpool2d_stride1.backward(spread)


class MeanPool2d:
    def __init__(self, kernel, stride):
        self.stride = stride
        self.meanpool2d_stride1 = MeanPool2d_stride1(kernel)

    def forward(self, A):
        Z = self.meanpool2d_stride1.forward(A)
        self.shape = Z.shape
        return Z[:, :, :: self.stride, :: self.stride]

    def backward(self, dLdZ):
        spread = np.zeros(self.shape)
        spread[:, :, :: self.stride, :: self.stride] = dLdZ
        return self.meanpool2d_stride1.backward(spread)
