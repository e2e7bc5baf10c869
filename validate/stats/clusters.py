"""Examples that come in clusters, such as variants of one source: never counted as if each were its own.

A cluster's net is its gains minus its losses. Everything here needs only sums over clusters, per slice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from validate.stats.inputs import critical_value, floats, one_sided, paired_counts, rate
from validate.stats.paired import TANGO, change, tango_limits
from validate.stats.results import Floats, Intervals
from validate.stats.significance import sign_test

DEFF_TANGO = f"{TANGO} with a design effect (Rao & Scott 1992)"
CLUSTER_TANGO = f"{TANGO}, a cluster as one example (after Rao & Scott 1992)"
FEWEST = 10  # clusters below which nothing is decided
_SMALL = 30  # clusters below which Student's t takes the place of the normal distribution
_ESTIMABLE = 5  # clusters with a flip below which no design effect is told


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterSums:
    """What m slices' clusters add up to; all (m,)."""

    clusters: Floats  # with an example in the slice
    n: Floats  # examples
    gains: Floats
    losses: Floats
    squares: Floats  # sum of the squared nets
    products: Floats  # sum of net × size
    sizes: Floats  # sum of the squared sizes
    flipped: Floats  # clusters with a gain or a loss
    better: Floats  # clusters with more gains than losses
    worse: Floats  # clusters with more losses than gains


@dataclass(frozen=True, kw_only=True, eq=False)
class DeffTango:
    """Intervals of m slices whose examples come in clusters, and the independent examples that they are worth."""

    interval: Intervals  # (m,)
    deff: Floats  # (m,) as estimated, NaN where it cannot be
    gains: Floats  # (m,) effective, not whole
    losses: Floats
    n: Floats


def cluster_sums(gains: ArrayLike, losses: ArrayLike, n: ArrayLike) -> ClusterSums:
    """The sums of one slice (m = 1) from the counts of its K clusters, each (K,)."""
    gained, lost, size = paired_counts(gains, losses, n)
    gained, lost, size = gained[size > 0], lost[size > 0], size[size > 0]
    net = gained - lost
    return ClusterSums(
        clusters=floats(len(size)),
        n=floats(size.sum()),
        gains=floats(gained.sum()),
        losses=floats(lost.sum()),
        squares=floats(net @ net),
        products=floats(net @ size),
        sizes=floats(size @ size),
        flipped=floats(np.count_nonzero(gained + lost)),
        better=floats(np.count_nonzero(net > 0)),
        worse=floats(np.count_nonzero(net < 0)),
    )


def cluster_sums_of(
    clusters: NDArray[np.int64], gained: NDArray[np.bool_], lost: NDArray[np.bool_], slices: Iterable[NDArray[np.bool_]]
) -> ClusterSums:
    """The sums of m slices from each example's cluster code (0 to K - 1), gain and loss, and slice's mask; (n,)."""
    k = int(clusters.max(initial=-1)) + 1
    found = []
    for inside in slices:
        counts = (np.bincount(clusters[inside & which], minlength=k) for which in (gained, lost, np.ones_like(gained)))
        found.append(cluster_sums(*counts))
    return ClusterSums(**{f.name: np.concatenate([getattr(s, f.name) for s in found]) for f in fields(ClusterSums)})


def cluster_se(sums: ClusterSums) -> Floats:
    """Standard error of the change (m,), robust to clusters: linear regression's CR1 sandwich; NaN for one cluster."""
    deviations = _deviations(sums)
    k = sums.clusters
    return np.sqrt(rate(k, k - 1) * deviations) / np.maximum(sums.n, 1)


