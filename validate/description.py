"""What is shown of every slice beside the gate's metric: proper scores, error rates, calibration."""

from dataclasses import dataclass

import numpy as np

from validate.counts import score_sums
from validate.metrics import METRICS, available, described, outputs, scores
from validate.predictions import PairedPredictions
from validate.slices import Membership, members, without_intersections
from validate.stats.calibration import BINS, FEWEST_PER_BIN, top_label_calibration_error
from validate.suite import Gate


@dataclass(frozen=True, kw_only=True)
class Score:
    """A described (never gating) metric of a slice, on both models: Brier score, log-loss, error rates."""

    metric: str
    n: int
    dense: float
    compressed: float
    change: float  # oriented: negative means harm


def describe(paired: PairedPredictions, membership: Membership, gate: Gate) -> list[tuple[Score, ...]]:
    """The other metrics of each slice (m,); intersections go without, they would drown the others."""
    shown = without_intersections(membership)
    found: dict[str, list[Score]] = {entry.name: [] for entry in membership.slices}
    _add_means(found, paired, shown, gate)
    if available(METRICS["ece"], paired):
        _add_calibration(found, paired, shown)
    return [tuple(found[entry.name]) for entry in membership.slices]


def _add_means(found: dict[str, list[Score]], paired: PairedPredictions, shown: Membership, gate: Gate) -> None:
    """Every metric that is a mean over examples."""
    for metric in described(paired):
        if metric.name == gate.metric:
            continue
        dense, compressed = (scores(metric, paired, which) for which in ("dense", "compressed"))
        about = ~np.isnan(dense)  # an error rate is about the examples of one class
        columns = np.column_stack([about, np.where(about, dense, 0.0), np.where(about, compressed, 0.0)])
        for entry, (n, before, after) in zip(shown.slices, score_sums(shown, columns).total, strict=True):
            if n:
                score = Score(
                    metric=metric.title,
                    n=int(n),
                    dense=metric.sign * float(before / n),
                    compressed=metric.sign * float(after / n),
                    change=float((after - before) / n),
                )
                found[entry.name].append(score)


def _add_calibration(found: dict[str, list[Score]], paired: PairedPredictions, shown: Membership) -> None:
    """The calibration error of guarded slices with enough examples per bin, as it is and without what chance adds."""
    chances = [outputs(METRICS["ece"], paired, which) for which in ("dense", "compressed")]
    for i, entry in enumerate(shown.slices):
        if not entry.guard or entry.n < FEWEST_PER_BIN * BINS:
            continue
        inside = members(shown, i)
        dense, compressed = (top_label_calibration_error(each[inside], paired.labels[inside]) for each in chances)
        for title, before, after in (
            (f"calibration error, {BINS} bins", dense.l1, compressed.l1),
            (f"calibration error, debiased, {BINS} bins", dense.debiased_l2, compressed.debiased_l2),
        ):
            found[entry.name].append(
                Score(metric=title, n=entry.n, dense=before, compressed=after, change=before - after)
            )
