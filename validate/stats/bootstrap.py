"""Resampling whole examples or whole clusters, for numbers that no formula covers; never for rates (see `paired`)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.inputs import floats, one_sided
from validate.stats.results import Floats, Interval

FEWEST = 10  # examples, or clusters, below which resampling decides nothing
_JACKKNIFE = 1000  # units up to which the bias is corrected by leaving each out

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bootstrap:
    """An interval with what the resamples say of the estimate."""

    interval: Interval
    se: float
    bias: float  # mean of the resamples minus the estimate
    units: int  # examples, or clusters


def bootstrap(
    statistic: Callable[[Rows], float],
    n: int,
    *,
    level: float = 0.95,
    resamples: int = 9999,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
) -> Bootstrap:
    """An interval for any statistic of n paired examples, such as the change of an F1 score or a log ratio.

    The statistic is given the rows of a resample, some repeated, and computes both models' numbers from the same rows.
    BCa up to 1,000 units, percentile beyond. Fewer than 10 units, a statistic that never varies, or one that is
    undefined in a resample decide nothing: the limits are infinite.

    Args:
        statistic: of row numbers, to a number.
        n: rows.
        level: two-sided confidence.
        resamples: how many.
        rng: where they are drawn from.
        clusters: (n,) the unit of each row: whole units are resampled.
    """
    one_sided(level)
    rows_of, units = _units(n, clusters)
    estimate = statistic(np.arange(n)) if n else np.nan
    method = _method(units, resamples, clusters is not None)
    if units < FEWEST or not np.isfinite(estimate):
        return _undecided(estimate, level, method, units)
    from scipy import stats  # takes a second to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate distribution is recognised below
        found = stats.bootstrap(
            (np.arange(units),),
            lambda drawn: statistic(rows_of(drawn.astype(np.int64))),
            n_resamples=resamples,
            vectorized=False,
            confidence_level=level,
            method="BCa" if units <= _JACKKNIFE else "percentile",
            rng=rng,
        )
    draws = np.asarray(found.bootstrap_distribution)
    limits = float(found.confidence_interval.low), float(found.confidence_interval.high)
    if not np.isfinite([*draws, *limits]).all() or not varies(draws):
        return _undecided(estimate, level, method, units)
    return Bootstrap(
        interval=Interval(estimate=float(estimate), low=limits[0], high=limits[1], level=level, method=method),
        se=float(draws.std(ddof=1)),
        bias=float(draws.mean() - estimate),
        units=units,
    )


def mean_bootstrap_interval(
    values: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 9999,
    rng: np.random.Generator,
    clusters: NDArray[np.int64] | None = None,
) -> Interval:
    """The bootstrap interval of a mean (n,), fast: BCa on the values, or on the clusters' sums and sizes."""
    one_sided(level)
    found = floats(values)
    sums, sizes = _sums(found, clusters)
    estimate = float(found.mean()) if found.size else np.nan
    method = _method(sums.size, resamples, clusters is not None)
    if sums.size < FEWEST or not varies(found):
        return _undecided(estimate, level, method, sums.size).interval

    from scipy import stats  # takes a second to import

    def mean(sums: Floats, sizes: Floats, axis: int) -> Floats:
        return np.asarray(sums.sum(axis=axis) / sizes.sum(axis=axis))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate distribution gives NaN, which decides nothing
        result = stats.bootstrap(
            (sums, sizes),
            mean,
            n_resamples=resamples,
            paired=True,
            vectorized=True,
            batch=max(1, 10_000_000 // sums.size),
            confidence_level=level,
            method="BCa" if sums.size <= _JACKKNIFE else "percentile",
            rng=rng,
        ).confidence_interval
    if not np.isfinite([result.low, result.high]).all():
        return _undecided(estimate, level, method, sums.size).interval
    return Interval(estimate=estimate, low=float(result.low), high=float(result.high), level=level, method=method)


def mean_bootstrap_se(values: ArrayLike, *, clusters: NDArray[np.int64] | None = None) -> float:
    """The standard error of a mean that endless resampling would give; of clusters of unequal size, to first order."""
    found = floats(values)
    sums, sizes = _sums(found, clusters)
    return float(np.sqrt(np.sum((sums - sizes * found.mean()) ** 2)) / sizes.sum())


def varies(values: Floats) -> bool:
    """Whether values differ by more than rounding."""
    return values.size > 1 and bool(np.ptp(values) > 1e-12 * np.abs(values).max())


def _units(n: int, clusters: NDArray[np.int64] | None) -> tuple[Callable[[Rows], Rows], int]:
    """How drawn units become rows, and how many units there are."""
    if clusters is None:
        return (lambda drawn: drawn), n
    order = np.argsort(clusters, kind="stable")
    sizes = np.unique(clusters, return_counts=True)[1]
    groups = np.split(order, np.cumsum(sizes)[:-1])
    return (lambda drawn: np.concatenate([groups[i] for i in drawn])), len(sizes)


def _sums(values: Floats, clusters: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    if clusters is None:
        return values, np.ones_like(values)
    codes = np.unique(clusters, return_inverse=True)[1]
    return floats(np.bincount(codes, weights=values)), floats(np.bincount(codes))


def _method(units: int, resamples: int, clustered: bool) -> str:
    kind = "BCa" if units <= _JACKKNIFE else "percentile"
    return f"paired {'cluster ' if clustered else ''}bootstrap, {kind}, {resamples:,} resamples (Efron 1987)"


def _undecided(estimate: float, level: float, method: str, units: int) -> Bootstrap:
    interval = Interval(estimate=float(estimate), low=-np.inf, high=np.inf, level=level, method=method)
    return Bootstrap(interval=interval, se=np.nan, bias=np.nan, units=units)
