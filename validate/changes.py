"""What changed per slice, for every kind of metric in one shape: the mechanism under comparison and disparity."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.counts import GAIN, LOSS, PairedCounts, count, outcomes, score_sums
from validate.metrics import METRICS, MetricKind, scores
from validate.predictions import PairedPredictions, right
from validate.slices import Membership, members
from validate.stats.clusters import ClusterSums, cluster_sums_of, deff_tango_interval, sign_test_clusters
from validate.stats.moments import paired_t_of_sums
from validate.stats.paired import melded_interval, tango_interval
from validate.stats.results import Floats, Intervals
from validate.stats.significance import sign_test
from validate.suite import Gate


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """The change of each of m slices on one metric, oriented so that negative means harm."""

    n: NDArray[np.int64]  # (m,) examples
    dense: Floats  # (m,) the metric
    compressed: Floats  # (m,)
    interval: Intervals  # (m,) of compressed - dense
    p: Floats  # (m,) one-sided, of no loss
    p_gain: Floats  # (m,) one-sided, of no gain
    p_method: str
    se: Floats | None = None  # (m,) standard error of the change, of a metric that is no rate
    effective: tuple[Floats, Floats, Floats] | None = None  # gains, losses, n (m,) that the interval is made from
    counts: PairedCounts | None = None  # of a metric that is right or wrong per example
    flipped: Floats | None = None  # (m,) how many signs the sign test counts: examples, or clusters
    notes: tuple[str, ...] = ()  # (m,) or empty: what is special about a slice, such as its design effect

    clustered: bool = False  # examples come in clusters

    def __len__(self) -> int:
        return len(self.n)


def slice_changes(
    paired: PairedPredictions, membership: Membership, gate: Gate, rng: np.random.Generator, *, outside: bool = False
) -> Changes:
    """The change of every slice on the gate's metric; with `outside`, of all examples that are not in it.

    `rng` draws the resamples of metrics that are bootstrapped.
    """
    metric = METRICS[gate.metric]
    if metric.kind is MetricKind.MEAN:
        return mean_changes(paired, membership, gate, outside=outside)
    outcome = outcomes(right(paired, "dense"), right(paired, "compressed"))
    counts = count(membership, outcome)
    if outside:
        counts = PairedCounts(table=np.bincount(outcome, minlength=4) - counts.table)
    if paired.clusters is None:
        return binary_changes(counts, gate)
    inside = (members(membership, i) ^ outside for i in range(len(membership.slices)))
    sums = cluster_sums_of(paired.clusters, outcome == GAIN, outcome == LOSS, inside)
    return clustered_changes(binary_changes(counts, gate), sums, gate)


def binary_changes(counts: PairedCounts, gate: Gate) -> Changes:
    """Changes of accuracy from paired counts alone."""
    interval = (melded_interval if gate.exact else tango_interval)(
        counts.gains, counts.losses, counts.n, level=policy_level(gate)
    )
    size = np.maximum(counts.n, 1)
    return Changes(
        n=counts.n,
        dense=(counts.both_right + counts.losses) / size,
        compressed=(counts.both_right + counts.gains) / size,
        interval=interval,
        p=sign_test(counts.gains, counts.losses),
        p_gain=sign_test(counts.losses, counts.gains),
        p_method="exact one-sided sign test (McNemar 1947)",
        effective=(counts.gains.astype(np.float64), counts.losses.astype(np.float64), counts.n.astype(np.float64)),
        counts=counts,
        flipped=(counts.gains + counts.losses).astype(np.float64),
    )


def clustered_changes(changes: Changes, sums: ClusterSums, gate: Gate) -> Changes:
    """The same for examples that come in clusters, which are worth fewer independent ones."""
    found = deff_tango_interval(sums, level=policy_level(gate))
    mirrored = replace(sums, better=sums.worse, worse=sums.better)
    return replace(
        changes,
        interval=found.interval,
        p=sign_test_clusters(sums),
        p_gain=sign_test_clusters(mirrored),
        p_method="exact one-sided sign test of clusters",
        effective=(found.gains, found.losses, found.n),
        flipped=sums.better + sums.worse,
        clustered=True,
        notes=tuple(
            f"{int(k):,} clusters, "
            + (f"design effect {deff:.2f}" if np.isfinite(deff) else "design effect not estimable")
            for k, deff in zip(sums.clusters, found.deff, strict=True)
        ),
    )


def mean_changes(paired: PairedPredictions, membership: Membership, gate: Gate, *, outside: bool) -> Changes:
    """Changes of the mean of a score per example, such as the Brier score or an absolute error."""
    metric = METRICS[gate.metric]
    dense, compressed = (scores(metric, paired, which) for which in ("dense", "compressed"))
    columns = np.column_stack([dense, compressed, compressed - dense])
    sums = score_sums(membership, columns)
    n, total, squares = sums.n, sums.total, sums.squares
    if outside:
        n = len(columns) - n
        total, squares = columns.sum(axis=0) - total, np.square(columns).sum(axis=0) - squares
    size = np.maximum(n, 1)[:, None]
    mean = total / size
    t = paired_t_of_sums(n, total[:, 2], squares[:, 2], level=policy_level(gate))
    return Changes(
        n=n,
        dense=metric.sign * mean[:, 0],
        compressed=metric.sign * mean[:, 1],
        interval=t.interval,
        p=t.p,
        p_gain=t.p_gain,
        p_method="one-sided paired t",
        se=t.se,
    )


def policy_level(gate: Gate) -> float:
    """The two-sided confidence of every interval: the policy's, with alpha shared among its declared attempts."""
    return 1 - (1 - gate.confidence) / (gate.attempts or 1)
