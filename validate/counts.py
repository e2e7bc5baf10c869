"""Membership × outcomes → paired counts: exact integers that add up over shards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.slices import Membership, members

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
        return self.table.sum(axis=1)

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
    table = [np.bincount(outcome[members(membership, i)], minlength=4) for i in range(len(membership.slices))]
    return PairedCounts(table=np.array(table, dtype=np.int64))


def score_sums(membership: Membership, scores: NDArray[np.float64]) -> ScoreSums:
    """Sums of per-example scores (n, j) in every slice."""
    inside = [members(membership, i) for i in range(len(membership.slices))]
    return ScoreSums(
        n=np.array([mask.sum() for mask in inside]),
        total=np.array([scores[mask].sum(axis=0) for mask in inside]),
        squares=np.array([np.square(scores[mask]).sum(axis=0) for mask in inside]),
    )


def complement(counts: PairedCounts, everything: int = 0) -> PairedCounts:
    """The counts of all examples outside each slice; `everything` is the row of the slice `all`."""
    return PairedCounts(table=counts.table[everything] - counts.table)


def identical(membership: Membership) -> NDArray[np.int64]:
    """For each slice, the first slice with the same examples: (m,).

    Sets are compared by the sum, modulo 2⁶⁴, of a random key per example, and by their size: two different sets among
    10,000 slices agree with a probability below 10⁻¹¹.
    """
    keys = np.random.default_rng(0).integers(0, 2**64, size=membership.n, dtype=np.uint64)
    first: dict[tuple[int, int], int] = {}
    found = []
    for i, entry in enumerate(membership.slices):
        found.append(first.setdefault((entry.n, int(keys[members(membership, i)].sum(dtype=np.uint64))), i))
    return np.array(found)
