"""The mean of paired differences, or of two independent groups: score per example, then Student or bootstrap.

For many slices at once, from sums alone, see `moments`.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from validate.stats.bootstrap import mean_bootstrap_interval, unit_sums, varies
from validate.stats.inputs import floats, one_sided
from validate.stats.moments import PAIRED_T
from validate.stats.results import Floats, Interval

WELCH = "Welch t, unequal variances (1947)"
FEWEST_GUARDED = 50  # examples, or clusters, of which a loss in a tenth is missed with a probability below .01
FEWEST_CHANGED = 10  # changed examples, or clusters, that the differences must be worth
_UNSEEN = 2  # losses as large as the largest difference that are added before a slice may PASS
_SKEWED = 0.1  # skewness of the mean beyond which Student's t is not trusted


@dataclass(frozen=True, kw_only=True)
class StudentT:
    """A t test of a mean difference of zero; p is two-sided and NaN where the differences do not vary."""

    interval: Interval
    t: float
    df: float
    p: float
    n: int  # differences, or values of both groups


def mean_interval(
    differences: ArrayLike,
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
    resamples: int = 9999,
) -> Interval:
    """The mean of compressed - dense scores (n,): Student's t where it holds, else a bootstrap that says its name.

    Student's t holds for 30 independent differences or more with a mean that is hardly skewed; else the bootstrap is
    studentised. With `clusters` (n,) whole clusters are resampled. Fewer than 10 differences (or clusters), or
    differences that are all the same, decide nothing: the limits are infinite.
    """
    values = _finite(differences)
    if clusters is None and values.size >= 30:
        spread = values.std()
        skewness = np.mean((values - values.mean()) ** 3) / spread**3 / np.sqrt(values.size) if spread > 0 else 0.0
        if abs(skewness) <= _SKEWED:
            return paired_t(values, level=level).interval
    return mean_bootstrap_interval(values, level=level, rng=rng, clusters=clusters, resamples=resamples)


def guarded_low(differences: ArrayLike, *, level: float = 0.95, clusters: NDArray[np.int64] | None = None) -> float:
    """A lower limit of the mean that a loss which is large and rare does not pass easily; -infinity decides nothing.

    Student's t after two losses as large as the largest difference were added, as Agresti and Coull add two failures to
    a rate. Fewer than 50 differences (or clusters) decide nothing, nor do those that are worth fewer than ten changed
    ones: a handful of large ones says too little of how large and how frequent such are (Kish's effective number).
    """
    values = _finite(differences)
    sums, sizes = unit_sums(values, clusters)
    if sums.size < FEWEST_GUARDED or not varies(values) or worth_changed(sums) < FEWEST_CHANGED:
        return -np.inf
    added = np.full(_UNSEEN, np.abs(sums).max())
    s, n = np.concatenate([sums, -added]), np.concatenate([sizes, np.full(_UNSEEN, sizes.mean())])
    mean, k = s.sum() / n.sum(), s.size
    se = np.sqrt(np.square(s - n * mean).sum() * k / (k - 1)) / n.sum()
    return float(mean - stdtrit(k - 1, 1 - one_sided(level)) * se)


def worth_changed(sums: ArrayLike) -> float:
    """How many changed examples, all changed as much, the differences (n,) are worth (Kish 1965); 0 without any."""
    found = np.abs(floats(sums))
    return round(float(found.sum() ** 2 / (found @ found)), 9) if found.any() else 0.0  # ten alike are ten


def paired_t(differences: ArrayLike, *, level: float = 0.95) -> StudentT:
    """Student's t of n differences; without variance the limits are infinite and there is no p.

    `mean_interval` is for decisions: it trusts no fewer than 10.
    """
    values = _finite(differences)
    estimate = float(values.mean()) if values.size else np.nan
    if not varies(values):
        return _undefined(estimate, values.size, level, PAIRED_T)
    from scipy import stats  # takes a second to import

    t = stats.ttest_1samp(values, 0.0)
    interval = replace(_interval(estimate, t.confidence_interval(level), level, PAIRED_T), n=values.size)
    return StudentT(interval=interval, t=float(t.statistic), df=float(t.df), p=float(t.pvalue), n=values.size)


def welch_t(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> StudentT:
    """Welch's t of the difference of two independent groups' means, first - second; no variance gives no p."""
    x, y = _finite(first), _finite(second)
    estimate = float(x.mean() - y.mean()) if x.size and y.size else np.nan
    if min(x.size, y.size) < 2 or not (varies(x) or varies(y)):
        return _undefined(estimate, x.size + y.size, level, WELCH)
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # one group may be constant: its variance is none, not imprecise
        t = stats.ttest_ind(x, y, equal_var=False)
    interval = replace(_interval(estimate, t.confidence_interval(level), level, WELCH), n=x.size + y.size)
    return StudentT(interval=interval, t=float(t.statistic), df=float(t.df), p=float(t.pvalue), n=x.size + y.size)


def _interval(estimate: float, limits: Any, level: float, method: str) -> Interval:  # noqa: ANN401  # scipy's own pair
    return Interval(estimate=estimate, low=float(limits.low), high=float(limits.high), level=level, method=method)


def _undefined(estimate: float, n: int, level: float, method: str) -> StudentT:
    one_sided(level)
    interval = Interval(estimate=estimate, low=-np.inf, high=np.inf, level=level, method=method, n=n)
    return StudentT(interval=interval, t=np.nan, df=np.nan, p=np.nan, n=n)


def _finite(values: ArrayLike) -> Floats:
    found = floats(values)
    if found.ndim != 1 or not np.all(np.isfinite(found)):
        raise ValueError("differences must be a sequence of finite numbers")
    return found
