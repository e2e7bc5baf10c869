"""Slice × metric: what the compressed model changed, how sure that is, and what it would take to know."""

from dataclasses import dataclass

from validate.outcome import Outcome
from validate.slices import Slice
from validate.stats.results import Interval


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The paired table of one slice."""

    both_right: int
    gains: int  # dense wrong, compressed right
    losses: int  # dense right, compressed wrong
    both_wrong: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """A described (never gating) metric of a slice, on both models: Brier score, log-loss, error rates."""

    metric: str
    n: int
    dense: float
    compressed: float
    change: Interval | float  # oriented: negative means harm; a bare number where no interval is defined


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One slice on the gate's metric."""

    slice: Slice
    metric: str
    counts: Counts | None  # of a metric that is right or wrong per example; None for the others
    dense: float
    compressed: float
    change: Interval  # compressed - dense, oriented: negative means harm
    outcome: Outcome  # PASS | INCONCLUSIVE | FAIL: describes; only guarded slices make it a check
    regressed: bool  # the whole interval is below zero, whatever the margin
    p: float  # one-sided, of no loss
    p_method: str
    p_adjusted: float | None  # over the screen's family; None outside it
    p_fdr: float | None  # Benjamini-Hochberg over the screen's family
    flagged: bool  # by the screen: really worse, and by itself worse than the margin
    n_smallest: int  # examples without which it cannot PASS, even with no loss
    n_needed: int | None  # for 80 % power at the churn seen overall; None where it is decided
    smallest_margin: float  # the smallest margin that it would PASS today
    flips: int | None  # examples that, answered otherwise, would change the outcome; None where not counted
    note: str = ""  # such as "clusters: design effect 2.3", "identical to 'sex: Male'"
    scores: tuple[Score, ...] = ()
