"""Adam with decoupled weight decay."""

from __future__ import annotations

from handgrad.optimizers.adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    r"""Adam whose weight decay shrinks the parameters, past the division by the root mean square.

    .. math:: \theta_t = (1 - \eta \lambda) \, \theta_{t-1} - \eta \,
        \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \varepsilon}

    with :math:`m_t` and :math:`v_t` as in `Adam`.

    Parameters
    ----------
    lr : float, default 0.001
        Learning rate :math:`\eta`, at least 0.
    betas : pair of float, default (0.9, 0.999)
        Decay of the two means, each at least 0 and below 1.
    eps : float, default 1e-8
        :math:`\varepsilon`, above 0.
    weight_decay : float, default 0.01
        :math:`\lambda`, at least 0.
    max_norm : float, optional
        Gradients whose norm is larger are first scaled down to it.
    decay : {"all", "weights"}, default "all"
        Whether the weight decay leaves out biases, gammas and betas; see `Optimizer`.
    l1 : float, default 0
        The strength of an L1 penalty, at least 0; see `Optimizer`.

    Raises
    ------
    ArgumentError
        An option is outside its range.

    Notes
    -----
    **Why decoupled.** In `Adam` the penalty's gradient :math:`\lambda \theta` is part of
    :math:`g`, so it is divided by :math:`\sqrt{v}` too: a parameter whose gradients are large is
    decayed less than one whose gradients are small. Here every parameter shrinks by the same
    factor, as in gradient descent, where

    .. math:: \theta - \eta (g + \lambda \theta) = (1 - \eta \lambda) \, \theta - \eta g .

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2. As in
    PyTorch, the decay is multiplied by :math:`\eta`.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.array([1.0, 2.0])
    >>> AdamW(lr=0.5, weight_decay=0.2).update(parameters, np.array([1e-3, -1e3]))
    >>> parameters.round(4)
    array([0.4, 2.3])
    """

    decoupled = True

    def __init__(
        self,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        max_norm: float | None = None,
        decay: str = "all",
        l1: float = 0.0,
    ) -> None:
        super().__init__(
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            max_norm=max_norm,
            decay=decay,
            l1=l1,
        )
