"""Several trainings per side: which classes change more than the models do, and which examples change label.

Described, never gating: it speaks for training anew on these examples, where the gate speaks for these weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.data import Dataset
from validate.predictions import Predictions, answers, pair
from validate.stats.multiplicity import benjamini_hochberg
from validate.stats.populations import FEWEST_SEEDS, SCOPE, ClassChange, class_change, exemplars
from validate.stats.results import Floats, Interval

MOST_EXEMPLARS = 1_000  # ids that are listed
Normalise = Literal["per-model", "level-mean"]
NORMALISATIONS: tuple[Normalise, ...] = ("per-model", "level-mean")


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How a class's recall changed beyond the models' own accuracy; negative is harm."""

    normalise: Normalise  # what was taken out: each model's own accuracy, or its mean over the side
    change: float
    interval: Interval | None  # None with fewer than 3 seeds on a side
    p: float | None  # two-sided; None without a test, or where nothing varies
    p_fdr: float | None  # Benjamini-Hochberg over the classes


@dataclass(frozen=True, kw_only=True)
class PopulationClass:
    """One class over all trainings."""

    name: str
    n: int  # examples
    dense: tuple[float, float]  # lowest and highest recall over the seeds
    compressed: tuple[float, float]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, kw_only=True)
class PopulationResult:
    """Two populations of models on the same examples."""

    name: str
    seeds: tuple[int, int]  # dense, compressed
    matched: bool  # seed i of one side was compressed from seed i of the other
    dense: tuple[float, float]  # lowest and highest accuracy over the seeds
    compressed: tuple[float, float]
    classes: tuple[PopulationClass, ...]
    exemplars: int  # examples whose most frequent label differs between the sides
    exemplar_ids: tuple[str, ...]  # the first 1,000 of them, in the data's order
    scope: str
    problem: str = ""  # why it could not be compared; all else is empty then


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """The class codes that each model of either side answered; -1 for no answer."""

    dense: NDArray[np.int64]  # (s, n)
    compressed: NDArray[np.int64]  # (t, n)


def sides(dataset: Dataset, dense: Sequence[Predictions], compressed: Sequence[Predictions]) -> Sides:
    """Both sides' answers in the data's order.

    Raises:
        ModelError: answers that do not fit the data, or a dense model that does not answer every example.
    """
    first = dense[0]
    return Sides(
        dense=np.stack([answers(pair(dataset, one, one).dense) for one in dense]),
        compressed=np.stack([answers(pair(dataset, first, one).compressed) for one in compressed]),
    )


def compare_populations(
    name: str, dataset: Dataset, answered: Sides, *, matched: bool, level: float = 0.95
) -> PopulationResult:
    """Recall of every class over the seeds, and the examples that change label."""
    right = [codes == dataset.labels for codes in (answered.dense, answered.compressed)]
    accuracy = [hits.mean(axis=1) for hits in right]
    present = [code for code in range(len(dataset.classes)) if np.any(dataset.labels == code)]
    recall = [[hits[:, dataset.labels == code].mean(axis=1) for hits in right] for code in present]
    shifts = [_shifts(recall, accuracy, normalise, matched=matched, level=level) for normalise in NORMALISATIONS]
    votes = [_voting(codes, len(dataset.classes)) for codes in (answered.dense, answered.compressed)]
    changed = np.flatnonzero(exemplars(*votes))
    return PopulationResult(
        name=name,
        seeds=(len(answered.dense), len(answered.compressed)),
        matched=matched,
        dense=_range(accuracy[0]),
        compressed=_range(accuracy[1]),
        classes=tuple(
            PopulationClass(
                name=dataset.classes[code],
                n=int((dataset.labels == code).sum()),
                dense=_range(recall[i][0]),
                compressed=_range(recall[i][1]),
                shifts=tuple(kind[i] for kind in shifts),
            )
            for i, code in enumerate(present)
        ),
        exemplars=len(changed),
        exemplar_ids=tuple(dataset.ids[changed[:MOST_EXEMPLARS]]),
        scope=SCOPE,
    )


def not_compared(name: str, seeds: tuple[int, int], problem: str, *, matched: bool) -> PopulationResult:
    """The result of populations that could not be compared."""
    nothing = (float("nan"), float("nan"))
    return PopulationResult(
        name=name,
        seeds=seeds,
        matched=matched,
        dense=nothing,
        compressed=nothing,
        classes=(),
        exemplars=0,
        exemplar_ids=(),
        scope=SCOPE,
        problem=problem,
    )


def _shifts(
    recall: Sequence[Sequence[Floats]], accuracy: Sequence[Floats], normalise: Normalise, *, matched: bool, level: float
) -> list[Shift]:
    """One shift per class, adjusted over the classes that could be tested."""
    found = [
        class_change(dense, compressed, *accuracy, normalise=normalise, matched=matched, level=level)
        for dense, compressed in recall
    ]
    p = [_p(one) for one in found]
    tested = [x for x in p if x is not None]
    adjusted = iter(benjamini_hochberg(tested).tolist())
    return [
        Shift(
            normalise=normalise,
            change=one.change,
            interval=None if one.test is None else one.test.interval,
            p=value,
            p_fdr=None if value is None else next(adjusted),
        )
        for one, value in zip(found, p, strict=True)
    ]


def _p(found: ClassChange) -> float | None:
    return None if found.test is None or np.isnan(found.test.p) else found.test.p


def _voting(codes: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """No answer is an answer of its own kind."""
    return np.where(codes < 0, k, codes)


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def too_few(result: PopulationResult) -> bool:
    """Whether there are too few seeds for a test, and only ranges are told."""
    return min(result.seeds) < FEWEST_SEEDS
