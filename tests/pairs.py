"""Two models' answers made by hand: who was right about which example."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.strategies import CLASSES, dataset
from tests.strategies import suite as suite_of
from validate.comparison import Comparison, compare
from validate.data import Dataset
from validate.judgement import Judgement, judge_pair
from validate.predictions import ModelIdentity, PairedPredictions, Predictions, pair
from validate.slices import Membership
from validate.slicing import build_membership
from validate.suite import Family, Gate, NamedSlice, Suite
from validate.totals import add_up

Bools = NDArray[np.bool_]


def answers_of(data: Dataset, right: Bools, *, name: str = "model", missing: Bools | None = None) -> Predictions:
    """The true class where right, the next one where not, and no answer where missing."""
    codes = np.where(right, data.labels, (data.labels + 1) % len(data.classes)).astype(np.float64)
    if missing is not None:
        codes[missing] = np.nan
    model = ModelIdentity(name=name, kind="memory", source=name, sha256=None, bytes=None)
    return Predictions(ids=data.ids, scores=codes[:, None], outputs="labels", model=model)


def paired_rights(data: Dataset, dense: Bools, compressed: Bools, *, missing: Bools | None = None) -> PairedPredictions:
    return pair(data, answers_of(data, dense), answers_of(data, compressed, missing=missing))


def grouped(tables: Mapping[str, tuple[int, int, int, int]]) -> tuple[Dataset, PairedPredictions]:
    """Groups with these paired tables (both right, gains, losses, both wrong); the two classes take turns."""
    groups = np.repeat(list(tables), [sum(table) for table in tables.values()])
    cells = np.concatenate([np.repeat(np.arange(4), table) for table in tables.values()])
    frame = pd.DataFrame({"group": groups, "label": np.array(CLASSES)[np.arange(len(cells)) % 2]})
    data = dataset(frame)
    return data, paired_rights(data, np.isin(cells, (0, 2)), np.isin(cells, (0, 1)))


def compared(data: Dataset, paired: PairedPredictions, suite: Suite, *, seed: int = 0) -> dict[str, Comparison]:
    """Every slice's comparison by its name, in the order in which they come."""
    found = compare(add_up(paired, build_membership(data, suite), suite.gate), suite.gate, np.random.default_rng(seed))
    return {comparison.slice.name: comparison for comparison in found}


def by_group(
    tables: Mapping[str, tuple[int, int, int, int]], *more: Family | NamedSlice, **gate
) -> dict[str, Comparison]:
    """The comparisons of `grouped` tables, one slice per group."""
    return compared(*grouped(tables), suite_of(Family(by=("group",)), *more, **gate))


def judged(
    data: Dataset, dense: Bools, compressed: Bools, *slices: Family | NamedSlice, missing: Bools | None = None, **gate
) -> Judgement:
    """The judgement of these rights on these slices."""
    suite = suite_of(*slices, classes=data.classes, **gate)
    paired = paired_rights(data, dense, compressed, missing=missing)
    return judge_pair(paired, build_membership(data, suite), suite.gate, seed=0)


def flagged(judgement: Judgement) -> set[str]:
    """The names of the slices that the screen flags."""
    return {c.slice.name for c in judgement.comparisons if c.flagged}


def rerun(paired: PairedPredictions, membership: Membership, gate: Gate) -> Judgement:
    return judge_pair(paired, membership, gate, seed=0)
