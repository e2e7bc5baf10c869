"""Resampling whole examples or whole clusters, for numbers that no formula covers; never for rates (see `paired`)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.stats.inputs import floats, one_sided
from validate.stats.results import Floats, Interval

FEWEST = 10  # examples, or clusters, below which resampling decides nothing
_MOST_DRAWS = 200_000_000  # values drawn for one interval of a mean
_BATCH = 2_000_000  # of them in memory at once
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
        interval=Interval(estimate=float(estimate), low=limits[0], high=limits[1], level=level, method=method, n=units),
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
    """The studentised bootstrap interval of a mean (n,): each resample's distance in its own standard errors.

    Whole clusters are resampled. So many resamples, or fewer (at least 999) where there are very many values.
    """
    alpha = one_sided(level)
    found = floats(values)
    sums, sizes = unit_sums(found, clusters)
    estimate = float(found.mean()) if found.size else np.nan
    drawn = min(resamples, max(999, _MOST_DRAWS // max(sums.size, 1)))
    kind = f"paired {'cluster ' if clusters is not None else ''}bootstrap"
    method = f"{kind}, studentised, {drawn:,} resamples (Efron & Tibshirani 1993)"
    if sums.size < FEWEST or not varies(found):
        return _undecided(estimate, level, method, sums.size).interval
    distances = np.sort(_distances(sums, sizes, estimate, drawn, rng))
    se = float(_ratio_se(sums[None], sizes[None])[0])
    rank = max(int(np.floor(alpha * (drawn + 1))), 1) - 1
    low, high = estimate - distances[-1 - rank] * se, estimate - distances[rank] * se
    return Interval(estimate=estimate, low=float(low), high=float(high), level=level, method=method, n=sums.size)


def mean_bootstrap_se(values: ArrayLike, *, clusters: NDArray[np.int64] | None = None) -> float:
    """The standard error of a mean that endless resampling would give; of clusters of unequal size, to first order."""
    found = floats(values)
    sums, sizes = unit_sums(found, clusters)
    return float(np.sqrt(np.sum((sums - sizes * found.mean()) ** 2)) / sizes.sum())


def _distances(sums: Floats, sizes: Floats, estimate: float, resamples: int, rng: np.random.Generator) -> Floats:
    """How far each resample's mean lies from the estimate in its own standard errors; endless where it has none."""
    made = np.empty(resamples)
    batch = max(1, _BATCH // sums.size)
    for begin in range(0, resamples, batch):
        rows = rng.integers(0, sums.size, size=(min(batch, resamples - begin), sums.size))
        s, n = sums[rows], sizes[rows]
        distance = s.sum(axis=1) / n.sum(axis=1) - estimate
        se = _ratio_se(s, n)
        flat = np.where(np.abs(distance) > 1e-12 * abs(estimate), np.copysign(np.inf, distance), 0.0)
        made[begin : begin + len(rows)] = np.divide(distance, se, out=flat, where=se > 0)
    return made


def _ratio_se(sums: Floats, sizes: Floats) -> Floats:
    """Standard error of sum / size over units, to first order; (b, units) to (b,)."""
    k, total = sums.shape[1], sizes.sum(axis=1)
    residuals = sums - sizes * (sums.sum(axis=1) / total)[:, None]
    squares: Floats = np.square(residuals).sum(axis=1)
    real = np.where(squares > 1e-24 * np.square(sums).sum(axis=1), squares, 0)  # not rounding alone
    return np.asarray(np.sqrt(real * k / (k - 1)) / total)


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


def unit_sums(values: Floats, clusters: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """The sum and the size of each unit that is sampled: of each example, or of each cluster."""
    if clusters is None:
        return values, np.ones_like(values)
    codes = np.unique(clusters, return_inverse=True)[1]
    return floats(np.bincount(codes, weights=values)), floats(np.bincount(codes))


def _method(units: int, resamples: int, clustered: bool) -> str:
    kind = "BCa" if units <= _JACKKNIFE else "percentile"
    return f"paired {'cluster ' if clustered else ''}bootstrap, {kind}, {resamples:,} resamples (Efron 1987)"


def _undecided(estimate: float, level: float, method: str, units: int) -> Bootstrap:
    interval = Interval(estimate=float(estimate), low=-np.inf, high=np.inf, level=level, method=method, n=units)
    return Bootstrap(interval=interval, se=np.nan, bias=np.nan, units=units)
