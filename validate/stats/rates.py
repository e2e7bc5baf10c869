"""One rate, such as churn or the share of losses, with its interval."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from validate.stats.inputs import critical_value, one_sided, paired_counts, rate
from validate.stats.results import Floats, Intervals

WILSON = "Wilson score (1927)"
CLOPPER_PEARSON = "Clopper-Pearson exact (1934)"


def wilson_interval(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """Wilson's score interval for events out of n: what a report shows; [0, 1] without examples."""
    x, _, n = paired_counts(events, 0, n)
    low, high = wilson_limits(x, n, critical_value(level))
    return Intervals(estimate=rate(x, n), low=low, high=high, level=level, method=WILSON, n=n)


def clopper_pearson_interval(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Intervals:
    """The exact interval for events out of n: what a guarantee quotes; [0, 1] without examples."""
    x, _, n = paired_counts(events, 0, n)
    alpha = one_sided(level)
    some, rest = x > 0, x < n
    low = np.where(some, betaincinv(np.where(some, x, 1), n - x + 1, alpha), 0.0)
    high = np.where(rest, betaincinv(x + 1, np.where(rest, n - x, 1), 1 - alpha), 1.0)
    return Intervals(estimate=rate(x, n), low=low, high=high, level=level, method=CLOPPER_PEARSON, n=n)


def wilson_limits(events: Floats, n: Floats, critical: float | Floats) -> tuple[Floats, Floats]:
    """Limits of Wilson's interval for checked counts (m,); exactly 0 without events and 1 without others."""
    squared = critical**2
    center = events + squared / 2
    spread = critical * np.sqrt(squared / 4 + np.divide(events * (n - events), n, out=np.zeros_like(n), where=n > 0))
    low = np.where(events == 0, 0.0, (center - spread) / (n + squared))
    high = np.where(events == n, 1.0, (center + spread) / (n + squared))
    return low, high
