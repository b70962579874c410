"""The convolution of sequences."""

from __future__ import annotations

from handgrad.layers.convolution._convolution import Convolution

__all__ = ["Conv1d"]


class Conv1d(Convolution):
    r"""A convolution along time: each window of a sequence, times the same weights.

    .. math::
        y_{ntk} = b_k + \sum_{i=0}^{\kappa - 1} \sum_{c=0}^{C - 1}
            \hat x_{n, \; s t + d i, \; c} \; w_{ick}

    where :math:`\hat x` is the sequence with :math:`p` zeros in front and behind, and
    :math:`\kappa` the kernel's size. The kernel is not turned round, as in every library.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, C, and of the output, K.
    kernel_size : int
        Steps that a window sees, :math:`\kappa`.
    stride : int, default 1
        How far a window is from the one before it, :math:`s`.
    padding : int or "same", default 0
        How many zeros are put on each side, :math:`p`. With ``"same"`` there are as many windows as
        steps: :math:`d (\kappa - 1)` zeros in all, half of them in front, an odd one behind. It is
        for a stride of 1, as in PyTorch.
    dilation : int, default 1
        How far a tap of the kernel is from the one before it, :math:`d`.
    groups : int, default 1
        Into how many groups of neighbours the channels are split, on both sides; each group of the
        output sees its own group of the input alone.
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
    weights : Array, (kernel_size, C / groups, K)
        As in Keras and JAX; of PyTorch's weights it is ``weights.permute(2, 1, 0)``.
    bias : Array, (K,)
        None where there is none.

    Raises
    ------
    ArgumentError
        A size is not a positive integer, a padding is negative or "same" with a stride, `groups`
        does not divide the channels, an initializer is none, or `rng` is not a generator.
    ShapeError
        An input has not three axes and C channels on the last one, or is shorter than a window. A
        single sequence is ``x[None]``: the first axis is always the minibatch's.

    Notes
    -----
    **Gradients.** With :math:`[\cdot]` 1 where the condition holds and 0 elsewhere,

    .. math::
        db_k = \sum_{nt} dy_{ntk}, \qquad
        dw_{ick} = \sum_{nt} \hat x_{n, \; s t + d i, \; c} \; dy_{ntk}, \qquad
        d\hat x_{nuc} = \sum_i \sum_t [u = s t + d i] \sum_k dy_{ntk} \, w_{ick}

    and :math:`dx_{nuc} = d\hat x_{n, \; u + p, \; c}`: the zeros around the sequence are constants.

    **Derivation.** The gradient of any quantity :math:`q` is
    :math:`\sum_{ntk} dy_{ntk} \, \partial y_{ntk} / \partial q`, and the definition gives

    .. math::
        \frac{\partial y_{ntk}}{\partial b_l} = [k = l], \qquad
        \frac{\partial y_{ntk}}{\partial w_{icl}} = \hat x_{n, \; s t + d i, \; c} \; [k = l],
        \qquad
        \frac{\partial y_{ntk}}{\partial \hat x_{muc}} = [n = m] \sum_i [u = s t + d i] \, w_{ick}.

    **In matrices.** Give each window :math:`r = (n, t)` a row, and each tap and channel
    :math:`f = (i, c)` a column, :math:`X_{rf} = \hat x_{n, \; s t + d i, \; c}`. Then a convolution
    is `Linear`, and the bias is the weight of one more column, of ones:

    .. math::
        Y = [X \,|\, 1] \begin{bmatrix} W \\ b \end{bmatrix}, \qquad
        \begin{bmatrix} dW \\ db \end{bmatrix} = [X \,|\, 1]^T dY,

    of which the code adds up a block of rows at a time,
    ``sum(rows.mT @ by_group(dy[block], G) for block, rows in X)``.

    For :math:`d\hat x` hold a tap :math:`i` fixed: its sum over :math:`k` is
    ``share = dy @ W[i].T``, and the condition sends the share of window :math:`t` to step
    :math:`s t + d i`. For all windows that is one slice, which begins at :math:`d i` and has the
    step :math:`s`; call it ``part``, and each tap does ``part += share``.

    With a stride of 1 the condition leaves one window for each tap, :math:`t = u - d i`. Count the
    taps from behind, :math:`i' = \kappa - 1 - i`, and steps without the padding,
    :math:`u' = u - p`:

    .. math::
        dx_{nu'c} = \sum_{i'k} dy_{n, \; u' + d i' - (d (\kappa - 1) - p), \; k} \;
            w_{\kappa - 1 - i', \, c \, k}

    is a convolution again, of :math:`dy` with :math:`d (\kappa - 1) - p` zeros around it, whose
    kernel is turned round and has its channels exchanged. So the code calls what computes
    :math:`y`, ``correlated``. `Conv2d` has the same with two axes, and says where the code does
    which, and what groups change.

    **Shapes.** :math:`x` and :math:`dx` (N, T, C), :math:`y` and :math:`dy` (N, T', K) with
    :math:`T' = \lfloor (T + 2 p - d (\kappa - 1) - 1) / s \rfloor + 1`. Where the stride does not
    divide, no window sees the last steps.

    **Saved.** The padded sequence, and :math:`[X | 1]` where it is small; else it is made again.

    References
    ----------
    Waibel, Hanazawa, Hinton, Shikano and Lang, "Phoneme recognition using time-delay neural
    networks", IEEE Transactions on Acoustics, Speech and Signal Processing 37 (1989).

    Examples
    --------
    A mean over three steps, with zeros beyond the ends:

    >>> conv = Conv1d(1, 1, kernel_size=3, padding="same", bias=False)
    >>> conv.weights = [[[1 / 3]], [[1 / 3]], [[1 / 3]]]
    >>> conv([[[3.0], [6.0], [9.0], [0.0]]]).ravel()
    array([3., 6., 5., 3.])
    >>> conv.grad([[[0.0], [3.0], [0.0], [0.0]]]).ravel()
    array([1., 1., 1., 0.])
    >>> conv.gradients["weights"].ravel()
    array([ 9., 18., 27.])
    """

    _letters = "T"
