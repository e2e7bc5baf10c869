"""The change of a metric that is no rate: the mean of a score per example, or a number of all examples together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from validate.changes import Changes, policy_level
from validate.counts import score_sums
from validate.metrics import METRICS, Needs, aggregate, outputs, scores
from validate.predictions import PairedPredictions
from validate.slices import Membership, members
from validate.stats.bootstrap import Bootstrap, bootstrap, mean_bootstrap_se, unit_sums
from validate.stats.means import FEWEST_CHANGED, FEWEST_GUARDED, guarded_low, mean_interval, worth_changed
from validate.stats.moments import paired_t_of_sums
from validate.stats.results import Floats, Intervals
from validate.suite import Gate

RESAMPLES = 999  # of a bootstrap of an aggregate, or of a mean that is not guarded
GUARDED = 9999  # of the mean of a guarded slice
GUARDED_LIMIT = ", lower limit with two unseen losses (after Agresti & Coull 1998)"


def mean_changes(
    paired: PairedPredictions, membership: Membership, gate: Gate, rng: np.random.Generator, *, outside: bool
) -> Changes:
    """The change of every slice's mean score, such as the Brier score or an absolute error.

    By Student's t from sums; for guarded slices, and where examples come in clusters, by a bootstrap where t does not
    hold.
    """
    metric = METRICS[gate.metric]
    dense, compressed = (scores(metric, paired, which) for which in ("dense", "compressed"))
    columns = np.column_stack([dense, compressed, compressed - dense])
    sums = score_sums(membership, columns)
    n, total, squares = sums.n, sums.total, sums.squares
    if outside:
        n = len(columns) - n
        total, squares = columns.sum(axis=0) - total, np.square(columns).sum(axis=0) - squares
    mean = total / np.maximum(n, 1)[:, None]
    t = paired_t_of_sums(n, total[:, 2], squares[:, 2], level=policy_level(gate))
    changes = Changes(
        n=n,
        dense=metric.sign * mean[:, 0],
        compressed=metric.sign * mean[:, 1],
        interval=t.interval,
        p=t.p,
        p_gain=t.p_gain,
        p_method="one-sided paired t",
        se=t.se,
    )
    chosen = [i for i, entry in enumerate(membership.slices) if entry.guard or paired.clusters is not None]
    masks = {i: members(membership, i) ^ outside for i in chosen}
    guarded = frozenset(i for i, entry in enumerate(membership.slices) if entry.guard)
    return _bootstrapped_means(changes, columns[:, 2], masks, paired, rng, guarded=guarded)


def aggregate_changes(
    paired: PairedPredictions, membership: Membership, gate: Gate, rng: np.random.Generator, *, outside: bool
) -> Changes:
    """The change of every slice's F1, AUC, calibration error or RMSE: both models on the same resamples."""
    metric, k, level = METRICS[gate.metric], len(paired.classes), policy_level(gate)
    dense, compressed = (outputs(metric, paired, which) for which in ("dense", "compressed"))
    labels, made, notes = paired.labels, [], []
    moved = _moved(dense, compressed, answers=metric.needs is Needs.ANSWERS)
    for i, entry in enumerate(membership.slices):
        rows = np.flatnonzero(members(membership, i) ^ outside)

        def number(answers: NDArray[Any], chosen: NDArray[np.int64]) -> float:
            return aggregate(metric, labels[chosen], answers[chosen], k)

        def change(drawn: NDArray[np.int64], rows: NDArray[np.int64] = rows) -> float:
            return number(compressed, rows[drawn]) - number(dense, rows[drawn])

        clusters = None if paired.clusters is None else paired.clusters[rows]
        found = bootstrap(change, len(rows), level=level, resamples=RESAMPLES, rng=rng, clusters=clusters)
        notes.append(_too_little(moved[rows], clusters) if entry.guard else "")
        found = _open_below(found) if notes[-1] else found
        made.append((len(rows), number(dense, rows), number(compressed, rows), found))
    se = np.array([found.se for *_, found in made])
    estimate = np.array([found.interval.estimate for *_, found in made])
    p, p_gain = _normal_p(estimate, se)
    return Changes(
        n=np.array([n for n, *_ in made], dtype=np.int64),
        dense=metric.sign * np.array([before for _, before, *_ in made]),
        compressed=metric.sign * np.array([after for _, _, after, _ in made]),
        interval=Intervals(
            estimate=estimate,
            low=np.array([found.interval.low for *_, found in made]),
            high=np.array([found.interval.high for *_, found in made]),
            level=level,
            method=f"paired bootstrap, {RESAMPLES:,} resamples",
            n=np.array([float(n) for n, *_ in made]),
        ),
        p=p,
        p_gain=p_gain,
        p_method="normal, with the bootstrap's standard error",
        se=se,
        methods=tuple(found.interval.method for *_, found in made),
        notes=tuple(notes),
        clustered=paired.clusters is not None,
    )


