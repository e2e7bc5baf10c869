"""The change of a rate between paired answers: (gains - losses) / n, and intervals for it.

Tango's score interval decides; the melded interval is the exact option; the others are cross-checks for display, too
permissive or dependent on concordant pairs in the sparse corner where compressed models live.
All functions take counts of m slices, shape (m,), and swap and negate their limits when gains and losses are swapped.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import betainc, betaincc, betainccinv, betaincinv, ndtri, roots_legendre

from validate.stats.inputs import checked_margin, critical_value, floats, one_sided, paired_counts, rate
from validate.stats.rates import wilson_limits
from validate.stats.results import Floats, Intervals

TANGO = "Tango score (1998)"
MELDED = "melded exact (Fay & Lumbard 2021)"
NEWCOMBE = "Newcombe square-and-add (1998, method 10)"
BONETT_PRICE = "Bonett-Price adjusted Wald (2012)"
AGRESTI_MIN = "Agresti-Min adjusted Wald (2005)"
WALD = "Wald"

_TAIL = 1e-17  # mass of the flip rate's confidence distribution left out at either end
_NODES = roots_legendre(64)  # nodes and weights on [-1, 1]


def tango_interval(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """Tango's asymptotic score interval for the change (Stat Med 1998;17:891).

    It excludes 0 exactly when McNemar's uncorrected test rejects, depends on concordant pairs only through n, and has
    a positive width without any flip. Without examples the estimate is NaN and the interval [-1, 1].
    """
    gains, losses, n = paired_counts(gains, losses, n)
    low, high = tango_limits(gains, losses, n, np.full(gains.shape, critical_value(level)))
    return Intervals(estimate=change(gains, losses, n), low=low, high=high, level=level, method=TANGO, n=n)


def tango_limits(gains: Floats, losses: Floats, n: Floats, critical: Floats) -> tuple[Floats, Floats]:
    """Limits of the score interval for checked counts (m,) and critical values (m,), which need not be normal ones."""
    return tango_low(gains, losses, n, critical), -tango_low(losses, gains, n, critical)


def tango_low(gains: Floats, losses: Floats, n: Floats, critical: Floats) -> Floats:
    """The lower limit of `tango_limits`; closed forms where the score equation has a spurious root at the estimate."""
    squared = critical**2
    half_width = squared / (n + squared)
    low = np.where(losses == n, -1.0, np.where(gains == n, 1 - 2 * half_width, -half_width))
    inside = (gains + losses > 0) & (gains < n) & (losses < n)
    low[inside] = change(gains[inside], losses[inside], n[inside])
    inside &= critical > 0
    if inside.any():
        low[inside] = _tango_root(gains[inside], losses[inside], n[inside], squared[inside])
    return low


def tango_z(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike) -> Floats:
    """Tango's z of H0: change <= -margin, large when the change is better than that; (m,).

    With margin 0 it is McNemar's z. Without examples it is 0: nothing speaks against H0.
    """
    gains, losses, n, margins = np.broadcast_arrays(*paired_counts(gains, losses, n), checked_margin(margin))
    deviation = gains - losses + n * margins
    variance = n * _variance_per_pair(-margins, gains, losses, n)
    z: Floats = np.divide(deviation, np.sqrt(variance), out=np.zeros_like(deviation), where=variance > 0)
    return z


def melded_interval(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """The melded exact interval for the change (Fay & Lumbard, Stat Med 2021;40:1147): the exact option.

    It excludes 0 exactly when the exact McNemar test rejects, and is conservative; counts must be whole.
    """
    gains, losses, n = paired_counts(gains, losses, n)
    alpha = one_sided(level)
    low, high = _melded_low(gains, losses, n, alpha), -_melded_low(losses, gains, n, alpha)
    return Intervals(estimate=change(gains, losses, n), low=low, high=high, level=level, method=MELDED, n=n)


def melded_lower_p(gains: Floats, losses: Floats, n: Floats, threshold: Floats) -> Floats:
    """One-sided p of H0: change <= threshold by the melded exact test, for checked counts; all (m,).

    The change is T (2B - 1): T, the rate of flips, and B, the share of gains among them, take confidence distributions
    that are the least favourable to a rejection: B ~ Beta(gains, losses + 1), and T the larger of its two where the
    threshold is below zero.
    """
    gains, losses, n, threshold = np.broadcast_arrays(gains, losses, n, threshold)
    p = np.ones(gains.shape)
    flips = gains + losses
    below = threshold < 0
    all_lost = below & (gains == 0) & (flips < n)
    p[all_lost] = betaincc(flips[all_lost] + 1, (n - flips)[all_lost], -threshold[all_lost])
    all_flip = below & (gains > 0) & (flips == n)
    p[all_flip] = betainc(gains[all_flip], losses[all_flip] + 1, 0.5 + threshold[all_flip] / 2)
    mixed = (gains > 0) & ~all_flip
    if mixed.any():
        p[mixed] = _melded_integral(gains[mixed], losses[mixed], n[mixed], threshold[mixed])
    return p


def newcombe_interval(
    both_right: ArrayLike, gains: ArrayLike, losses: ArrayLike, both_wrong: ArrayLike, *, level: float = 0.95
) -> Intervals:
    """Newcombe's square-and-add interval from two Wilson intervals (Stat Med 1998;17:2635, method 10); a cross-check.

    Too permissive for decisions where both models are often wrong together: its plug-in correlation is close to 1.
    """
    a, d = floats(both_right), floats(both_wrong)
    gains, losses, n = paired_counts(gains, losses, a + d + floats(gains) + floats(losses))
    critical = critical_value(level)
    (low_c, high_c), (low_d, high_d) = wilson_limits(a + gains, n, critical), wilson_limits(a + losses, n, critical)
    compressed, dense = rate(a + gains, n), rate(a + losses, n)
    phi = _correlation(a, gains, losses, d)
    estimate = change(gains, losses, n)
    low = estimate - _square_and_add(compressed - low_c, high_d - dense, phi)
    high = estimate + _square_and_add(dense - low_d, high_c - compressed, phi)
    return _clipped(estimate, (low, high), n, level, NEWCOMBE)


def bonett_price_interval(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """Wald's interval with one gain and one loss added (Bonett & Price, Br J Math Stat Psychol 2012); a cross-check.

    The estimate is the plain one; the interval is centred at (gains - losses) / (n + 2).
    """
    gains, losses, n = paired_counts(gains, losses, n)
    center, se = bonett_price_parts(gains, losses, n)
    half_width = critical_value(level) * se
    return _clipped(change(gains, losses, n), (center - half_width, center + half_width), n, level, BONETT_PRICE)


def bonett_price_parts(gains: Floats, losses: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Centre and standard error of the Bonett-Price interval, each (m,)."""
    center = (gains - losses) / (n + 2)
    return center, np.sqrt(((gains + losses + 2) / (n + 2) - center**2) / (n + 2))


