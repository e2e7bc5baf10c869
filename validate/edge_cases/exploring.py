"""Where among the edge cases the damage is: the search, with set and severity beside the columns of the variants."""

from dataclasses import replace

import numpy as np
import pandas as pd

from validate.attributes import Attribute, encode
from validate.data import Dataset
from validate.discovery import Discovery, Finding
from validate.edge_cases.sets import EdgeCases, Rows
from validate.exploring import explore
from validate.predictions import PairedPredictions, Predictions
from validate.suite import Suite

SET, SEVERITY = "set", "severity"


def explore_edge_cases(
    edge: EdgeCases, variants: PairedPredictions, dataset: Dataset, suite: Suite
) -> Discovery | None:
    """The search of the suite among variants that have a source: set, severity and columns of the source.

    The variants of one source stay in one half. None where the suite asks for no search or no case has a source.
    """
    rows = np.flatnonzero(edge.sources >= 0)
    if not len(rows):
        return None
    told = edge.dataset.frame.iloc[rows].reset_index(drop=True)
    found = explore(_some(variants, rows), _sources(edge, rows, dataset), suite, _attributes(told))
    return None if found is None else replace(found, findings=tuple(_finding(finding) for finding in found.findings))


def _sources(edge: EdgeCases, rows: Rows, dataset: Dataset) -> Dataset:
    """The examples that the variants came from, once for each variant, under the variants' names."""
    assert edge.dataset.clusters is not None
    return replace(
        dataset,
        frame=dataset.frame.iloc[edge.sources[rows]].reset_index(drop=True),
        ids=edge.dataset.ids[rows],
        labels=edge.dataset.labels[rows],
        clusters=edge.dataset.clusters[rows],
        train=None,
        sha256=edge.dataset.sha256,
    )


def _some(variants: PairedPredictions, rows: Rows) -> PairedPredictions:
    """The answers to some variants."""

    def of(model: Predictions) -> Predictions:
        return replace(model, ids=model.ids[rows], scores=model.scores[rows])

    return replace(
        variants,
        ids=variants.ids[rows],
        labels=variants.labels[rows],
        clusters=None if variants.clusters is None else variants.clusters[rows],
        dense=of(variants.dense),
        compressed=of(variants.compressed),
    )


def _attributes(told: pd.DataFrame) -> tuple[Attribute, ...]:
    """Set and severity, each value one level; what is the same for all variants tells nothing."""
    encoded = (encode(told[name].astype(object)) for name in (SET, SEVERITY))
    return tuple(attribute for attribute in encoded if len(attribute.levels) > 1)


def _finding(finding: Finding) -> Finding:
    """The finding without a slice to paste: the columns are those of the sources, which a set can be narrowed to."""
    numbers = finding.suggestion.split("\n", 1)[0].partition("#")[2].strip().removeprefix(f"{finding.name}: ")
    comment = f"# edge cases of {finding.name}: {numbers}\n"
    narrow = "# to guard them, give a set of this severity a `where` for its sources and guard = true\n"
    return replace(finding, suggestion=comment + narrow)
