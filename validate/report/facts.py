"""What every rendering asks a record first."""

from validate import wording
from validate.comparison import Comparison, slack
from validate.disparity import Disparity
from validate.evidence import EvidenceRecord
from validate.outcome import Outcome
from validate.slices import Kind


def overall(record: EvidenceRecord) -> Comparison | None:
    """The comparison on all examples, if anything was compared."""
    return next((c for c in record.comparisons if c.slice.kind is Kind.ALL), None)


def worst_guarded(record: EvidenceRecord) -> Comparison | None:
    """The guarded slice with the worst outcome and, of these, with the least room to its margin."""
    return min((c for c in record.comparisons if c.slice.guard), key=slack, default=None)


def is_rate(comparison: Comparison) -> bool:
    """Whether the metric is a share of examples, and its changes are told in points."""
    return comparison.counts is not None


def limit(comparison: Comparison) -> float | None:
    """The margin of its change, unless its errors are judged by a ratio instead."""
    return comparison.slice.margin if comparison.slice.margin_ratio is None else None


def margin_text(comparison: Comparison) -> str:
    """`2 points`, or `errors × 1.1` where the margin is a ratio."""
    ratio = comparison.slice.margin_ratio
    return (
        f"errors × {ratio:g}"
        if ratio is not None
        else wording.margin(comparison.slice.margin, rate=is_rate(comparison))
    )


def change_text(comparison: Comparison) -> str:
    """`−1.20 points (−2.00 to −0.40)`; no limit is rounded across the margin."""
    rate, found, margin = is_rate(comparison), comparison.change, limit(comparison)
    estimate = wording.change(found.estimate, rate=rate, limit=None if margin is None else -margin)
    return f"{estimate}{wording.unit(rate=rate)} ({wording.interval(found, rate=rate, margin=margin)})"


def noted(record: EvidenceRecord) -> bool:
    """Whether inconclusive checks are listed rather than counted in this verdict."""
    return record.policy.inconclusive == "note" and record.verdict.outcome is not Outcome.INCONCLUSIVE


def flagged_text(record: EvidenceRecord) -> str:
    """`2 slices, 1 disparity, 3 edge-case sets`, `none`, or nothing where nothing was compared."""
    if not record.comparisons:
        return wording.ABSENT
    slices = sum(c.flagged for c in record.comparisons)
    disparities = sum(d.flagged for d in record.disparities)
    words = [wording.plural(slices, "slice")] * bool(slices)
    words += [wording.plural(disparities, "disparity", "disparities")] * bool(disparities)
    sets = sum(c.flagged for c in record.edge_cases.comparisons) if record.edge_cases else 0
    words += [wording.plural(sets, "edge-case set")] * bool(sets)
    return ", ".join(words) or "none"


def rate(record: EvidenceRecord) -> bool:
    """Whether the gate's metric is a share of examples."""
    everything = overall(record)
    return everything is not None and is_rate(everything)


def difference_text(disparity: Disparity, *, rate: bool) -> str:
    """`−8.05 points (−12.00 to −4.10)`: the change of a slice minus that of all other examples."""
    found, margin = disparity.difference, disparity.margin
    estimate = wording.change(found.estimate, rate=rate, limit=-margin)
    return f"{estimate}{wording.unit(rate=rate)} ({wording.interval(found, rate=rate, margin=margin)})"
