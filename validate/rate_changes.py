"""The change of a rate, such as accuracy, from paired counts; examples may come in clusters."""

from dataclasses import replace

import numpy as np

from validate.changes import Changes, policy_level
from validate.counts import GAIN, LOSS, PairedCounts, count, outcomes
from validate.predictions import PairedPredictions, right
from validate.slices import Membership, members
from validate.stats.clusters import ClusterSums, cluster_sums_of, deff_tango_interval, sign_test_clusters
from validate.stats.paired import melded_interval, tango_interval
from validate.stats.significance import sign_test
from validate.suite import Gate


def rate_changes(paired: PairedPredictions, membership: Membership, gate: Gate, *, outside: bool) -> Changes:
    """The change of every slice's accuracy; with `outside`, of all examples that are not in it."""
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
            f"{int(k):,} clusters, worth {size:,.0f} independent examples; "
            + (f"design effect {deff:.2f}" if np.isfinite(deff) else "design effect not estimable")
            for k, size, deff in zip(sums.clusters, found.n, found.deff, strict=True)
        ),
    )
