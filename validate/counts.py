"""Membership × outcomes → paired counts: exact integers that add up over shards."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate import joint
from validate.slices import Membership

# codes of an example's outcome: the order of the columns of PairedCounts.table
BOTH_RIGHT, GAIN, LOSS, BOTH_WRONG = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedCounts:
    """Per slice, the four cells of the paired table; `+` merges shards."""

    table: NDArray[np.int64]  # (m, 4): both right, gains, losses, both wrong

    def __post_init__(self) -> None:
        if self.table.ndim != 2 or self.table.shape[1] != 4:
            raise ValueError(f"a table of paired counts has shape (m, 4), not {self.table.shape}")
        self.table.setflags(write=False)

    def __len__(self) -> int:
        return len(self.table)

    def __add__(self, other: "PairedCounts") -> "PairedCounts":
        if self.table.shape != other.table.shape:
            raise ValueError(f"counts of {len(self)} and of {len(other)} slices do not add up")
        return PairedCounts(table=self.table + other.table)

    @property
    def n(self) -> NDArray[np.int64]:
        """Examples: (m,)."""
        n: NDArray[np.int64] = self.table.sum(axis=1)
        return n

    @property
    def both_right(self) -> NDArray[np.int64]:
        """Examples that both models got right: (m,)."""
        return self.table[:, BOTH_RIGHT]

    @property
    def gains(self) -> NDArray[np.int64]:
        """Examples dense wrong, compressed right: (m,)."""
        return self.table[:, GAIN]

    @property
    def losses(self) -> NDArray[np.int64]:
        """Examples dense right, compressed wrong: (m,)."""
        return self.table[:, LOSS]

    @property
    def both_wrong(self) -> NDArray[np.int64]:
        """Examples that both models got wrong: (m,)."""
        return self.table[:, BOTH_WRONG]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreSums:
    """Per slice and score, what means and variances need; `+` merges shards."""

    n: NDArray[np.int64]  # (m,)
    total: NDArray[np.float64]  # (m, j) sum of the scores
    squares: NDArray[np.float64]  # (m, j) sum of their squares

    def __add__(self, other: "ScoreSums") -> "ScoreSums":
        if self.total.shape != other.total.shape:
            raise ValueError(f"sums of shapes {self.total.shape} and {other.total.shape} do not add up")
        return ScoreSums(n=self.n + other.n, total=self.total + other.total, squares=self.squares + other.squares)


def outcomes(dense_right: NDArray[np.bool_], compressed_right: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The outcome code of each example: (n,)."""
    return (~dense_right).astype(np.uint8) + 2 * (~compressed_right).astype(np.uint8)


def count(membership: Membership, outcome: NDArray[np.uint8]) -> PairedCounts:
    """The paired counts of every slice; `outcome` (n,) holds the codes above."""
    table = joint.tally(membership.plan, membership.attributes, outcome, codes=4)
    if membership.masks:
        bits = [np.packbits(outcome == code) for code in range(4)]
        for i, mask in _masks(membership):
            table[i] = [int(np.bitwise_count(mask & bit).sum()) for bit in bits]
    return PairedCounts(table=table)


def score_sums(membership: Membership, scores: NDArray[np.float64]) -> ScoreSums:
    """Sums of per-example scores (n, j), and of their squares, in every slice; a NaN makes the slices it is in NaN."""
    sums = _totals(membership, np.concatenate([np.ones((membership.n, 1)), scores, np.square(scores)], axis=1))
    total, squares = np.split(sums[:, 1:], 2, axis=1)
    return ScoreSums(n=sums[:, 0].astype(np.int64), total=total, squares=squares)


def complement(counts: PairedCounts, everything: int = 0) -> PairedCounts:
    """The counts of all examples outside each slice; `everything` is the row of the slice `all`."""
    return PairedCounts(table=counts.table[everything] - counts.table)


def identical(membership: Membership) -> NDArray[np.int64]:
    """For each slice, the first slice with the same examples: (m,)."""
    return first_alike(set_keys(membership))


def set_keys(membership: Membership, start: int = 0) -> NDArray[np.float64]:
    """Sums (m, 4) by which sets of examples are told apart; those of shards, which begin at other rows, add up.

    They are sizes and sums of three random 26-bit keys per example, which are exact in floating point up to 10⁸
    examples: among 10,000 slices, two different sets agree with a probability below 10⁻¹⁵.
    """
    keys = np.random.default_rng(start).integers(0, 2**26, size=(membership.n, 3)).astype(np.float64)
    return _totals(membership, np.concatenate([np.ones((membership.n, 1)), keys], axis=1))


def first_alike(keys: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each set, the first with the same keys (m, 4): (m,)."""
    _, first, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first[same]


def _totals(membership: Membership, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each column of `values` (n, j) in each slice: (m, j)."""
    sums = joint.total(membership.plan, membership.attributes, values)
    for i, mask in _masks(membership):
        sums[i] = values[np.unpackbits(mask, count=membership.n).view(np.bool_)].sum(axis=0)
    return sums


def _masks(membership: Membership) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The slices that are masks."""
    for i, found in enumerate(membership.where):
        if isinstance(found, int):
            yield i, membership.masks[found]