def agresti_min_interval(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """Wald's interval with half an example added to each cell (Agresti & Min, Stat Med 2005;24:729); a cross-check."""
    gains, losses, n = paired_counts(gains, losses, n)
    center, half_width = _wald_parts(gains + 0.5, losses + 0.5, n + 2, level)
    return _clipped(change(gains, losses, n), (center - half_width, center + half_width), n, level, AGRESTI_MIN)


def wald_interval(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """The textbook interval; a cross-check that must never decide: without flips it has no width."""
    gains, losses, n = paired_counts(gains, losses, n)
    estimate, half_width = _wald_parts(gains, losses, n, level)
    return _clipped(estimate, (estimate - half_width, estimate + half_width), n, level, WALD)


def change(gains: Floats, losses: Floats, n: Floats) -> Floats:
    """(gains - losses) / n, NaN without examples; (m,)."""
    return rate(gains - losses, n)


def _variance_per_pair(t: Floats, gains: Floats, losses: Floats, n: Floats) -> Floats:
    """Variance of one pair's difference at the constrained maximum likelihood estimate under change = t."""
    n = np.maximum(n, np.finfo(float).tiny)
    a = 2 * n
    b = -gains - losses + (2 * n - gains + losses) * t
    c = -losses * t * (1 - t)
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0))
    positive = b > 0  # the form without cancellation, needed for n around 10 million
    loss = np.where(positive, -2 * c, -b + root) / np.where(positive, b + root, 2 * a)
    return np.asarray(2 * loss + t * (1 - t))


def _tango_root(gains: Floats, losses: Floats, n: Floats, squared: Floats) -> Floats:
    def score_equation(t: Floats, /, *counts: Floats) -> Floats:
        gains, losses, n, squared = counts
        return (gains - losses - n * t) ** 2 - squared * n * _variance_per_pair(t, gains, losses, n)

    found = elementwise.find_root(
        score_equation,
        (np.full(gains.shape, -1.0), change(gains, losses, n)),
        args=(gains, losses, n, squared),
        tolerances={"xatol": 1e-14, "xrtol": 1e-14, "fatol": 0, "frtol": 0},
    )
    if not np.all(found.success):
        raise ArithmeticError("the score equation of a slice could not be solved")
    return np.asarray(found.x)


