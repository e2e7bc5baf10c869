"""A slice against its complement: did under-represented categories lose more than the rest?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from validate.changes import Changes, independent_share, policy_level
from validate.error_rates import RateDisparity, rate_disparities
from validate.measure import slice_changes
from validate.outcome import Outcome
from validate.sample_size import needed, planned_churn
from validate.stats.mover import difference_interval, difference_p, error_ratio_of_ratios
from validate.stats.multiplicity import benjamini_yekutieli, holm
from validate.stats.noninferiority import classify
from validate.stats.results import Floats, Interval, Intervals
from validate.suite import Gate
from validate.totals import Totals, some_slices


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
    p: float  # one-sided, of no extra loss (the interval inverted at zero)
    p_adjusted: float  # Holm over the family
    p_fdr: float  # Benjamini-Yekutieli
    flagged: bool  # really worse than the rest, and by itself beyond the margin
    outcome: Outcome  # describes: PASS, INCONCLUSIVE or FAIL against the margin, unadjusted
    could_see: bool  # would an extra loss of the margin have been told from none with 80 % power?
    ratio: Interval | None  # of the error rate ratios (compressed/dense) of slice and complement; > 1 is harm
    rates: tuple[RateDisparity, ...] = ()  # false positives and false negatives, or the misses of each class


def compare_complements(totals: Totals, gate: Gate, rng: np.random.Generator) -> tuple[Disparity, ...]:
    """Every under-represented category, and every pool of them, against all other examples."""
    found = some_slices(totals, [i for i, entry in enumerate(totals.slices) if entry.disparity])
    if not found.slices:
        return ()
    own, rest = slice_changes(found, gate, rng), slice_changes(found, gate, rng, outside=True)
    difference = difference_interval(own.interval, rest.interval)
    p = _p(own, rest)
    first, hypothesis = np.unique(found.same_as, return_inverse=True)
    p_adjusted, p_fdr = holm(p[first])[hypothesis], benjamini_yekutieli(p[first])[hypothesis]
    flagged = (p_adjusted <= 1 - gate.confidence) & (difference.high < -gate.disparity_margin)
    outcomes = classify(difference.low, difference.high, gate.disparity_margin)
    ratios, rates = _ratios(own, rest, gate), rate_disparities(found, gate)
    churn, worth = planned_churn(totals.flips, totals.n, gate), independent_share(own)
    enough = math.inf if churn is None else needed(gate.disparity_margin, churn, gate)
    return tuple(
        Disparity(
            slice=entry.name,
            n=int(own.n[i]),
            n_complement=int(rest.n[i]),
            change=float(own.interval.estimate[i]),
            change_complement=float(rest.interval.estimate[i]),
            difference=difference[i],
            margin=gate.disparity_margin,
            p=float(p[i]),
            p_adjusted=float(p_adjusted[i]),
            p_fdr=float(p_fdr[i]),
            flagged=bool(flagged[i]),
            outcome=outcomes[i],
            could_see=bool(own.n[i] * worth[i] >= enough),
            ratio=None if ratios is None else ratios[i],
            rates=rates[i],
        )
        for i, entry in enumerate(found.slices)
    )


def _p(own: Changes, rest: Changes) -> Floats:
    """One-sided p of no extra loss."""
    if own.effective is None or rest.effective is None:
        return _p_of_means(own, rest)
    return difference_p(*own.effective, *rest.effective)


def _p_of_means(own: Changes, rest: Changes) -> Floats:
    """The same for a metric that is no rate, by the normal distribution of the two independent changes."""
    assert own.se is not None
    assert rest.se is not None
    error = np.hypot(own.se, rest.se)
    usable = np.isfinite(error) & (error > 0)
    difference = own.interval.estimate - rest.interval.estimate
    z = np.divide(difference, error, out=np.zeros_like(difference), where=usable)
    return np.where(usable, ndtr(z), 1.0)


def _ratios(own: Changes, rest: Changes, gate: Gate) -> Intervals | None:
    """How much more the slice's errors grew than the rest's; None for a metric without errors."""
    if own.counts is None or rest.counts is None:
        return None
    inside, outside = own.counts, rest.counts
    return error_ratio_of_ratios(
        inside.both_wrong,
        inside.gains,
        inside.losses,
        both_wrong_c=outside.both_wrong,
        gains_c=outside.gains,
        losses_c=outside.losses,
        level=policy_level(gate),
    )
