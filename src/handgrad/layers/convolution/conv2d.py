"""The convolution of images."""

from __future__ import annotations

from handgrad.layers.convolution._convolution import Convolution

__all__ = ["Conv2d"]


class Conv2d(Convolution):
    r"""A convolution: each window of an image, times the same weights.

    .. math::
        y_{nhwk} = b_k + \sum_{i=0}^{k_1 - 1} \sum_{j=0}^{k_2 - 1} \sum_{c=0}^{C - 1}
            \hat x_{n, \; s_1 h + d_1 i, \; s_2 w + d_2 j, \; c} \; w_{ijck}

    where :math:`\hat x` is the image with :math:`p_1` rows of zeros above and below it and
    :math:`p_2` columns of zeros on its left and on its right. The kernel is not turned round, as in
    every library, though strictly that makes it a cross-correlation.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, C, and of the output, K.
    kernel_size : int or pair of int
        Rows and columns of the kernel, :math:`k_1` and :math:`k_2`; one number for both.
    stride : int or pair of int, default 1
        How far a window is from the one before it, :math:`s_1` and :math:`s_2`.
    padding : int, pair of int, or "same", default 0
        How many zeros are put on each side, :math:`p_1` and :math:`p_2`. With ``"same"`` there are
        as many windows as entries: :math:`d (k - 1)` zeros in all, half of them in front, an odd
        one behind. It is for a stride of 1, as in PyTorch.
    dilation : int or pair of int, default 1
        How far a tap of the kernel is from the one before it, :math:`d_1` and :math:`d_2`.
    groups : int, default 1
        Into how many groups of neighbours the channels are split, on both sides; each group of the
        output sees its own group of the input alone. With C groups each channel is by itself.
    bias : bool, default True
        Whether there is a bias.
    init, bias_init : str or function, default "he" and "zeros"
        How the weights and the bias are drawn, see `handgrad.initializers`.
    rng : numpy.random.Generator, optional
        Where the initial parameters are drawn from; NumPy's global state where it is None.
    dtype : data type, default float64
        The parameters' floating type.

    Attributes
    ----------
    weights : Array, (k1, k2, C / groups, K)
        As in Keras and JAX; of PyTorch's weights it is ``weights.permute(2, 3, 1, 0)``.
    bias : Array, (K,)
        None where there is none.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, a padding is negative or "same" with a stride, `groups`
        does not divide the channels, an initializer is none, or `rng` is not a generator.
    ShapeError
        An input has not four axes and C channels on the last one, or is smaller than a window. A
        single image is ``x[None]``: the first axis is always the minibatch's.

    Notes
    -----
    **Gradients.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math::
        db_k &= \sum_{nhw} dy_{nhwk} \\
        dw_{ijck} &= \sum_{nhw} \hat x_{n, \; s_1 h + d_1 i, \; s_2 w + d_2 j, \; c} \; dy_{nhwk} \\
        d\hat x_{nuvc} &= \sum_{ij} \sum_{hw} [u = s_1 h + d_1 i] \, [v = s_2 w + d_2 j]
            \sum_k dy_{nhwk} \, w_{ijck}

    and :math:`dx_{nuvc} = d\hat x_{n, \; u + p_1, \; v + p_2, \; c}`: what reaches the zeros around
    the image is gone, since they are constants.

    **Derivation.** The loss sees everything through the outputs, so the gradient of any quantity
    :math:`q` is :math:`\sum_{nhwk} dy_{nhwk} \, \partial y_{nhwk} / \partial q`. The definition is
    a sum of products, and gives

    .. math::
        \frac{\partial y_{nhwk}}{\partial b_l} &= [k = l] \\
        \frac{\partial y_{nhwk}}{\partial w_{ijcl}}
            &= \hat x_{n, \; s_1 h + d_1 i, \; s_2 w + d_2 j, \; c} \; [k = l] \\
        \frac{\partial y_{nhwk}}{\partial \hat x_{muvc}}
            &= [n = m] \sum_{ij} [u = s_1 h + d_1 i] \, [v = s_2 w + d_2 j] \, w_{ijck}

    of which the sums above are what is left when the conditions on :math:`k = l` and :math:`n = m`
    have taken their sums away.

    **In matrices.** Give each window :math:`r = (n, h, w)` a row and each tap and channel
    :math:`f = (i, j, c)` a column:

    .. math:: X_{rf} = \hat x_{n, \; s_1 h + d_1 i, \; s_2 w + d_2 j, \; c}, \qquad
              y_{rk} = \sum_f X_{rf} \, w_{fk} + 1 \cdot b_k.

    That is `Linear` with windows for rows, and the bias is the weight of one more column, of ones:

    .. math::
        Y = [X \,|\, 1] \begin{bmatrix} W \\ b \end{bmatrix}, \qquad
        \begin{bmatrix} dW \\ db \end{bmatrix} = [X \,|\, 1]^T dY,

    where the sum over :math:`r` is taken a block of rows at a time:
    ``sum(rows.mT @ by_group(dy[block], G) for block, rows in X)``. The lines of this page stand in
    `handgrad.layers.convolution._convolution`; ``X`` is made in ``_columns``, beside it.

    **The third gradient, scattered.** Hold a tap :math:`(i, j)` fixed. Its sum over :math:`k` is a
    product of matrices, ``share = dy @ W[i, j].T``, with an entry for each window and channel. The
    conditions say where the share of window :math:`(h, w)` goes: to row :math:`s_1 h + d_1 i` and
    column :math:`s_2 w + d_2 j`. For all windows together these are two slices, which begin at
    :math:`d_1 i` and :math:`d_2 j` and have the strides as their steps, so that no two windows
    meet. With ``part`` the entries of :math:`d\hat x` there, each tap does ``part += share``.

    **The same, gathered.** Where the strides are 1 the conditions leave one window for each tap,
    :math:`h = u - d_1 i` and :math:`w = v - d_2 j`, and take the sums over windows away:

    .. math:: d\hat x_{nuvc} = \sum_{ijk} dy_{n, \; u - d_1 i, \; v - d_2 j, \; k} \; w_{ijck},

    with :math:`dy = 0` where there is no window. Count the taps from behind,
    :math:`i = k_1 - 1 - i'`, and the entries without their padding, :math:`u = u' + p_1`; likewise
    for columns. With :math:`q = d (k - 1) - p` for both axes,

    .. math::
        dx_{nu'v'c} = \sum_{i'j'k} dy_{n, \; u' + d_1 i' - q_1, \; v' + d_2 j' - q_2, \; k} \;
            w_{k_1 - 1 - i', \; k_2 - 1 - j', \; c, \; k}.

    That is a convolution again, of :math:`dy` with :math:`q_1` rows and :math:`q_2` columns of
    zeros around it; its kernel is turned round, and its channels are exchanged. So the code calls
    what computes :math:`y`, ``correlated``. It scatters where a :math:`q` would be negative, and
    where K is more than 8 C, since then there is more to gather than to scatter.

    **Groups.** Output channel :math:`k` of group :math:`g` sees input channels
    :math:`g C / G, \ldots, (g + 1) C / G - 1`, and nothing else changes: each product of matrices
    becomes one a group. ``by_group`` splits the last axis and puts the groups in front, where
    ``@`` takes them one by one.

    **Shapes.** :math:`x` and :math:`dx` (N, H, W, C), :math:`y` and :math:`dy` (N, H', W', K) with

    .. math:: H' = \lfloor (H + 2 p_1 - d_1 (k_1 - 1) - 1) / s_1 \rfloor + 1

    and likewise W'. Where a stride does not divide, no window sees the last rows or columns.

    **Saved.** The padded image, and :math:`[X | 1]` where it is small. Else it is made again in the
    backward pass, since it is :math:`k_1 k_2` times as large as the image: a block at a time, in
    memory that each thread keeps for it, 8 MiB at most in float64.

    References
    ----------
    LeCun et al., "Backpropagation applied to handwritten zip code recognition", Neural Computation
    1 (1989); Chellapilla, Puri and Simard, "High performance convolutional neural networks for
    document processing" (2006), section 2, for the matrix of windows; Dumoulin and Visin, "A guide
    to convolution arithmetic for deep learning" (2016), relationships 6 and 15, for the shapes.

    Examples
    --------
    Differences between the two columns of a window:

    >>> import numpy as np
    >>> conv = Conv2d(1, 1, kernel_size=(1, 2), bias=False)
    >>> conv.weights = [[[[-1.0]], [[1.0]]]]
    >>> image = [[0.0, 1.0, 5.0], [2.0, 2.0, 2.0]]
    >>> conv(np.reshape(image, (1, 2, 3, 1)))[0, :, :, 0]
    array([[1., 4.],
           [0., 0.]])
    >>> conv.grad(np.reshape([[1.0, 10.0], [0.0, 0.0]], (1, 2, 2, 1)))[0, :, :, 0]
    array([[-1., -9., 10.],
           [ 0.,  0.,  0.]])
    >>> conv.gradients["weights"].ravel()
    array([10., 51.])
    >>> Conv2d(3, 16, 3, stride=2, padding=1).output_shape((None, 28, 28, 3))
    (None, 14, 14, 16)
    """

    _letters = "HW"