def deff_tango_interval(sums: ClusterSums, *, level: float = 0.95, few_clusters: bool = True) -> DeffTango:
    """Tango's interval on as many independent examples as the clusters are worth.

    A cluster is worth one example (clusters of unequal size less), and its gains and losses as many flips as the
    variance between clusters shows. So the loss that was not seen is reckoned in whole clusters, however little those
    seen look alike: a design effect from few flips would miss the rare cluster that is lost as one. With fewer than 30
    clusters Student's t replaces the normal distribution; fewer than 10 decide nothing: the interval is [-1, 1].
    Clusters of one example each are no clusters.

    `few_clusters=False` is the published interval (Rao & Scott 1992; Yang, Sun & Hardin 2012): everything divided by a
    design effect of at least 1, estimated from 5 clusters with a flip or more. It passes too easily; for comparison.
    """
    k, n, estimate = sums.clusters, sums.n, change(sums.gains, sums.losses, sums.n)
    deff = rate(cluster_se(sums) ** 2 * n, rate(sums.gains + sums.losses, n) - estimate**2)
    told = (sums.flipped >= _ESTIMABLE) & np.isfinite(deff)
    critical = np.full(k.shape, critical_value(level))
    if few_clusters:
        gains, losses, size = _worth(sums, np.where(np.isfinite(deff) & (k < n), deff, 1.0))
        t = stdtrit(np.maximum(k - 1, 1), 1 - one_sided(level))
        few = k < n
        critical = np.where(few & (k < _SMALL), t, critical)
    else:
        few = np.zeros(k.shape, dtype=np.bool_)
        used = np.where(told, np.maximum(deff, 1), np.maximum(rate(n, k), 1))
        gains, losses, size = (x / np.where((n > 0) & (k < n), used, 1.0) for x in (sums.gains, sums.losses, n))
    low, high = tango_limits(gains, losses, size, critical)
    open_ended = few & (k < FEWEST)
    interval = Intervals(
        estimate=estimate,
        low=np.where(open_ended, -1.0, low),
        high=np.where(open_ended, 1.0, high),
        level=level,
        method=CLUSTER_TANGO if few_clusters else DEFF_TANGO,
        n=n,
    )
    return DeffTango(interval=interval, deff=np.where(told, deff, np.nan), gains=gains, losses=losses, n=size)


def independent_worth(sizes: NDArray[np.int64]) -> float:
    """Independent examples that clusters of these sizes (K,) are worth if each is all alike: their number, if equal."""
    found = floats(sizes)
    return float(found.sum() ** 2 / max(found @ found, 1.0))


def sign_test_clusters(sums: ClusterSums) -> Floats:
    """One-sided exact p of no loss, each cluster counted once by the sign of its net; 1 without any; (m,)."""
    return sign_test(sums.better, sums.worse)


def obuchowski(sums: ClusterSums) -> Floats:
    """Chi-square (1 df) of no change for clusters (Obuchowski, Stat Med 1998;17:1495); NaN without flips; (m,)."""
    k = sums.clusters
    return rate((k - 1) * (sums.gains - sums.losses) ** 2, k * sums.squares)


def modified_obuchowski(sums: ClusterSums) -> Floats:
    """The same with the null imposed on variances but not on the covariance (Yang et al., Biom J 2010;52:638); (m,)."""
    k = sums.clusters
    variance = (sums.squares + _deviations(sums)) / 2
    return rate((k - 1) * (sums.gains - sums.losses) ** 2, k * variance)


def durkalski(gains: ArrayLike, losses: ArrayLike, n: ArrayLike) -> float:
    """Chi-square (1 df) of no change, clusters weighted alike (Durkalski et al., Stat Med 2003;22:2417).

    From the counts of K clusters, each (K,); NaN without flips.
    """
    gained, lost, size = paired_counts(gains, losses, n)
    nets = rate(gained - lost, size)[size > 0]
    return float(rate(floats(nets.sum() ** 2), floats(nets @ nets))[0])


def _worth(sums: ClusterSums, deff: Floats) -> tuple[Floats, Floats, Floats]:
    """Effective gains, losses and examples: whole clusters, and as many flips as their variance shows."""
    n, net = sums.n, sums.gains - sums.losses
    whole = np.maximum(rate(sums.sizes, n), 1)  # the design effect if every cluster were all alike
    used = np.where(n > 0, np.maximum(whole, deff), 1.0)
    shown = np.maximum((sums.gains + sums.losses) * np.maximum(deff, 1) / used, np.abs(net))
    return (shown + net) / 2 / used, (shown - net) / 2 / used, n / used


def _deviations(sums: ClusterSums) -> Floats:
    """Sum over clusters of (net - size × change) squared."""
    estimate = np.nan_to_num(change(sums.gains, sums.losses, sums.n))
    return np.asarray(np.maximum(sums.squares - 2 * estimate * sums.products + estimate**2 * sums.sizes, 0.0))
