"""The columns of the data as attributes that a search can go through."""

import numpy as np
import pandas as pd

from validate.attributes import Attribute, encode, is_number, quantile_edges
from validate.data import Dataset
from validate.predicates import kinds
from validate.scores import Floats
from validate.suite import Family, Suite

RANGES = 6  # about equally filled ranges of a column of numbers
FEW_NUMBERS = 12  # distinct numbers that are searched one by one
MOST_LEVELS = 300  # values of one column
MOST_COLUMNS = 200
CONFIDENCE = "dense confidence"


def searchable(dataset: Dataset, suite: Suite) -> tuple[list[Attribute], tuple[str, ...]]:
    """Every column but ids and clusters, numbers in ranges, the label as its classes; and in words what is left out."""
    spoken_for = {suite.data.id, suite.data.cluster, suite.data.label}
    names = [name for name in map(str, dataset.frame.columns) if name not in spoken_for]
    limits = [f"column {name!r}: it is beyond the first {MOST_COLUMNS}" for name in names[MOST_COLUMNS:]]
    attributes = []
    if dataset.classes and suite.data.label in dataset.frame:
        attributes.append(encode(dataset.frame[suite.data.label]))
    declared = {name: edges for f in suite.slices if isinstance(f, Family) for name, edges in f.bins.items()}
    for name in names[:MOST_COLUMNS]:
        attribute, limit = _attribute(dataset.frame[name], declared.get(name))
        attributes += [attribute] if attribute is not None else []
        limits += [limit] if limit else []
    return attributes, tuple(limits)


def confidence_bands(probabilities: Floats, bands: int = 5) -> Attribute:
    """The dense model's highest class probability (n, k) in about equally filled bands; no column, so no predicate."""
    highest = pd.Series(np.max(probabilities, axis=1), name=CONFIDENCE)
    attribute = encode(highest, quantile_edges(highest, bands))
    return Attribute(
        name=CONFIDENCE, codes=attribute.codes, levels=attribute.levels, where=("",) * len(attribute.levels)
    )


def _attribute(series: pd.Series, declared: tuple[float, ...] | None) -> tuple[Attribute | None, str]:
    """A column's attribute, None where it has fewer than two values; and what of it is not searched.

    Numbers are searched in the bins that the suite declares, else in ranges that fit the data.
    """
    if "other" in kinds(series.to_frame()).values():
        return None, f"column {series.name!r}: its values are neither text, numbers, booleans nor times"
    counts = series.value_counts()
    if len(counts) + bool(series.isna().any()) < 2:
        return None, ""
    if is_number(series) and len(counts) > FEW_NUMBERS:
        return encode(series, declared or _edges(series)), ""
    if len(counts) > MOST_LEVELS:
        frequent = series.where(series.isin(counts.index[:MOST_LEVELS]))
        return encode(
            frequent
        ), f"column {series.name!r}: all but the {MOST_LEVELS} most frequent of {len(counts):,} values"
    return encode(series), ""


def _edges(series: pd.Series) -> tuple[float, ...]:
    """About equally filled ranges; where the smallest number fills some, as zero often does, it is one of its own."""
    edges, smallest = quantile_edges(series, RANGES), series.min()
    if edges and edges[0] > smallest:
        return edges
    rest = series[series > smallest]
    return tuple(sorted({float(rest.min()), *quantile_edges(rest, RANGES - 1)}))
