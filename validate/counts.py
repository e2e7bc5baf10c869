"""Membership × outcomes → paired counts: exact integers that add up over shards."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# codes of an example's outcome: the order of the columns of PairedCounts.table
BOTH_RIGHT, GAIN, LOSS, BOTH_WRONG = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedCounts:
    """Per slice, the four cells of the paired table; `+` merges shards."""

    table: NDArray[np.int64]  # (m, 4): both right, gains, losses, both wrong

    # n, both_right, gains, losses, both_wrong: properties (m,); __add__; functions
    # outcomes(dense_right, compressed_right) -> uint8 (n,) and count(membership, outcome) -> PairedCounts