def _melded_low(gains: Floats, losses: Floats, n: Floats, alpha: float) -> Floats:
    """The threshold at which the melded p is alpha; closed forms (Clopper-Pearson) without gains."""
    flips = gains + losses
    some_rest = (gains == 0) & (flips < n)
    low = np.full(gains.shape, -1.0)
    low[some_rest] = -betaincinv(flips[some_rest] + 1, (n - flips)[some_rest], 1 - alpha)
    some_gain = gains > 0
    if some_gain.any():
        low[some_gain] = _melded_root(gains[some_gain], losses[some_gain], n[some_gain], alpha)
    return low


def _melded_root(gains: Floats, losses: Floats, n: Floats, alpha: float) -> Floats:
    goal = ndtri(alpha)

    def excess(threshold: Floats, /, *counts: Floats) -> Floats:
        gains, losses, n = counts
        p = melded_lower_p(gains, losses, n, threshold)  # nearly linear in the threshold on the normal scale
        return np.asarray(ndtri(np.clip(p, 1e-300, 1 - 1e-16)) - goal)

    start = tango_limits(gains, losses, n, np.full(gains.shape, -goal))[0]
    step = np.maximum(1 / n, 1e-12)
    bracket = elementwise.bracket_root(
        excess, np.maximum(start - step, -1), start, xmin=-1, xmax=1, args=(gains, losses, n)
    )
    found = elementwise.find_root(
        excess, bracket.bracket, args=(gains, losses, n), tolerances={"xatol": 1e-10, "xrtol": 1e-10}
    )
    if not np.all(found.success):
        raise ArithmeticError("the melded interval of a slice could not be found")
    return np.asarray(found.x)


def _melded_integral(gains: Floats, losses: Floats, n: Floats, threshold: Floats) -> Floats:
    """P(T (2B - 1) <= threshold) with some gain, by Gauss-Legendre quadrature over the bulk of T."""
    upper = threshold < 0
    a, b = gains + losses + upper, n - gains - losses + ~upper
    cut = np.abs(threshold)  # T below it decides: with the smaller T everything counts, with the larger one nothing
    left = np.maximum(cut, betaincinv(a, b, _TAIL))
    right = np.maximum(left, betainccinv(a, b, _TAIL))
    nodes, weights = _NODES
    t = np.minimum(left[:, None] + (right - left)[:, None] * (nodes + 1) / 2, np.nextafter(1, 0))  # finite log(1 - t)
    share = np.clip(0.5 + threshold[:, None] / (2 * t), 0, 1)
    log_density = (a[:, None] - 1) * np.log(t) + (b[:, None] - 1) * np.log1p(-t)
    density = weights * np.exp(log_density - log_density.max(axis=1, keepdims=True))
    inner = (density * betainc(gains[:, None], losses[:, None] + 1, share)).sum(axis=1) / density.sum(axis=1)
    mass = betaincc(a, b, cut)
    return np.asarray(np.clip(np.where(upper, 0, 1 - mass) + mass * inner, 0, 1))


def _correlation(a: Floats, gains: Floats, losses: Floats, d: Floats) -> Floats:
    """Newcombe's continuity-corrected correlation of the two models' answers, 0 where a marginal is empty."""
    product = (a + gains) * (losses + d) * (a + losses) * (gains + d)
    numerator = a * d - gains * losses
    numerator = np.where(numerator > 0, np.maximum(numerator - (a + gains + losses + d) / 2, 0), numerator)
    return np.divide(numerator, np.sqrt(product), out=np.zeros_like(product), where=product > 0)


def _square_and_add(first: Floats, second: Floats, phi: Floats) -> Floats:
    return np.sqrt(np.maximum(first**2 - 2 * phi * first * second + second**2, 0))


def _wald_parts(gains: Floats, losses: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    estimate = change(gains, losses, n)
    se = np.sqrt(np.maximum(rate(gains + losses, n) - estimate**2, 0) / np.maximum(n, 1e-300))
    return estimate, critical_value(level) * se


def _clipped(estimate: Floats, limits: tuple[Floats, Floats], n: Floats, level: float, method: str) -> Intervals:
    """Limits within [-1, 1], and all of it where there is nothing to estimate from."""
    low, high = (np.where(np.isnan(estimate), empty, limit) for limit, empty in zip(limits, (-1.0, 1.0), strict=True))
    return Intervals(
        estimate=estimate, low=np.maximum(low, -1), high=np.minimum(high, 1), level=level, method=method, n=n
    )
