"""The change of every slice on the gate's metric, whatever kind of metric it is."""

import numpy as np

from validate.changes import Changes
from validate.metrics import METRICS, MetricKind
from validate.rate_changes import binary_changes, rate_changes
from validate.score_changes import aggregate_changes, mean_changes
from validate.suite import Gate
from validate.totals import Totals


def slice_changes(totals: Totals, gate: Gate, rng: np.random.Generator, *, outside: bool = False) -> Changes:
    """The change of every slice; with `outside`, of all examples that are not in it.

    `rng` draws the resamples of metrics that are bootstrapped.
    """
    if totals.counted(gate):
        return binary_changes(totals.complement if outside else totals.counts, gate)
    kind, rows = METRICS[gate.metric].kind, totals.all_rows
    paired, membership = rows.paired, rows.membership
    if kind is MetricKind.BINARY:
        return rate_changes(paired, membership, gate, outside=outside)
    if kind is MetricKind.MEAN:
        return mean_changes(paired, membership, gate, rng, outside=outside)
    return aggregate_changes(paired, membership, gate, rng, outside=outside)
