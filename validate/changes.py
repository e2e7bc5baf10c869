"""What changed per slice, in one shape for every kind of metric: the mechanism under comparison and disparity."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.counts import PairedCounts
from validate.stats.results import Floats, Interval, Intervals
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
    methods: tuple[str, ...] = ()  # (m,) of each interval, where they differ; empty where they do not
    notes: tuple[str, ...] = ()  # (m,) or empty: what is special about a slice, such as its design effect
    clustered: bool = False  # examples come in clusters

    def __len__(self) -> int:
        return len(self.n)

    def interval_of(self, i: int) -> Interval:
        """The interval of one slice, with the method that made it."""
        found = self.interval[i]
        return replace(found, method=self.methods[i]) if self.methods else found


def independent_share(changes: Changes) -> Floats:
    """How much of an independent example each example of a slice is worth: 1 unless they come in clusters; (m,)."""
    if changes.effective is None or not changes.clustered:
        return np.ones(len(changes))
    return np.divide(changes.effective[2], changes.n, out=np.ones(len(changes)), where=changes.n > 0)


def policy_level(gate: Gate) -> float:
    """The two-sided confidence of every interval: the policy's, with alpha shared among its declared attempts."""
    return 1 - (1 - gate.confidence) / (gate.attempts or 1)
