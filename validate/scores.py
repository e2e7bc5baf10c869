"""What makes one slice more interesting than another, with upper bounds for all of its subsets."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Score(Protocol):
    """What makes one slice more interesting than another; arrays in, arrays out."""

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:
        """The score of slices of n examples with these sums of positive and of (minus) negative damage."""
        ...

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:
        """No subset of low to high examples and at most this positive damage scores more."""
        ...


@dataclass(frozen=True, kw_only=True)
class SliceLine:
    """Mean damage over the average, against a penalty for being small (Sagadeeva & Boehm 2021, equation 1)."""

    alpha: float  # weight of the damage, 0..1
    n: int  # all examples
    damage: float  # of all examples
    largest: float  # damage of one example

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:
        """The score."""
        mean = (positive - negative) / n
        return self.alpha * (mean * self.n / self.damage - 1) - (1 - self.alpha) * (self.n / n - 1)

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:
        """At one of three sizes: the score has no other peak."""
        return _highest(self, low, high, positive)


@dataclass(frozen=True, kw_only=True)
class Excess:
    """Damage above the average, in standard errors: a slice against its complement."""

    n: int  # all examples
    mean: float  # damage per example
    variance: float  # of the damage of one example
    largest: float  # damage of one example

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:
        """(damage - n mean) / sqrt(variance n (1 - n/N)); a slice of all examples has no complement and scores 0."""
        spread = self.variance * n * (1 - n / self.n)
        above = positive - negative - n * self.mean
        return np.where(spread > 0, above / np.sqrt(np.where(spread > 0, spread, 1)), 0.0)

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:
        """At one of three sizes: the score has no other peak."""
        return _highest(self, low, np.minimum(high, self.n - 1), positive)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Evidence, in nats, that damage of 0 or 1 is more frequent in a slice than overall (Kulldorff 1997)."""

    rate: float  # of the damage, overall

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:  # noqa: ARG002 - there is none
        """The log-likelihood ratio of the slice's own rate against the overall one; 0 where it is no higher."""
        return _evidence(positive, n, self.rate)

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:
        """Of examples that are all damaged, as far as the damage and the examples go."""
        n = np.clip(positive, low, high)
        return _evidence(np.minimum(positive, n), n, self.rate)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Evidence, in nats, that more of the flips are losses than this share: that of the sign test."""

    share: float  # of losses among flips

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:  # noqa: ARG002 - the size plays no part
        """The log-likelihood ratio of the slice's own share against this one; 0 where it is no higher."""
        return _evidence(positive, positive + negative, self.share)

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:  # noqa: ARG002 - the size plays no part
        """All losses and no gain."""
        return _evidence(positive, positive, self.share)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A score in standard errors as evidence in nats, as if it were normal."""

    errors: "Excess | Net"

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:
        """Half of its square; 0 where it is negative."""
        return np.maximum(self.errors.value(n, positive, negative), 0) ** 2 / 2

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:
        """Half of the square of its bound."""
        return np.maximum(self.errors.bound(low, high, positive), 0) ** 2 / 2


@dataclass(frozen=True, kw_only=True)
class Net:
    """Losses minus gains, in standard errors of the sign test."""

    def value(self, n: Ints | Floats, positive: Floats, negative: Floats) -> Floats:  # noqa: ARG002 - the size plays no part
        """(losses - gains) / sqrt(losses + gains)."""
        return (positive - negative) / np.sqrt(np.maximum(positive + negative, 1))

    def bound(self, low: Ints, high: Ints, positive: Floats) -> Floats:  # noqa: ARG002 - the size plays no part
        """All losses and no gain."""
        return np.sqrt(positive)


def _highest(score: SliceLine | Excess, low: Ints, high: Ints, positive: Floats) -> Floats:
    """The largest score of low to high examples that hold this damage and no gain, none more than the largest.

    Up to the size where all of the damage fits in, the score rises with the size; beyond, it has at most a valley.
    """
    peak = np.clip(positive / score.largest, low, high)
    none = np.zeros_like(positive)
    values = [score.value(n, np.minimum(positive, n * score.largest), none) for n in (low, peak, high)]
    highest: Floats = np.maximum.reduce(values)
    return highest


def _evidence(k: Floats, n: Ints | Floats, rate: float) -> Floats:
    """Log-likelihood ratio of k of n against a rate, 0 where k of n is no more than that."""
    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    above = (k > n * rate) & (rate > 0)
    k, n, rest = np.where(above, k, 0.0), np.where(above, n, 1.0), np.where(above, n - k, 0.0)
    safe = min(max(rate, 1e-300), 1 - 1e-16)
    found: Floats = rel_entr(k, n * safe) + rel_entr(rest, n * (1 - safe))
    return np.where(above, found, 0.0)
