"""Before a verdict is worth anything: a dense model that works, a compressed one that is another, no miracle."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binom

from validate.checks import integrity_check
from validate.data import Dataset
from validate.gate import CheckResult
from validate.metrics import METRICS, Metric, MetricKind, aggregate, outputs
from validate.predictions import ModelIdentity, PairedPredictions, Predictions, answers, right
from validate.suite import Models
from validate.wording import plural

SAMPLE = 1000  # examples that the noise floor is measured on
BATCH_ROWS = 37  # of the batches that they are asked in: no power of two, no divisor of usual sizes

# A gain is implausible when all of these hold: compression that halves the errors is not heard of.
FEWEST = 100  # examples
ERRORS_LEFT = 0.5  # of the dense model's errors, at most
LEAST_GAIN = 0.05  # of a metric between 0 and 1
CHANCE = 1e-6  # that gains and losses are equally likely, of right and wrong answers


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the rows of a pair of models say about the pair itself; sums over batches add up."""

    n: int
    identical: int  # examples on which both models' scores are the same to the last bit
    labels_only: bool  # one of them gives labels, where the same answer says nothing
    dense: float  # the gate's metric, as people know it; nan where only its sums are known
    compressed: float
    gains: int  # of right and wrong answers; 0 for a regression
    losses: int


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """What the dense model does to itself: asked again in other batches and with another number of threads."""

    n: int  # examples, drawn by the suite's seed
    flips: int  # answers that changed
    largest: float  # difference of a score
    how: str  # what was different


def seen(paired: PairedPredictions, metric: str) -> Seen:
    """What a pair's rows say about the pair."""
    measured = METRICS[metric]
    k = len(paired.classes)
    dense, compressed = (
        measured.sign * aggregate(measured, paired.labels, outputs(measured, paired, which), k)
        for which in ("dense", "compressed")
    )
    correct = (right(paired, "dense"), right(paired, "compressed")) if k else (np.zeros(0), np.zeros(0))
    return Seen(
        n=len(paired.ids),
        identical=identical(paired),
        labels_only="labels" in {paired.dense.outputs, paired.compressed.outputs},
        dense=dense,
        compressed=compressed,
        gains=int((correct[1] > correct[0]).sum()),
        losses=int((correct[1] < correct[0]).sum()),
    )


def identical(paired: PairedPredictions) -> int:
    """Examples on which both models' scores are the same to the last bit."""
    one, other = paired.dense.scores, paired.compressed.scores
    return int((one == other).all(axis=1).sum()) if one.shape == other.shape else 0


def preflight_checks(
    found: Seen, dense: ModelIdentity, compressed: ModelIdentity, models: Models, metric: str
) -> tuple[CheckResult, ...]:
    """The dense model's level, where the suite declares one; that there are two models; that the gain is plausible."""
    measured = METRICS[metric]
    level = f"the dense model's {measured.title} is {found.dense:.4g}"
    checks = []
    if models.dense_minimum is not None:
        enough = measured.sign * found.dense >= measured.sign * models.dense_minimum
        declared = f"at {'least' if measured.higher_is_better else 'most'} {models.dense_minimum:g} is declared"
        broken = () if enough else (f"{level}, and {declared}: a broken reference makes a broken model look fine",)
        checks.append(integrity_check("reference", broken, f"{level}; {declared}"))
    same = [] if "identical" in models.expected else list(_disguises(found, dense, compressed))
    told = f"answers of {plural(found.n, 'example')}, {found.identical:,} the same to the last bit"
    checks.append(
        integrity_check("two models", same, "labels alone cannot tell two models apart" if found.labels_only else told)
    )
    miracle = [] if "gain" in models.expected else list(_miracles(found, measured))
    checks.append(integrity_check("plausible", miracle, "no gain beyond what compression could bring"))
    return tuple(checks)


def noise_floor(before: Predictions, dataset: Dataset, again: Predictions, how: str) -> NoiseFloor:
    """The dense model against itself: `again` are its answers to the examples of `dataset`, asked otherwise."""
    row = {name: at for at, name in enumerate(before.ids)}
    scores = before.scores[[row[name] for name in dataset.ids]]
    once = replace(before, ids=dataset.ids, scores=scores)
    with np.errstate(invalid="ignore"):
        apart = np.abs(scores - again.scores)
    return NoiseFloor(
        n=len(dataset),
        flips=int((answers(once) != answers(again)).sum()),
        largest=float(np.nanmax(apart, initial=0.0)),
        how=how,
    )


def sample(dataset: Dataset, seed: int) -> Dataset:
    """Some of the examples, in their order, drawn by the seed."""
    n = min(SAMPLE, len(dataset))
    rows = np.sort(np.random.default_rng(seed).choice(len(dataset), n, replace=False))
    return replace(
        dataset,
        frame=dataset.frame.iloc[rows].reset_index(drop=True),
        ids=dataset.ids[rows],
        labels=dataset.labels[rows],
        clusters=None if dataset.clusters is None else dataset.clusters[rows],
    )


def _disguises(found: Seen, dense: ModelIdentity, compressed: ModelIdentity) -> Iterator[str]:
    """Why the compressed model would be the dense one."""
    advice = 'where that is meant, say [models] expected = ["identical"]'
    files = dense.kind != "recorded" and dense.sha256 is not None
    if files and (dense.sha256, dense.source) == (compressed.sha256, compressed.source):
        yield f"the compressed model is the dense one: the same files; {advice}"
    elif found.identical == found.n and not found.labels_only:
        yield f"the compressed model answers all {found.n:,} examples as the dense one does, to the last bit; {advice}"


def _miracles(found: Seen, metric: Metric) -> Iterator[str]:
    """Why a gain is not to be believed."""
    bounded = metric.higher_is_better
    before, after = ((1 - value if bounded else value) for value in (found.dense, found.compressed))
    sure = metric.kind is not MetricKind.BINARY or binom.cdf(found.losses, found.gains + found.losses, 0.5) < CHANCE
    large = before - after >= LEAST_GAIN or not bounded
    if found.n >= FEWEST and after <= ERRORS_LEFT * before and large and sure and before > 0:
        yield (
            f"ANOMALOUS: {metric.title} {found.compressed:.4g} after {found.dense:.4g}, less than half of the dense "
            "model's errors: look for labels among the inputs, another order of classes, or models that were swapped; "
            'where it is explained, say [models] expected = ["gain"]'
        )
