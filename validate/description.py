"""What is shown of every slice beside the gate's metric: proper scores, error rates, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.counts import score_sums
from validate.metrics import METRICS, Needs, available, described, outputs, scores
from validate.predictions import PairedPredictions
from validate.slices import Kind, Membership, Slice, members, without_intersections
from validate.stats.calibration import BINS, FEWEST_PER_BIN, bin_sums, calibration_of_sums
from validate.suite import Gate

# Scores of a classification are rounded to multiples of this, no finer than the models' float32: their sums are then
# exact in double precision up to 33 million rows, and the same in whatever batches and order the rows come.
GRID = 2.0**-24

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A described (never gating) metric of a slice, on both models: Brier score, log-loss, error rates."""

    metric: str
    n: int
    dense: float
    compressed: float
    change: float  # oriented: negative means harm


@dataclass(frozen=True, kw_only=True, eq=False)
class Described:
    """Sums of what is shown beside the gate's metric; `+` joins shards."""

    means: Mapping[str, Floats]  # by metric, (shown, 3): the examples that it is about, and both models' scores
    bins: Floats | None  # (binned, 2, 3, BINS) per model: examples, how many right, confidence; None without chances
    binned: tuple[int, ...] = ()  # positions of their slices, among those that are shown

    def __add__(self, other: "Described") -> "Described":
        means = {name: sums + other.means[name] for name, sums in self.means.items()}
        bins = None if self.bins is None or other.bins is None else self.bins + other.bins
        return Described(means=means, bins=bins, binned=self.binned)


def describe_rows(paired: PairedPredictions, membership: Membership, gate: Gate) -> Described:
    """The sums of some rows; intersections go without, they would drown the others."""
    shown = without_intersections(membership)
    means = {}
    for metric in described(paired):
        if metric.name != gate.metric:
            dense, compressed = (scores(metric, paired, which) for which in ("dense", "compressed"))
            about = ~np.isnan(dense)  # an error rate is about the examples of one class
            columns = np.column_stack([about, np.where(about, dense, 0.0), np.where(about, compressed, 0.0)])
            exact = columns if metric.needs is Needs.VALUES else _on_grid(columns)
            means[metric.name] = score_sums(shown, exact).total
    bins = _bins(paired, shown) if available(METRICS["ece"], paired) else None
    return Described(means=means, bins=bins, binned=tuple(_binned(shown.slices)))


def describe(sums: Described | None, slices: Sequence[Slice]) -> list[tuple[Score, ...]]:
    """The other metrics of each slice (m,)."""
    if sums is None:
        return [()] * len(slices)
    shown = [entry for entry in slices if entry.kind is not Kind.CROSS]
    found: dict[str, list[Score]] = {entry.name: [] for entry in slices}
    for name, table in sums.means.items():
        metric = METRICS[name]
        for entry, (n, before, after) in zip(shown, table, strict=True):
            if n:
                score = Score(
                    metric=metric.title,
                    n=int(n),
                    dense=metric.sign * float(before / n),
                    compressed=metric.sign * float(after / n),
                    change=float((after - before) / n),
                )
                found[entry.name].append(score)
    if sums.bins is not None:
        for i, models in zip(sums.binned, sums.bins, strict=True):
            found[shown[i].name] += _calibration(shown[i].n, models)
    return [tuple(found[entry.name]) for entry in slices]


def _calibration(n: int, models: Floats) -> list[Score]:
    """The calibration error as it is, and without what chance adds."""
    dense, compressed = (calibration_of_sums(*sums) for sums in models)
    numbers = (
        (f"calibration error, {BINS} bins", dense.l1, compressed.l1),
        (f"calibration error, debiased, {BINS} bins", dense.debiased_l2, compressed.debiased_l2),
    )
    return [
        Score(metric=title, n=n, dense=before, compressed=after, change=before - after)
        for title, before, after in numbers
    ]


def _bins(paired: PairedPredictions, shown: Membership) -> Floats:
    """The calibration sums of guarded slices with enough examples per bin."""
    models = []
    for which in ("dense", "compressed"):
        chances = np.clip(outputs(METRICS["ece"], paired, which), 0, 1)
        models.append((chances.max(axis=1), chances.argmax(axis=1) == paired.labels))
    found = np.zeros((len(_binned(shown.slices)), 2, 3, BINS))
    for place, i in enumerate(_binned(shown.slices)):
        inside = members(shown, i)
        for model, (confidence, right) in enumerate(models):
            found[place, model] = bin_sums(confidence[inside], right[inside], grid=GRID)
    return found


def _binned(shown: Sequence[Slice]) -> list[int]:
    return [i for i, entry in enumerate(shown) if entry.guard and entry.n >= FEWEST_PER_BIN * BINS]


def _on_grid(values: Floats) -> Floats:
    exact: Floats = np.rint(values / GRID) * GRID
    return exact
