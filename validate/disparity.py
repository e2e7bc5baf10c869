"""A slice against its complement: did under-represented categories lose more than the rest?"""

from dataclasses import dataclass

from validate.outcome import Outcome
from validate.stats.results import Interval


@dataclass(frozen=True, kw_only=True)
class Disparity:
    """The change of a slice minus the change of its complement."""

    slice: str  # name
    n: int
    n_complement: int
    change: float  # of the slice
    change_complement: float
    difference: Interval  # negative: the slice loses more than the rest
    margin: float
    p: float  # one-sided, of no extra loss (MOVER interval inverted at zero)
    p_adjusted: float  # Holm over the family
    p_fdr: float  # Benjamini-Yekutieli
    outcome: Outcome  # FAIL where flagged; INCONCLUSIVE where the margin is inside the interval; else PASS
    could_see: bool  # was the slice large enough that a loss of the margin would have been seen?
    ratio: Interval | None  # of the error rate ratios (compressed/dense) of slice and complement; > 1 is harm
