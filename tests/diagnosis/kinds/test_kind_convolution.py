"""Convolutions and pools as people write them, and what only special input shows."""

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status
from students import conventions


class Conv:
    """Four loops, over images, filters and both axes of places."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.W = np.random.randn(kernel_size, kernel_size, in_channels, out_channels)
        self.b = np.zeros(out_channels)
        self.k, self.s, self.p = kernel_size, stride, padding

    def windows(self, shape):
        """Yield each image, row and column of the output, and the window of the padded input."""
        N, H, W = shape[:3]
        for n in range(N):
            for h in range((H - self.k) // self.s + 1):
                for w in range((W - self.k) // self.s + 1):
                    top, left = h * self.s, w * self.s
                    rows, columns = slice(top, top + self.k), slice(left, left + self.k)
                    yield (n, h, w), (n, rows, columns)

    def pad(self, x):
        around = (self.p, self.p)
        return np.pad(x, ((0, 0), around, around, (0, 0)))

    def __call__(self, x):
        self.x = self.pad(x)
        N, H, W, _ = self.x.shape
        side = [(size - self.k) // self.s + 1 for size in (H, W)]
        y = np.zeros((N, *side, len(self.b)))
        for place, window in self.windows(self.x.shape):
            for f in range(len(self.b)):
                y[(*place, f)] = (self.x[window] * self.W[..., f]).sum() + self.b[f]
        return y

    def grad(self, dy):
        dx, dW, db = np.zeros(self.x.shape), np.zeros_like(self.W), np.zeros_like(self.b)
        for place, window in self.windows(self.x.shape):
            for f in range(len(self.b)):
                dW[..., f] += self.x[window] * dy[(*place, f)]
                db[f] += dy[(*place, f)]
                dx[window] += self.W[..., f] * dy[(*place, f)]
        p = self.p
        return dx[:, p : dx.shape[1] - p, p : dx.shape[2] - p], dW, db


class Plain(Conv):
    """Neither stride nor padding."""

    def __init__(self, n_in, n_out, size):
        super().__init__(n_in, n_out, size)


class Refusing(Conv):
    """A stride has to divide, and a kernel to be square."""

    def pad(self, x):
        x = super().pad(x)
        for size in x.shape[1:3]:
            assert (size - self.k) % self.s == 0, "the stride does not divide"
        return x


class Turned(Conv):
    """A convolution in the mathematical sense."""

    def __call__(self, x):
        self.W = self.W[::-1, ::-1]
        y = super().__call__(x)
        self.W = self.W[::-1, ::-1]
        return y

    def grad(self, dy):
        self.W = self.W[::-1, ::-1]
        dx, dW, db = super().grad(dy)
        self.W = self.W[::-1, ::-1]
        return dx, dW[::-1, ::-1], db


@pytest.mark.parametrize(
    ("cls", "named"),
    [
        (Conv, set()),
        (Plain, set()),
        (Refusing, set()),
        (Turned, {"the kernel is turned, as in mathematics"}),
    ],
)
def test_a_convolution_that_is_right_is_called_so(cls, named):
    diagnosis = diagnose(cls, "conv2d")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == named
    refused = [note for note in diagnosis.notes if "does not take" in note]
    assert any("kernel that is not square" in note for note in refused)
    assert any("stride that does not divide" in note for note in refused) is (cls is Refusing)


class Uncut(Conv):
    def grad(self, dy):
        p, self.p = self.p, 0
        gradients = super().grad(dy)
        self.p = p
        return gradients


class Overwritten(Conv):
    """Nothing adds up in the loops."""

    def grad(self, dy):
        dx, dW, db = np.zeros(self.x.shape), np.zeros_like(self.W), np.zeros_like(self.b)
        for place, window in self.windows(self.x.shape):
            for f in range(len(self.b)):
                dW[..., f] = self.x[window] * dy[(*place, f)]
                db[f] = dy[(*place, f)]
                dx[window] = self.W[..., f] * dy[(*place, f)]
        p = self.p
        return dx[:, p : dx.shape[1] - p, p : dx.shape[2] - p], dW, db


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Uncut, {"the padding is not cut off the gradient of the input"}),
        (
            Overwritten,
            {
                "only the last window counts",
                "the bias' gradient is that of the last place alone",
                "neither windows nor filters add up in the gradient of the input",
            },
        ),
    ],
)
def test_a_convolution_that_is_wrong_is_told_why(cls, names):
    assert {cause.name for cause in diagnose(cls, "conv2d").causes} == names


class Sequence:
    """A convolution over steps, by one product of matrices."""

    def __init__(self, channels_in, channels_out, kernel, stride, pad):
        self.w, self.b = np.zeros((kernel, channels_in, channels_out)), np.zeros(channels_out)
        self.k, self.s, self.p = kernel, stride, pad

    def forward(self, x):
        x = np.pad(x, ((0, 0), (self.p, self.p), (0, 0)))
        self.T = x.shape[1]
        self.at = np.arange(0, self.T - self.k + 1, self.s)[:, None] + np.arange(self.k)
        self.columns = x[:, self.at]
        return np.einsum("ntkc,kcf->ntf", self.columns, self.w) + self.b

    def backward(self, dy):
        self.dw = np.einsum("ntkc,ntf->kcf", self.columns, dy)
        self.db = dy.sum(axis=(0, 1))
        dx = np.zeros((len(dy), self.T, self.w.shape[1]))
        np.add.at(dx, (slice(None), self.at), np.einsum("ntf,kcf->ntkc", dy, self.w))
        return dx[:, self.p : self.T - self.p]


def test_a_convolution_of_sequences_that_is_right_is_called_so():
    diagnosis = diagnose(Sequence, "conv1d")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


class Pool(Conv):
    """The maximum of each window; all of several get its gradient."""

    def __init__(self, pool_size, stride):
        self.k, self.s, self.p = pool_size, stride, 0

    def __call__(self, x):
        self.x = x
        N, H, W, C = x.shape
        y = np.zeros((N, (H - self.k) // self.s + 1, (W - self.k) // self.s + 1, C))
        for place, window in self.windows(x.shape):
            y[place] = x[window].max(axis=(0, 1))
        return y

    def share(self, window, dy):
        return (window == window.max(axis=(0, 1))) * dy

    def grad(self, dy):
        dx = np.zeros(self.x.shape)
        for place, window in self.windows(self.x.shape):
            dx[window] += self.share(self.x[window], dy[place])
        return dx


class Shared(Pool):
    def share(self, window, dy):
        mask = window == window.max(axis=(0, 1))
        return mask / mask.sum(axis=(0, 1)) * dy


class First(Pool):
    def share(self, window, dy):
        share = np.zeros(window.shape)
        for c in range(window.shape[-1]):
            at = np.unravel_index(window[..., c].argmax(), window.shape[:2])
            share[(*at, c)] = dy[c]
        return share


class Last(Pool):
    def share(self, window, dy):
        return First.share(self, window[::-1, ::-1], dy)[::-1, ::-1]


@pytest.mark.parametrize(
    ("cls", "named"),
    [
        (Pool, {"every one of several largest entries gets the gradient"}),
        (Shared, {"several largest entries share the gradient"}),
        (First, set()),
        (Last, {"the last of several largest entries gets the gradient"}),
    ],
)
def test_several_largest_entries_are_a_matter_of_convention(cls, named):
    diagnosis = diagnose(cls, "max_pool2d")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == named


class SideBySide(First):
    """Windows side by side, whose size is all that there is to say."""

    def __init__(self, kernel):
        super().__init__(kernel, kernel)


def test_a_pool_without_a_stride_has_windows_side_by_side():
    diagnosis = diagnose(SideBySide, "max_pool2d")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


class Overwriting(Pool):
    def grad(self, dy):
        dx = np.zeros(self.x.shape)
        for place, window in self.windows(self.x.shape):
            dx[window] = self.share(self.x[window], dy[place])
        return dx


class Everywhere(Pool):
    def share(self, window, dy):
        return np.ones(window.shape) * dy


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (Overwriting, "overlapping windows overwrite each other"),
        (Everywhere, "the gradient goes to every entry of the window"),
    ],
)
def test_a_pool_that_is_wrong_is_told_why(cls, name):
    assert [cause.name for cause in diagnose(cls, "max_pool2d").causes] == [name]


class Mean(Pool):
    def __call__(self, x):
        super().__call__(x)
        return np.stack(
            [
                [
                    [x[n, h : h + self.k, w : w + self.k].mean(axis=(0, 1)) for w in self.at(2)]
                    for h in self.at(1)
                ]
                for n in range(len(x))
            ]
        )

    def at(self, axis):
        return range(0, self.x.shape[axis] - self.k + 1, self.s)

    def share(self, window, dy):
        return np.ones(window.shape) * dy / self.k**2


def test_an_average_pool_that_is_right_is_called_so():
    diagnosis = diagnose(Mean, "avg_pool2d")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
