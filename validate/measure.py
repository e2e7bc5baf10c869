"""The change of every slice on the gate's metric, whatever kind of metric it is."""

import numpy as np

from validate.changes import Changes
from validate.metrics import METRICS, MetricKind
from validate.predictions import PairedPredictions
from validate.rate_changes import rate_changes
from validate.score_changes import aggregate_changes, mean_changes
from validate.slices import Membership
from validate.suite import Gate


def slice_changes(
    paired: PairedPredictions, membership: Membership, gate: Gate, rng: np.random.Generator, *, outside: bool = False
) -> Changes:
    """The change of every slice; with `outside`, of all examples that are not in it.

    `rng` draws the resamples of metrics that are bootstrapped.
    """
    kind = METRICS[gate.metric].kind
    if kind is MetricKind.BINARY:
        return rate_changes(paired, membership, gate, outside=outside)
    if kind is MetricKind.MEAN:
        return mean_changes(paired, membership, gate, rng, outside=outside)
    return aggregate_changes(paired, membership, gate, rng, outside=outside)
