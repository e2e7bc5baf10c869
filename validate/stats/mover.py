"""A slice against its complement: the difference of two changes, which are independent as no example is in both."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import ndtr

from validate.stats.inputs import critical_value, floats, paired_counts
from validate.stats.paired import change, tango_low
from validate.stats.results import Floats, Intervals

MOVER = "difference in differences, MOVER (Zou & Donner 2008)"
RATIO_OF_RATIOS = "ratio of error ratios, log scale with one error added (after Bonett & Price 2006)"
_LARGEST_Z = 37.5  # its p is about 1e-307: further out it cannot be told from 0


def difference_interval(slice: Intervals, complement: Intervals) -> Intervals:
    """Change of the slice minus change of its complement, by square-and-add of two intervals of one level.

    With Newcombe's limits it is Newcombe's (Stat Med 2001;20:2885). Where either has no examples the estimate is NaN
    and the interval [-2, 2].

    Raises:
        ValueError: the levels differ.
    """
    if slice.level != complement.level:
        raise ValueError("both intervals must have one level")
    difference = slice.estimate - complement.estimate
    low = difference - np.hypot(slice.estimate - slice.low, complement.high - complement.estimate)
    high = difference + np.hypot(slice.high - slice.estimate, complement.estimate - complement.low)
    known = np.isfinite(difference)
    return Intervals(
        estimate=difference,
        low=np.where(known, low, -2.0),
        high=np.where(known, high, 2.0),
        level=slice.level,
        method=f"{MOVER} on {slice.method}",
        n=slice.n,
    )


def difference_p(  # noqa: PLR0917  # two times the three counts of a paired table
    gains: ArrayLike, losses: ArrayLike, n: ArrayLike, gains_c: ArrayLike, losses_c: ArrayLike, n_c: ArrayLike
) -> Floats:
    """One-sided p of no extra loss: the alpha at which a limit of the MOVER interval on Tango's reaches 0; (m,).

    Half where the two changes are equal, 1 where either side has no examples.
    """
    inside = paired_counts(gains, losses, n)
    outside = paired_counts(gains_c, losses_c, n_c)
    counts = np.broadcast_arrays(*inside, *outside)
    difference = change(*counts[:3]) - change(*counts[3:])
    p = np.where(np.isnan(difference), 1.0, 0.5)
    for sign in (-1, 1):  # the p of no extra gain is the same with the sides exchanged
        known = np.sign(difference) == sign
        if known.any():
            chosen = [x[known] for x in counts]
            p[known] = ndtr(sign * _root_z(*(chosen if sign < 0 else chosen[3:] + chosen[:3])))
    return p


def error_ratio_of_ratios(
    both_wrong: ArrayLike,
    gains: ArrayLike,
    losses: ArrayLike,
    *,
    both_wrong_c: ArrayLike,
    gains_c: ArrayLike,
    losses_c: ArrayLike,
    level: float = 0.95,
) -> Intervals:
    """How much more the slice's errors grew than its complement's: error ratio over error ratio; above 1 is harm; (m,).

    One error is added to each count, which keeps the ratio finite and draws it a little towards 1.
    """
    log_s, variance_s = _log_ratio(both_wrong, gains, losses)
    log_c, variance_c = _log_ratio(both_wrong_c, gains_c, losses_c)
    center = log_s - log_c
    half_width = critical_value(level) * np.sqrt(variance_s + variance_c)
    return Intervals(
        estimate=np.exp(center),
        low=np.exp(center - half_width),
        high=np.exp(center + half_width),
        level=level,
        method=RATIO_OF_RATIOS,
        n=floats(both_wrong) + floats(gains) + floats(losses),
    )


def _root_z(*counts: Floats) -> Floats:
    """The z at which the upper limit of a negative difference reaches 0."""

    def upper(z: Floats, /, *counts: Floats) -> Floats:
        gains, losses, n, gains_c, losses_c, n_c = counts
        change_s, change_c = change(gains, losses, n), change(gains_c, losses_c, n_c)
        high = -tango_low(losses, gains, n, z) - change_s
        low = change_c - tango_low(gains_c, losses_c, n_c, z)
        return np.asarray(change_s - change_c + np.hypot(high, low))

    largest = np.full(counts[0].shape, _LARGEST_Z)
    reached = upper(largest, *counts) > 0
    z = largest
    if reached.any():
        inner = tuple(x[reached] for x in counts)
        bracket = (np.zeros(inner[0].shape), largest[reached])
        found = elementwise.find_root(upper, bracket, args=inner, tolerances={"xatol": 1e-9, "xrtol": 1e-9})
        if not np.all(found.success):
            raise ArithmeticError("the p-value of a difference could not be found")
        z[reached] = found.x
    return z


def _log_ratio(both_wrong: ArrayLike, gains: ArrayLike, losses: ArrayLike) -> tuple[Floats, Floats]:
    wrong = floats(both_wrong)
    gained, lost, _ = paired_counts(gains, losses, floats(gains) + floats(losses))
    compressed, dense = wrong + lost + 1, wrong + gained + 1
    return np.log(compressed / dense), (gained + lost + 2) / (compressed * dense)
