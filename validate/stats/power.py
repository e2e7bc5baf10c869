"""How many examples a decision needs, and how likely it is with those there are."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, nctdtr, ndtri, stdtrit, xlog1py, xlogy

from validate.stats.inputs import checked_margin, critical_value, one_sided
from validate.stats.noninferiority import smallest_n
from validate.stats.paired import tango_z
from validate.stats.results import Floats
from validate.stats.significance import mcnemar

NAM = "score test sample size (Nam 1997; Liu et al. 2002)"
CONNOR = "McNemar sample size (Connor 1987)"
_ROUNDING = 1e-12
_TAIL = 1e-13  # probability of a number of flips that enumeration leaves out


def nam_sample_size(p_gain: float, p_loss: float, margin: float, *, power: float, level: float = 0.95) -> int:
    """Examples to PASS the margin with this power if gains and losses have these rates (Nam 1997; Liu et al. 2002).

    At least as many as a slice needs that never flips. Slightly conservative: the exact power there is a little higher.

    Raises:
        ValueError: rates that are none, or a true loss at or beyond the margin, which no size can PASS with.
    """
    _check_rates(p_gain, p_loss)
    change = p_gain - p_loss
    if change + margin <= _ROUNDING:
        raise ValueError("a loss at or beyond the margin cannot PASS with any number of examples")
    b = -p_gain - p_loss - (2 - change) * margin
    loss = (-b + math.sqrt(max(b * b - 8 * p_loss * margin * (1 + margin), 0.0))) / 4
    at_margin = 2 * loss - margin * (1 + margin)
    planned = max(p_gain + p_loss - change**2, 0.0)
    root = critical_value(level) * math.sqrt(at_margin) + _normal(power) * math.sqrt(planned)
    return max(math.ceil((root / (change + margin)) ** 2), smallest_n(margin, level=level))


def power_for_each(power: float, slices: int) -> float:
    """The power each of so many guarded slices needs, so that all PASS together with this power (Bonferroni)."""
    return 1 - (1 - power) / slices


def tango_power(n: int, p_gain: float, p_loss: float, margin: float, *, level: float = 0.95) -> float:
    """Exact probability that n examples PASS the margin, by enumeration of all gains and losses."""
    margins, critical = checked_margin(margin), critical_value(level)

    def passes(gains: Floats, losses: Floats) -> NDArray[np.bool_]:
        return tango_z(gains, losses, n, margins) > critical

    return _probability(n, p_gain, p_loss, passes)


def mcnemar_power(
    n: int,
    p_gain: float,
    p_loss: float,
    *,
    alpha: float = 0.05,
    kind: Literal["mid-p", "exact", "asymptotic"] = "mid-p",
) -> float:
    """Exact probability that McNemar's two-sided test of n examples rejects at alpha, by enumeration."""

    def rejects(gains: Floats, losses: Floats) -> NDArray[np.bool_]:
        return mcnemar(gains, losses, kind=kind) <= alpha

    return _probability(n, p_gain, p_loss, rejects)


def connor_sample_size(
    p_gain: float, p_loss: float, *, alpha: float = 0.05, sides: Literal[1, 2] = 2, power: float
) -> int:
    """Examples for McNemar's test to find a change between these rates (Connor, Biometrics 1987;43:207).

    Raises:
        ValueError: rates that are none, or equal: then there is no change to find.
    """
    _check_rates(p_gain, p_loss)
    change, flips = p_gain - p_loss, p_gain + p_loss
    if change == 0:
        raise ValueError("there is no change to find where gains and losses are equally likely")
    root = _normal(1 - alpha / sides) * math.sqrt(flips) + _normal(power) * math.sqrt(flips - change**2)
    return math.ceil((root / change) ** 2)


def paired_t_sample_size(margin: float, sd: float, *, power: float, level: float = 0.95) -> float:
    """Examples (not rounded) for a paired t test to show a mean change better than -margin if there is none.

    `sd` is the standard deviation of the differences.

    Raises:
        ValueError: a margin or a standard deviation that is not positive.
    """
    if not (margin > 0 and sd > 0):
        raise ValueError("margin and standard deviation must be positive")
    alpha = one_sided(level)
    if not 0 < power < 1:
        raise ValueError("power must be between 0 and 1")

    def shortfall(n: float) -> float:
        df = n - 1
        return power - (1 - float(nctdtr(df, margin / sd * math.sqrt(n), stdtrit(df, 1 - alpha))))

    most = 4.0
    while shortfall(most) > 0:
        most *= 2
    return float(brentq(shortfall, 1 + 1e-6, most))


def _probability(n: int, p_gain: float, p_loss: float, event: Callable[[Floats, Floats], NDArray[np.bool_]]) -> float:
    """Probability of an event of the trinomial (gains, losses) of n examples; rare numbers of flips are left out."""
    _check_rates(p_gain, p_loss)
    churn = p_gain + p_loss
    flips = np.arange(n + 1, dtype=np.float64)
    weights = np.exp(_log_binomial(flips, n, churn))
    flips, weights = flips[weights > _TAIL], weights[weights > _TAIL]
    total = 0.0
    for m, weight in zip(flips, weights, strict=True):
        gains = np.arange(m + 1)
        chance = np.exp(_log_binomial(gains, m, p_gain / churn if churn else 0.0))
        total += float(weight * (chance @ event(gains, m - gains)))
    return total


def _log_binomial(k: Floats, n: float, p: float) -> Floats:
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.asarray(ways + xlogy(k, p) + xlog1py(n - k, -p))


def _normal(probability: float) -> float:
    if not 0 < probability < 1:
        raise ValueError("power and alpha must be between 0 and 1")
    return float(ndtri(probability))


def _check_rates(p_gain: float, p_loss: float) -> None:
    if not (p_gain >= 0 and p_loss >= 0 and p_gain + p_loss <= 1):
        raise ValueError("rates of gains and losses must not be negative, and add up to at most 1")