def _bootstrapped_means(
    changes: Changes,
    differences: Floats,
    masks: Mapping[int, NDArray[np.bool_]],
    paired: PairedPredictions,
    rng: np.random.Generator,
    *,
    guarded: frozenset[int],
) -> Changes:
    """The changes, with the intervals of some slices made from the differences themselves by what holds there."""
    low, high = changes.interval.low.copy(), changes.interval.high.copy()
    methods = [changes.interval.method] * len(changes)
    se, notes = np.asarray(changes.se).copy(), [""] * len(changes)
    for i, mask in masks.items():
        clusters = None if paired.clusters is None else paired.clusters[mask]
        own, level = differences[mask], changes.interval.level
        found = mean_interval(
            own, level=level, rng=rng, clusters=clusters, resamples=GUARDED if i in guarded else RESAMPLES
        )
        low[i], high[i], methods[i] = found.low, found.high, found.method
        if i in guarded:
            low[i] = min(found.low, guarded_low(own, level=level, clusters=clusters))
            methods[i], notes[i] = f"{found.method}{GUARDED_LIMIT}", _too_little(own, clusters)
        if clusters is not None:
            se[i] = mean_bootstrap_se(own, clusters=clusters) if np.isfinite(found.low) else np.inf
    interval = replace(changes.interval, low=low, high=high)
    changed = replace(changes, interval=interval, se=se, methods=tuple(methods), notes=tuple(notes))
    if paired.clusters is None:
        return changed
    p, p_gain = _normal_p(changed.interval.estimate, se)
    return replace(changed, p=p, p_gain=p_gain, p_method="normal, with the clusters' standard error", clustered=True)


def _moved(dense: NDArray[Any], compressed: NDArray[Any], *, answers: bool) -> Floats:
    """How much of each example's output changed: (n,); of an answer, whether it did."""
    by = (compressed != dense) if answers else np.abs(compressed.astype(np.float64) - dense)
    return np.asarray(by.reshape(len(by), -1).max(axis=1, initial=0), dtype=np.float64)


def _open_below(found: Bootstrap) -> Bootstrap:
    """The same without a lower limit: nothing passes."""
    return replace(found, interval=replace(found.interval, low=-np.inf))


def _too_little(differences: Floats, clusters: NDArray[np.int64] | None) -> str:
    """Why these differences (n,) cannot show that a guarded slice lost no more than its margin; empty if they can."""
    sums, unit = unit_sums(differences, clusters)[0], "examples" if clusters is None else "clusters"
    if len(sums) < FEWEST_GUARDED:
        return f"{FEWEST_GUARDED} {unit} are the fewest that can pass"
    worth = worth_changed(sums)
    if worth < FEWEST_CHANGED:
        return f"worth {np.floor(10 * worth) / 10:g} changed {unit} of the {FEWEST_CHANGED} that are the fewest to pass"
    return ""


def _normal_p(estimate: Floats, se: Floats) -> tuple[Floats, Floats]:
    """One-sided p of no loss and of no gain; 1 where there is no standard error."""
    usable = np.isfinite(se) & (se > 0) & np.isfinite(estimate)
    z = np.divide(estimate, se, out=np.zeros_like(estimate), where=usable)
    return np.where(usable, ndtr(z), 1.0), np.where(usable, ndtr(-z), 1.0)
