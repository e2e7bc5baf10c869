"""What compression does to edge cases: the same comparison as for slices, and what it costs beyond their sources."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validate.changes import policy_level
from validate.comparison import Comparison, compare
from validate.edge_cases.sets import NO_SOURCE, EdgeSets, Rows, SetFacts
from validate.metrics import METRICS, MetricKind, scores
from validate.predictions import PairedPredictions, Predictions, answers
from validate.slices import members
from validate.stats.clusters import cluster_sums, deff_tango_interval
from validate.stats.means import mean_interval
from validate.stats.mover import difference_interval
from validate.stats.results import Floats, Interval, Intervals
from validate.suite import Gate
from validate.totals import add_up

RESAMPLES = 999  # of a bootstrap
EXEMPLARS = 5  # of each slice
NO_ANSWER = -1
PAIRED = "difference in differences, paired by source"
_BESIDE = {True: "accuracy", False: "mae"}  # told where the gate's metric has no score per example; by classification


@dataclass(frozen=True, kw_only=True)
class Invariance:
    """How often a model's answer to a variant is not its answer to the source."""

    n: int  # variants whose truth is that of their source
    dense: float  # share of them
    compressed: float
    change: Interval  # dense - compressed: negative means that compression breaks it more often


@dataclass(frozen=True, kw_only=True)
class Exemplar:
    """A variant to look at."""

    id: str
    source: str  # id of the example that it came from; "" for a case of its own
    source_lost: bool  # the compressed model did worse on the source too
    truth: str
    dense: str  # answers
    compressed: str
    remark: str = ""  # of a curated case: why it matters, and where it comes from


@dataclass(frozen=True, kw_only=True)
class EdgeResult:
    """What compression costs on the edge cases of one slice, beyond what it costs on the examples they came from."""

    slice: str  # name, as in the comparisons of edge cases
    set: str
    severity: int | None
    n: int  # variants
    sources: int  # distinct sources
    clean_dense: float | None  # the metric on the sources, each as often as it has variants; None without sources
    clean_compressed: float | None
    clean_n: int  # variants that have a source, or all examples for a set that is compared as a whole
    interaction: Interval | None  # change on the variants minus change on the clean ones: negative means it costs more
    invariance: Invariance | None  # None where there are no classes, or nothing to stay the same
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answered:
    """Both models' answers to the variants and to the examples that they came from."""

    edge: EdgeSets
    variants: PairedPredictions
    clean: PairedPredictions
    binary: bool  # the metric is right or wrong per example
    variant_scores: tuple[Floats, Floats]  # (n,) dense, compressed; higher is better
    clean_scores: tuple[Floats, Floats]  # (N,)
    level: float
    seed: int


def compare_edge_cases(
    edge: EdgeSets, variants: PairedPredictions, clean: PairedPredictions, gate: Gate, *, seed: int
) -> tuple[tuple[Comparison, ...], tuple[EdgeResult, ...]]:
    """Every set, and every severity of it: on the gate's metric as any slice, and against its clean sources.

    `clean` are both models' answers to the suite's own examples. F1 and the area under the curve belong to no single
    example, so with such a metric the costs are told by right and wrong answers instead.
    """
    comparisons = compare(add_up(variants, edge.membership, gate), gate, np.random.default_rng(seed))
    metric = METRICS[gate.metric if METRICS[gate.metric].score is not None else _BESIDE[bool(clean.classes)]]
    both = _Answered(
        edge=edge,
        variants=variants,
        clean=clean,
        binary=metric.kind is MetricKind.BINARY,
        variant_scores=(scores(metric, variants, "dense"), scores(metric, variants, "compressed")),
        clean_scores=(scores(metric, clean, "dense"), scores(metric, clean, "compressed")),
        level=policy_level(gate),
        seed=seed,
    )
    found = {c.slice.name: c for c in comparisons}
    results = [_result(both, i, found[entry.name], metric.sign) for i, entry in enumerate(edge.membership.slices)]
    return comparisons, tuple(results)


def _result(both: _Answered, i: int, own: Comparison, sign: int) -> EdgeResult:
    facts, inside = both.edge.facts[i], members(both.edge.membership, i)
    rows = np.flatnonzero(inside & (both.edge.sources != NO_SOURCE))
    sources = both.edge.sources[rows] if facts.paired else np.arange(len(both.clean.ids))
    known = len(sources) > 0
    return EdgeResult(
        slice=own.slice.name,
        set=facts.set,
        severity=facts.severity,
        n=own.slice.n,
        sources=facts.sources,
        clean_dense=sign * float(both.clean_scores[0][sources].mean()) if known else None,
        clean_compressed=sign * float(both.clean_scores[1][sources].mean()) if known else None,
        clean_n=len(sources),
        interaction=_interaction(both, rows, facts) if known else None,
        invariance=_invariance(both, rows) if facts.paired and both.clean.classes else None,
        exemplars=_exemplars(both, np.flatnonzero(inside), facts),
    )


