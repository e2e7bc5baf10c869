"""What makes one slice more interesting than another, with upper bounds for all of its subsets."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
