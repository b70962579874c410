r"""The standard normal distribution, as far as an activation needs it: NumPy has no ``erf``.

.. math::
    \varphi(x) = \frac{1}{\sqrt{2 \pi}} e^{-x^2/2}, \qquad
    \Phi(x) = \int_{-\infty}^{x} \varphi(t) \, dt
            = \frac{1}{2} \Bigl( 1 + \operatorname{erf} \frac{x}{\sqrt{2}} \Bigr), \qquad
    \Phi'(x) = \varphi(x).

**Double precision.** With :math:`z = |x|` the upper tail is :math:`1 - \Phi(z) = e^{-z^2/2} \,
P(z) / Q(z)`, a quotient of polynomials of the degrees 6 and 7, and :math:`\Phi(-z) = 1 - \Phi(z)`.
It is right to :math:`2 \cdot 10^{-16}` everywhere; far out in the lower tail, where :math:`\Phi`
itself is smaller than that, to five digits still. (Hart et al., "Computer Approximations" (1968),
ERFC 5666; as written by West, "Better approximations to cumulative normal functions", Wilmott
(2005).)

**Single precision.** :math:`\Phi(x) = \frac{1}{2} (1 + \tanh(x R(x^2)))`, where :math:`R` would be
constant for a logistic distribution, and is nearly so. With its two first terms this is the tanh
form of GELU; with the seven here, for which the largest error of :math:`\Phi` is the least
possible, that is :math:`3 \cdot 10^{-8}`, half the spacing of single precision below 1, and
:math:`10^{-7}` with the rounding. It takes half the time of the quotient.
"""

from __future__ import annotations

import math

import numpy as np

from handgrad.arguments import Array

__all__ = ["FAR", "normal_cdf", "normal_density"]

FAR = 40.0
"""Beyond it the distribution function is 0 or 1 in every precision."""

# Coefficients from the highest degree down.
_P = (
    3.52624965998911e-02, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
    221.213596169931, 220.206867912376,
)  # fmt: skip
_Q = (
    8.83883476483184e-02, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
    637.333633378831, 793.826512519948, 440.413735824752,
)  # fmt: skip
_R = (
    1.7561577791e-09, -1.3226275336e-07, 3.9647359056e-06, -5.5306141293e-05, -3.2595103967e-05,
    0.036333084694, 0.79788494145,
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Return the polynomial's values, by Horner's rule."""
    y: Array = np.multiply(x, coefficients[0], out=np.empty_like(x))
    for coefficient in coefficients[1:-1]:
        y += coefficient
        y *= x
    y += coefficients[-1]
    return y


def normal_cdf(x: Array) -> Array:
    r"""Return :math:`\Phi(x)`, the share of a standard normal variable that is below `x`.

    Examples
    --------
    >>> normal_cdf(np.array([-1.0, 0.0, 1.0, 10.0])).round(6)
    array([0.158655, 0.5     , 0.841345, 1.      ])
    """
    if x.dtype == np.float16:  # whose range is too small for either formula
        return normal_cdf(x.astype(np.float32)).astype(x.dtype)
    if x.dtype == np.float32:
        with np.errstate(over="ignore"):  # of what is infinite the tanh is 1
            y = _polynomial(_R, np.multiply(x, x, out=np.empty_like(x)))
            y *= x
        np.tanh(y, out=y)
        y *= 0.5
        y += 0.5
        return y
    x = x.clip(-FAR, FAR, out=np.empty_like(x))
    z = np.maximum(x, -x)  # |x|, in a form that is analytic on either side of 0
    tail = np.exp(-0.5 * z * z) * _polynomial(_P, z) / _polynomial(_Q, z)
    return np.where(x > 0, 1 - tail, tail)


def normal_density(x: Array) -> Array:
    r"""Return :math:`\varphi(x)`, the slope of `normal_cdf`.

    Examples
    --------
    >>> normal_density(np.array([-1.0, 0.0, 1e300])).round(6)
    array([0.241971, 0.398942, 0.      ])
    """
    with np.errstate(over="ignore"):
        y = np.multiply(x, x, out=np.empty_like(x))
    y *= -0.5
    np.exp(y, out=y)
    y *= 1 / math.sqrt(2 * math.pi)
    return y