def _interaction(both: _Answered, rows: Rows, facts: SetFacts) -> Interval:
    """Change on the variants minus change on the clean examples."""
    if not facts.paired:
        return _against_all(both, rows)
    sources, clusters = both.edge.sources[rows], _clusters(both, rows)
    difference = (_change(both.variant_scores)[rows]) - _change(both.clean_scores)[sources]
    if not both.binary:
        rng = np.random.default_rng(both.seed)
        found = mean_interval(difference, level=both.level, rng=rng, clusters=clusters, resamples=RESAMPLES)
        return replace(found, method=f"{PAIRED}, {found.method}")
    # Two places for each variant, one for its own gain or loss and one for its source's with the sign turned: those
    # that cancel count as none, and twice the change of this table is the difference.
    gained, lost = np.maximum(difference, 0), np.maximum(-difference, 0)
    found_twice = clustered_change(clusters, gained, lost, np.full(len(rows), 2), both.level)
    return Interval(
        estimate=2 * found_twice.estimate,
        low=2 * found_twice.low,
        high=2 * found_twice.high,
        level=both.level,
        method=f"{PAIRED}, {found_twice.method}",
    )


def _against_all(both: _Answered, rows: Rows) -> Interval:
    """The set as a whole against all examples: wide, as if the two had nothing in common."""
    own, everything = _change(both.variant_scores)[rows], _change(both.clean_scores)
    if both.binary:
        inside = clustered_change(_clusters(both, rows), own > 0, own < 0, np.ones(len(rows)), both.level)
        codes = np.arange(len(everything)) if both.clean.clusters is None else both.clean.clusters
        outside = clustered_change(codes, everything > 0, everything < 0, np.ones(len(everything)), both.level)
    else:
        rng = np.random.default_rng(both.seed)
        inside = mean_interval(own, level=both.level, rng=rng, clusters=_clusters(both, rows), resamples=RESAMPLES)
        outside = mean_interval(
            everything, level=both.level, rng=rng, clusters=both.clean.clusters, resamples=RESAMPLES
        )
    return difference_interval(_one(inside), _one(outside))[0]


def _invariance(both: _Answered, rows: Rows) -> Invariance | None:
    """Whether each model's answer to a variant is that to its source, where the truth is the same."""
    rows = rows[both.variants.labels[rows] == both.clean.labels[both.edge.sources[rows]]]
    if not len(rows):
        return None
    sources = both.edge.sources[rows]
    broken = []
    for variant, clean in ((both.variants.dense, both.clean.dense), (both.variants.compressed, both.clean.compressed)):
        before, after = answers(clean)[sources], answers(variant)[rows]
        broken.append((before != after) | (after == NO_ANSWER))
    dense, compressed = broken
    kept, broke = dense & ~compressed, compressed & ~dense
    return Invariance(
        n=len(rows),
        dense=float(dense.mean()),
        compressed=float(compressed.mean()),
        change=clustered_change(_clusters(both, rows), kept, broke, np.ones(len(rows)), both.level),
    )


def _exemplars(both: _Answered, rows: Rows, facts: SetFacts) -> tuple[Exemplar, ...]:
    """The variants that lost most, those whose sources lost nothing first."""
    change = _change(both.variant_scores)[rows]
    sources = both.edge.sources[rows]
    before = np.where(sources == NO_SOURCE, 0.0, _change(both.clean_scores)[sources])
    extra = np.minimum(change - before, change) if facts.paired else change
    worst = [k for k in np.lexsort((np.arange(len(rows)), extra)) if change[k] < 0][:EXEMPLARS]
    return tuple(
        Exemplar(
            id=both.variants.ids[rows[k]],
            source="" if sources[k] == NO_SOURCE else both.clean.ids[sources[k]],
            source_lost=bool(before[k] < 0),
            dense=_answer(both, both.variants.dense, int(rows[k])),
            compressed=_answer(both, both.variants.compressed, int(rows[k])),
            truth=both.variants.classes[int(both.variants.labels[rows[k]])]
            if both.variants.classes
            else f"{both.variants.labels[rows[k]]:.6g}",
            remark=both.edge.remarks[rows[k]],
        )
        for k in worst
    )


def _answer(both: _Answered, predictions: Predictions, row: int) -> str:
    answer = answers(predictions)[row]
    if not both.variants.classes:
        return f"{answer:.6g}"
    return both.variants.classes[int(answer)] if answer != NO_ANSWER else "(no answer)"


def _change(pair: tuple[Floats, Floats]) -> Floats:
    return np.asarray(pair[1] - pair[0])


def _clusters(both: _Answered, rows: Rows) -> NDArray[np.int64]:
    clusters = both.variants.clusters
    assert clusters is not None
    return clusters[rows]


def clustered_change(
    clusters: NDArray[np.int64], gained: ArrayLike, lost: ArrayLike, size: ArrayLike, level: float
) -> Interval:
    """The change of examples in clusters, from each one's gains, losses and size."""
    codes = np.unique(clusters, return_inverse=True)[1]
    sums = cluster_sums(
        *(np.bincount(codes, weights=np.asarray(each, dtype=np.float64)) for each in (gained, lost, size))
    )
    return deff_tango_interval(sums, level=level).interval[0]


def _one(interval: Interval) -> Intervals:
    return Intervals(
        estimate=np.array([interval.estimate]),
        low=np.array([interval.low]),
        high=np.array([interval.high]),
        level=interval.level,
        method=interval.method,
    )
