"""Who is likely to be hurt, from the dense model alone: the known predictors of excess loss, slice by slice.

Compression was seen to cost groups more that have few training examples, lie close to the boundary, and whose loss is
steep in the weights: Tran, Fioretto, Kim & Naidu, "Pruning has a disparate impact on model accuracy" (2022). That
uncertainty before compression goes along with damage after it: Iofinova, Peste & Alistarh, "Bias in pruned vision
models" (2023). A forecast orders what to test first; it shows nothing about any compressed model.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from validate.comparison import Comparison
from validate.errors import ParitygateError
from validate.predicates import evaluate, parse
from validate.slices import Kind, Membership, Slice, members

Floats = NDArray[np.float64]

# Which end of each predictor is the one at risk: -1 the small values, +1 the large ones.
PREDICTORS: Mapping[str, int] = {
    "training share": -1,
    "margin": -1,
    "entropy": +1,
    "gradient norm": +1,
    "distance": -1,
}
FEWEST_ROWS = 30  # examples of a slice that takes part in a correlation
FEWEST_SLICES = 10  # below which a correlation is warned about
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class SliceForecast:
    """One slice; predictors that could not be computed are not there."""

    slice: str
    n: int
    guard: bool
    values: Mapping[str, float]  # by predictor
    ranks: Mapping[str, float]  # 1 is most at risk; ties share a rank
    rank: float  # the mean of these
    of_training: bool  # its share is that of the training data; else that of the data


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """All slices, those most at risk first."""

    suite: str
    n: int
    slices: tuple[SliceForecast, ...]
    notes: tuple[str, ...]  # what is missing, and why


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Whether a predictor went along with what happened to one compressed model."""

    compressed: str
    predictor: str
    slices: int
    rho: float  # Spearman's, of the risk that it predicts and the excess loss; +1: the order was right; NaN: undefined
    low: float  # 95 % percentile bootstrap over slices
    high: float
    p: float  # two-sided, by permutation of the slices


def forecast_slices(membership: Membership) -> list[int]:
    """Positions of the slices that are forecast: classes, categories and predicates; no pools, no intersections."""
    kinds = {Kind.CLASS, Kind.CATEGORY, Kind.WHERE}
    return [i for i, entry in enumerate(membership.slices) if entry.kind in kinds]


def score_predictors(chances: Floats | None) -> tuple[dict[str, Floats], list[str]]:
    """(n,) margin and entropy of the dense model's probabilities, and what is said where there are none."""
    if chances is None:
        return {}, ["no margin and no entropy: the model gives no probabilities"]
    top = np.sort(chances, axis=1)[:, ::-1]
    logs = np.log(np.maximum(chances, np.finfo(np.float64).tiny))
    return {"margin": top[:, 0] - top[:, 1], "entropy": -(chances * logs).sum(axis=1)}, []


def forecast(
    membership: Membership,
    examples: Mapping[str, Floats],
    slopes: Floats | None,
    train: pd.DataFrame | None,
    *,
    suite: str,
    notes: Sequence[str] = (),
) -> Forecast:
    """The forecast of each slice from predictors per example (n,), and gradient norms per forecast slice.

    Margin and entropy are means; the distance is the median, as one flat place makes a mean infinite.
    """
    chosen = forecast_slices(membership)
    drafts: list[tuple[Slice, dict[str, float], bool]] = []
    for position, i in enumerate(chosen):
        entry, inside = membership.slices[i], members(membership, i)
        share, of_training = training_share(entry, train)
        values = {"training share": share}
        for name, each in examples.items():
            values[name] = float(np.median(each[inside]) if name == "distance" else np.mean(each[inside]))
        if slopes is not None:
            values["gradient norm"] = float(slopes[position])
        drafts.append((entry, values, of_training))
    made = _ranked(drafts)
    said = list(notes)
    if drafts and not all(of_training for _, _, of_training in drafts):
        said.append("shares marked * are of the data: the training data's attributes do not tell them")
    ordered = sorted(made, key=lambda one: (one.rank, one.slice))
    return Forecast(suite=suite, n=membership.n, slices=tuple(ordered), notes=tuple(said))


def training_share(entry: Slice, train: pd.DataFrame | None) -> tuple[float, bool]:
    """A slice's share of the training data, where its attributes tell it, else of the data."""
    if entry.train_share is not None:
        return entry.train_share, True
    if train is not None and len(train) and set(entry.columns) <= set(train.columns):
        try:
            return float(evaluate(parse(entry.where, entry.name), train).mean()), True
        except ParitygateError:  # the training table holds something else under this name
            pass
    return entry.share, False


def _ranked(drafts: Sequence[tuple[Slice, dict[str, float], bool]]) -> list[SliceForecast]:
    known = [name for name in PREDICTORS if drafts and all(name in values for _, values, _ in drafts)]
    ranks = {
        name: stats.rankdata([-PREDICTORS[name] * values[name] for _, values, _ in drafts], nan_policy="omit")
        for name in known
    }
    return [
        SliceForecast(
            slice=entry.name,
            n=entry.n,
            guard=entry.guard,
            values={name: values[name] for name in known},
            ranks={name: float(ranks[name][i]) for name in known},
            rank=float(np.mean([ranks[name][i] for name in known])),
            of_training=of_training,
        )
        for i, (entry, values, of_training) in enumerate(drafts)
    ]


def correlations(
    found: Forecast, compressed: str, comparisons: Sequence[Comparison], *, seed: int
) -> tuple[Correlation, ...]:
    """Spearman's rank correlation of each predictor's risk with the excess loss: a slice's loss minus that of all.

    Slices of fewer than 30 examples take no part. Slices of different columns share examples, so the intervals speak
    of these slices, and are too narrow for others.
    """
    changes = {c.slice.name: c.change.estimate for c in comparisons if c.slice.n >= FEWEST_ROWS}
    everything = next((c.change.estimate for c in comparisons if c.slice.kind is Kind.ALL), None)
    shared = [one for one in found.slices if one.slice in changes and np.isfinite(changes[one.slice])]
    if everything is None or len(shared) < 3:
        return ()
    excess = np.array([everything - changes[one.slice] for one in shared])
    return tuple(
        _correlation(
            compressed, name, np.array([sign * one.values[name] for one in shared]), excess, np.random.default_rng(seed)
        )
        for name, sign in PREDICTORS.items()
        if name in shared[0].values
    )


def _correlation(compressed: str, name: str, risk: Floats, excess: Floats, rng: np.random.Generator) -> Correlation:
    def rho(x: Floats, y: Floats) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.ConstantInputWarning)  # told as a NaN
            return float(stats.spearmanr(x, y).statistic)

    observed = rho(risk, excess)
    low = high = p = float("nan")
    if np.isfinite(observed):
        draws = rng.integers(0, len(risk), (RESAMPLES, len(risk)))
        resampled = [rho(risk[rows], excess[rows]) for rows in draws]
        low, high = (float(x) for x in np.nanquantile(resampled, [0.025, 0.975]))
        test = stats.permutation_test(
            (risk,), lambda x: rho(x, excess), permutation_type="pairings", n_resamples=RESAMPLES, rng=rng
        )
        p = float(test.pvalue)
    return Correlation(compressed=compressed, predictor=name, slices=len(risk), rho=observed, low=low, high=high, p=p)
