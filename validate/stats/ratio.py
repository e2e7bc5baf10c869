"""The ratio of two models' error rates on the same examples, by a score test that few errors do not deceive.

With b errors of both, g gains, l losses and a ratio r the statistic is T = r (b + g) - (b + l): above 0 where the
compressed model errs less than r times as often as the dense one. Its variance is that of the most likely rates under
errors exactly r times as frequent (Tang, Tang & Chan, Stat Med 2003;22:1217), and T is drawn towards 0 by half a step.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise

from validate.stats.inputs import critical_value, floats, paired_counts, rate
from validate.stats.results import Floats, Intervals

SCORE_RATIO = "score, ratio of error rates, continuity-corrected (Tang, Tang & Chan 2003)"
_LARGEST = 1e6  # ratios that a limit is looked for up to


def error_ratio_z(both_wrong: ArrayLike, gains: ArrayLike, losses: ArrayLike, ratio: ArrayLike) -> Floats:
    """The score z of H0: errors grew by this factor or more, large where they grew less; 0 without errors; (m,).

    Raises:
        ValueError: counts that are none, or a ratio that is not positive and finite.
    """
    wrong, gained, lost = _counts(both_wrong, gains, losses)
    wrong, gained, lost, ratios = np.broadcast_arrays(wrong, gained, lost, floats(ratio))
    if not np.all(np.isfinite(ratios) & (ratios > 0)):
        raise ValueError("a ratio must be positive and finite")
    return _z(wrong, gained, lost, ratios)


def error_ratio_score_interval(
    both_wrong: ArrayLike, gains: ArrayLike, losses: ArrayLike, *, level: float = 0.95
) -> Intervals:
    """Errors of the compressed model over errors of the dense one, by inverting the score test; above 1 is harm; (m,).

    Its upper limit is below a ratio exactly when the test rejects it. Without any error the ratio is NaN and the
    interval [0, infinity]; a limit beyond a millionfold is none.
    """
    wrong, gained, lost = np.broadcast_arrays(*_counts(both_wrong, gains, losses))
    critical = critical_value(level)
    high = _upper(wrong, gained, lost, critical)
    inverse = _upper(wrong, lost, gained, critical)
    compressed, dense = wrong + lost, wrong + gained
    return Intervals(
        estimate=np.where((dense == 0) & (compressed > 0), np.inf, rate(compressed, dense)),
        low=1 / inverse,
        high=high,
        level=level,
        method=SCORE_RATIO,
        n=wrong + gained + lost,
    )


def smallest_errors(ratio: float, *, level: float = 0.95) -> int:
    """Errors of the dense model without which a slice cannot PASS this ratio unless it gains: none flips, all stay.

    Raises:
        ValueError: a ratio that is not above 1.
    """
    if not (np.isfinite(ratio) and ratio > 1):
        raise ValueError("a margin ratio must be finite and above 1")
    critical, growth = critical_value(level), ratio - 1
    root = (critical + np.sqrt(critical**2 + 2 * ratio)) / 2  # of growth × b - critical × sqrt(growth × b) - ratio / 2
    return int(np.floor(root**2 / growth)) + 1


def errors_needed(flips: float, ratio: float, *, critical: float, power: float) -> int:
    """Errors of the dense model to PASS this ratio if gains and losses are equally likely; normal approximation.

    `flips` are gains and losses per error of the dense model, `critical` and `power` normal quantiles.
    """
    gained = lost = floats(min(flips, 2.0) / 2)
    wrong = 1 - gained
    _, at_margin = _score(wrong, gained, lost, floats(ratio))
    planned = np.sqrt(lost + ratio**2 * gained + (ratio - 1) ** 2 * wrong)
    root = float((critical * at_margin + power * planned)[0])
    growth = ratio - 1  # of growth × E - root × sqrt(E) - ratio / 2
    return int(np.ceil(((root + np.sqrt(root**2 + 2 * ratio * growth)) / (2 * growth)) ** 2))


def _counts(both_wrong: ArrayLike, gains: ArrayLike, losses: ArrayLike) -> tuple[Floats, Floats, Floats]:
    gained, lost, _ = paired_counts(gains, losses, floats(gains) + floats(losses))
    wrong, _, _ = paired_counts(both_wrong, 0, both_wrong)
    return wrong, gained, lost


def _z(wrong: Floats, gained: Floats, lost: Floats, ratio: Floats) -> Floats:
    t, sd = _score(wrong, gained, lost, ratio)
    shrunk = np.sign(t) * np.maximum(np.abs(t) - np.maximum(ratio, 1) / 2, 0)
    z: Floats = np.divide(shrunk, sd, out=np.zeros_like(t), where=sd > 0)
    return z


def _score(wrong: Floats, gained: Floats, lost: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    """T and its standard deviation under errors exactly `ratio` times as frequent."""
    t = ratio * (wrong + gained) - (wrong + lost)
    below = ratio < 1  # the same question with the models exchanged, in a unit `ratio` times as large
    g, lo, r = np.where(below, lost, gained), np.where(below, gained, lost), np.where(below, 1 / ratio, ratio)
    return t, np.where(below, ratio, 1.0) * np.sqrt(_variance(wrong, g, lo, r))


def _variance(b: Floats, g: Floats, lo: Floats, r: Floats) -> Floats:
    """Variance of T at the most likely counts with lo + b = r (g + b), for r >= 1: a quadratic in the multiplier."""
    c = lo - r * g - (r - 1) * b
    square = r * (r - 1) * (b + g + lo)
    linear = -lo * (2 * r - 1) - r * g * (2 - r) + (r - 1) ** 2 * b
    root = np.sqrt(np.maximum(linear**2 - 4 * square * c, 0))
    negative = linear <= 0
    up, down = np.where(negative, 2 * c, -linear - root), np.where(negative, root - linear, 2 * square)
    multiplier = np.divide(up, down, out=np.zeros_like(up), where=down != 0)
    gained = np.divide(g, 1 - multiplier * r, out=np.zeros_like(g), where=g > 0)
    wrong = np.divide(b, 1 - multiplier * (r - 1), out=np.zeros_like(b), where=b > 0)
    return np.asarray(np.maximum(b + g + lo - gained - wrong + r**2 * gained + (r - 1) ** 2 * wrong, 0))


def _upper(wrong: Floats, gained: Floats, lost: Floats, critical: float) -> Floats:
    """The ratio at which z reaches the critical value; infinity where none does."""

    def room(log_ratio: Floats, wrong: Floats, gained: Floats, lost: Floats, /) -> Floats:
        return _z(wrong, gained, lost, np.exp(log_ratio)) - critical

    high = np.full(wrong.shape, np.inf)
    counts = wrong, gained, lost
    estimate = rate(wrong + lost, wrong + gained)
    start = np.log(np.clip(np.nan_to_num(estimate, nan=1.0), 1 / _LARGEST, _LARGEST))
    reached = (wrong + gained > 0) & (room(np.full(wrong.shape, np.log(_LARGEST)), *counts) > 0)
    reached &= room(start, *counts) < 0
    if reached.any():
        inner = tuple(x[reached] for x in counts)
        bracket = start[reached], np.full(int(reached.sum()), np.log(_LARGEST))
        found = elementwise.find_root(room, bracket, args=inner, tolerances={"xatol": 1e-12, "xrtol": 1e-12})
        if not np.all(found.success):
            raise ArithmeticError("a limit of an error ratio could not be found")
        high[reached] = np.exp(found.x)
    return high
