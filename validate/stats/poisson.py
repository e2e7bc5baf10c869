"""The Poisson bootstrap for streams and shards: each cluster's weights depend on its id alone, not on when it comes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import pdtr

from validate.stats.bootstrap import varies
from validate.stats.inputs import floats, one_sided
from validate.stats.results import Floats, Interval

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # increment of SplitMix64 (Steele, Lea & Flood 2014)
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_CHANCES = pdtr(np.arange(20), 1.0)  # P(Poisson(1) <= k)
_BLOCK = 4096  # rows whose weights are in memory at once
FEWEST = 200  # examples below which too many resamples would be nearly empty


@dataclass(frozen=True, kw_only=True, eq=False)
class PoissonSums:
    """What a shard contributes; `+` joins shards of one seed, in any order, whatever the cut."""

    seed: int
    n: int
    total: float  # sum of the values
    weights: Floats  # (B,) sum of each replicate's weights
    weighted: Floats  # (B,) sum of weight × value

    def __add__(self, other: "PoissonSums") -> "PoissonSums":
        """The sums of both shards."""
        if self.seed != other.seed or self.weights.shape != other.weights.shape:
            raise ValueError("shards must share their seed and number of replicates")
        return PoissonSums(
            seed=self.seed,
            n=self.n + other.n,
            total=self.total + other.total,
            weights=self.weights + other.weights,
            weighted=self.weighted + other.weighted,
        )


def poisson_sums(values: ArrayLike, clusters: NDArray[np.int64], *, seed: int, replicates: int) -> PoissonSums:
    """The sums of one shard from paired differences (r,) and the ids of the units that were sampled (r,)."""
    found = floats(values)
    if found.shape != clusters.shape or not np.all(np.isfinite(found)):
        raise ValueError("values must be finite, one for each cluster id")
    weights, weighted = np.zeros(replicates), np.zeros(replicates)
    for begin in range(0, found.size, _BLOCK):
        block = slice(begin, begin + _BLOCK)
        drawn = poisson_weights(clusters[block], seed=seed, replicates=replicates)
        weights += drawn.sum(axis=0)
        weighted += found[block] @ drawn
    return PoissonSums(seed=seed, n=found.size, total=float(found.sum()), weights=weights, weighted=weighted)


def poisson_interval(sums: PoissonSums, *, level: float = 0.95) -> Interval:
    """The percentile interval of the mean (Chamandy et al. 2012); below 200 examples it decides nothing.

    Nor does it where few clusters are most of the examples: the weights' variance tells how many they are worth.
    With 2,000 replicates the tails of 0.025 are known to about 0.0035 in probability.
    """
    alpha = one_sided(level)
    estimate = sums.total / sums.n if sums.n else np.nan
    low, high = -np.inf, np.inf
    worth = sums.n**2 / max(float(sums.weights.var()), 1.0)  # n where each example is its own cluster
    if sums.n >= FEWEST and worth >= FEWEST / 2 and np.all(sums.weights > 0):
        means = sums.weighted / sums.weights
        if varies(means):
            low, high = np.quantile(means, [alpha, 1 - alpha])
    method = f"Poisson bootstrap, {sums.weights.size:,} replicates, seed {sums.seed} (Chamandy et al. 2012)"
    return Interval(estimate=estimate, low=float(low), high=float(high), level=level, method=method, n=sums.n)


def poisson_weights(clusters: NDArray[np.int64], *, seed: int, replicates: int) -> Floats:
    """Poisson(1) weights (r, B), a function of (seed, cluster, replicate) alone: one hash each, inverted to a count."""
    units = _hash(_hash(np.full(1, seed, dtype=np.uint64)) ^ clusters.astype(np.uint64))
    hashes = _hash(units[:, None] + np.arange(1, replicates + 1, dtype=np.uint64) * _GOLDEN)
    uniform = (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53
    return np.searchsorted(_CHANCES, uniform, side="right").astype(np.float64)


def _hash(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64; uint64 arithmetic wraps around."""
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MULTIPLIERS[0]
    x = (x ^ (x >> np.uint64(27))) * _MULTIPLIERS[1]
    return x ^ (x >> np.uint64(31))
