"""Damage per example, and the views on it that must agree before a slice counts as damaged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from validate.counts import BOTH_RIGHT, GAIN, LOSS, outcomes
from validate.metrics import METRICS, scores
from validate.predictions import PairedPredictions, right
from validate.scores import Balance, Evidence, Excess, Net, Scan, Score
from validate.stats.means import paired_t, welch_t
from validate.stats.mover import difference_p
from validate.stats.significance import sign_test
from validate.suite import METRIC_AIMS, Aim

AIMS: Mapping[Aim, str] = {
    "excess": "a larger loss than the rest",
    "net": "more losses than gains",
    "losses": "a larger share of losses than the rest",
    "brier": "a larger loss of Brier score than the rest",
    "log_loss": "a larger loss of log-loss than the rest",
    "mae": "a larger growth of absolute error than the rest",
    "mse": "a larger growth of squared error than the rest",
}
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Damage:
    """What the compressed model lost on each example."""

    values: Floats  # (n,) 1 a loss, -1 a gain, 0 neither; or how much a score fell
    right: Bools | None  # (n,) whether the dense model was right; None for a score
    metric: str = "accuracy"  # whose fall it is

    def __post_init__(self) -> None:
        if not np.all(np.isfinite(self.values)):
            raise ValueError("damage must be finite")


def damage_of(paired: PairedPredictions, aim: Aim) -> Damage:
    """The damage that an aim looks at; of a regression without another metric, the growth of the absolute error."""
    if aim in METRIC_AIMS:
        return damage_of_scores(paired, aim)
    if not paired.classes:
        return damage_of_scores(paired, "mae")
    return damage_of_outcomes(outcomes(right(paired, "dense"), right(paired, "compressed")))


def damage_of_outcomes(outcome: NDArray[np.uint8]) -> Damage:
    """The damage of right and wrong answers, from their outcome codes (n,)."""
    values = (outcome == LOSS).astype(np.float64) - (outcome == GAIN)
    return Damage(values=values, right=(outcome == BOTH_RIGHT) | (outcome == LOSS))


def damage_of_scores(paired: PairedPredictions, metric: str) -> Damage:
    """The fall of a score per example, such as "brier" or "mae", oriented: positive means harm."""
    chosen = METRICS[metric]
    fall = scores(chosen, paired, "dense") - scores(chosen, paired, "compressed")
    return Damage(values=np.nan_to_num(fall, nan=0.0), right=None, metric=metric)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens:
    """One view on the damage of some examples: a score to search by, and a test."""

    rows: Rows  # (r,) the examples
    values: Floats  # (r,) their damage
    clusters: NDArray[np.int64] | None  # (r,)
    score: Score  # evidence, in nats
    alone: bool  # the slice is tested by itself, not against the rest

    def strength(self, inside: Bools) -> float:
        """The score of a slice, given by its mask of all examples."""
        values = self.values[inside[self.rows]]
        if not len(values):
            return 0.0
        sums = np.array([values[values > 0].sum()]), -np.array([values[values < 0].sum()])
        return float(self.score.value(np.array([len(values)]), *sums)[0])

    def p(self, inside: Bools) -> float:
        """One-sided p of no damage: for right and wrong answers exact, or by Tango's limits; else Student's t.

        With clusters each counts once, by its mean.
        """
        within = inside[self.rows]
        values, rest = self.values[within], self.values[~within]
        if self.clusters is None and np.all(np.isin(self.values, (-1.0, 0.0, 1.0))):
            counts, others = counted(values), counted(rest)
            if self.alone:
                return float(sign_test(*counts[:2])[0])
            if np.all(self.values >= 0):
                return fisher(*(side[i][0] for side in (counts, others) for i in (1, 2)))
            return float(difference_p(*counts, *others)[0])
        if self.clusters is not None:
            values, rest = (_means(v, self.clusters[w]) for v, w in ((values, within), (rest, ~within)))
        test = paired_t(values) if self.alone else welch_t(values, rest)
        if math.isnan(test.p):
            return 1.0
        return test.p / 2 if test.t > 0 else 1 - test.p / 2


def lenses(aim: Aim, damage: Damage, rows: Rows, clusters: NDArray[np.int64] | None) -> tuple[Lens, ...]:
    """The views that an aim takes of some examples; none where there is no damage to compare.

    An excess must show in two ways: in losses minus gains, and in the losses among what the dense model had right.
    Either alone misleads where nothing is damaged: the first where the dense model is right more often than elsewhere,
    and so has more to lose than to gain; the second where answers are unsure, and flip more often both ways.
    """
    alone, views = aim == "net", list[tuple[Rows, Floats]]()
    if aim != "losses" or damage.right is None:
        values = damage.values[rows]
        views.append((rows, np.maximum(values, 0.0) if aim == "losses" else values))
    if aim != "net" and damage.right is not None:
        right = rows[damage.right[rows]]
        views.append((right, np.maximum(damage.values[right], 0.0)))
    found = []
    for chosen, values in views:
        if not np.any(values > 0) or values.min() == values.max():
            return ()
        units = None if clusters is None else clusters[chosen]
        found.append(Lens(rows=chosen, values=values, clusters=units, score=_score(values, alone=alone), alone=alone))
    return tuple(found)


def counted(damage: Floats) -> tuple[list[int], list[int], list[int]]:
    """Gains, losses and examples of one slice."""
    return [int((damage < 0).sum())], [int((damage > 0).sum())], [len(damage)]


def fisher(losses: int, n: int, losses_rest: int, n_rest: int) -> float:
    """One-sided exact p (Fisher 1935) that a slice of n loses no more often than the rest."""
    lost = losses + losses_rest
    at = np.arange(losses, min(n, lost) + 1)
    if not len(at):
        return 1.0
    logs = _log_choose(n, at) + _log_choose(n_rest, lost - at) - _log_choose(n + n_rest, np.array(lost))
    return min(1.0, float(np.exp(logsumexp(logs))))


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    possible = (k >= 0) & (k <= n)
    k = np.clip(k, 0, n)
    logs: Floats = np.where(possible, gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), -np.inf)
    return logs


def _score(values: Floats, *, alone: bool) -> Score:
    """Of losses, that they are frequent; of flips, that they are losses; of any other damage, that it is large.

    Where the model loses more than it gains overall, as many losses as gains is still what a slice is held to: another
    lens compares it with the rest.
    """
    if np.all((values == 0) | (values == 1)) and not alone:
        return Scan(rate=float(values.mean()))
    if np.all(np.isin(values, (-1.0, 0.0, 1.0))):
        losses, flips = int((values > 0).sum()), int((values != 0).sum())
        return Balance(share=0.5 if alone else min(0.5, losses / flips))
    if alone:
        return Evidence(errors=Net())
    facts = {"mean": float(values.mean()), "variance": float(values.var()), "largest": float(values.max())}
    return Evidence(errors=Excess(n=len(values), **facts))


def _means(values: Floats, clusters: NDArray[np.int64]) -> Floats:
    """The mean of each cluster."""
    _, codes = np.unique(clusters, return_inverse=True)
    means: Floats = np.bincount(codes, values) / np.bincount(codes)
    return means
