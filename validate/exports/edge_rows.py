"""edge_rows.parquet: what each edge case and its source were answered, from which its statistics can be made again."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.counts import outcomes
from validate.edge_cases.evidence import EdgeAnswers, EdgeEvidence
from validate.edge_cases.sets import NO_SOURCE, EdgeCases, EdgeSets, Rows, SetFacts
from validate.exports.rows import KEY, fitting, outputs_of, paired_of, score_columns
from validate.predictions import ModelIdentity, PairedPredictions, answers, right
from validate.slices import Membership

# 1: first format.
EDGE_ROWS_VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeRows:
    """What a table of edge cases holds: enough to judge them again, beside the rows of the data."""

    edge: EdgeSets
    variants: PairedPredictions
    beyond: tuple[str, ...]  # slices that the table knows and the record does not


def edge_rows_of(asked: EdgeAnswers | None, clean: PairedPredictions, *, scores: bool = False) -> pd.DataFrame | None:
    """The rows of the edge cases that a model is judged by; None where it is judged by none."""
    if asked is None or asked.edge is None or asked.variants is None:
        return None
    return edge_row_table(asked.edge, asked.variants, clean, scores=scores)


def edge_row_table(
    edge: EdgeCases, variants: PairedPredictions, clean: PairedPredictions, *, scores: bool = False
) -> pd.DataFrame:
    """One row per edge case: set, severity, source, cluster, truth, both answers, and both to its source; no inputs.

    With `scores` also each model's score for each class; those of the sources are in the rows of the data.
    """
    table = edge.dataset.frame.assign(id=variants.ids, cluster=variants.clusters, truth=variants.labels)
    sourced = edge.sources != NO_SOURCE
    for which in ("dense", "compressed"):
        table[which] = answers(getattr(variants, which))
    for name, column in _of_sources(clean).items():
        table[name] = pd.Series(column[edge.sources]).where(sourced)
    if variants.classes:
        table["outcome"] = outcomes(right(variants, "dense"), right(variants, "compressed"))
    table["must_not_lose"] = edge.critical
    if (edge.remarks != "").any():
        table["remark"] = edge.remarks
    if scores:
        table = table.assign(**score_columns(variants))
    named = zip(edge.membership.slices, edge.facts, strict=True)
    table.attrs[KEY] = {
        "version": EDGE_ROWS_VERSION,
        "outputs": outputs_of(variants) if scores else {},
        "slices": [[entry.name, facts.set, facts.severity, facts.paired] for entry, facts in named],
    }
    return table


def read_edge_rows(
    path: Path, evidence: EdgeEvidence, clean: PairedPredictions, models: tuple[ModelIdentity, ModelIdentity]
) -> EdgeRows:
    """The edge cases that a record is about, as `edge_row_table` wrote them; `clean` are the rows of the data.

    Raises:
        OutputError: a table that is damaged, of another version, does not say who is in one of the record's sets, or
            names a source that the rows of the data do not have, or answered otherwise.
    """
    with fitting(path, EDGE_ROWS_VERSION) as (table, meta):
        variants = paired_of(table, clean.classes, meta["outputs"], models)
        sources = _sources(table, clean)
        known = {c.slice.name: c.slice for c in evidence.comparisons}
        told = [
            (str(name), _facts(table, name, of, severity, paired=bool(paired)))
            for name, of, severity, paired in meta["slices"]
        ]
        if missing := known.keys() - {name for name, _ in told}:
            raise ValueError(f"nothing says which edge cases are in {min(missing)!r}")
        about = dict(evidence.about)
        kept = [(name, replace(facts, about=about.get(name, ""))) for name, facts in told if name in known]
        membership = Membership(
            n=len(table),
            slices=tuple(known[name] for name, _ in kept),
            attributes=(),
            masks=tuple(np.packbits(_inside(table, name, facts)) for name, facts in kept),
            where=tuple(range(len(kept))),
        )
        edge = EdgeSets(
            membership=membership,
            sources=sources,
            critical=table["must_not_lose"].to_numpy(dtype=np.bool_),
            remarks=table["remark"].to_numpy(dtype=object) if "remark" in table else np.full(len(table), "", object),
            facts=tuple(facts for _, facts in kept),
            sha256=evidence.sha256,
        )
        beyond = tuple(name for name, _ in told if name not in known)
        return EdgeRows(edge=edge, variants=variants, beyond=beyond)


def _of_sources(clean: PairedPredictions) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
    """Truth and answers of the data, by the name of the column that has them for each case's source."""
    given = {f"source_{which}": answers(getattr(clean, which)) for which in ("dense", "compressed")}
    return {"source_truth": clean.labels, **given}


def _sources(table: pd.DataFrame, clean: PairedPredictions) -> Rows:
    """(n,) row of the data that each case came from, or NO_SOURCE."""
    named = table["source"].astype(object)
    sources = pd.Index(clean.ids, dtype=object).get_indexer(pd.Index(named))
    sourced = table["source_truth"].notna().to_numpy()
    if (unknown := named[sourced & (sources < 0)]).size:
        raise ValueError(f"the source {unknown.iloc[0]!r} is not in the rows of the data")
    for name, column in _of_sources(clean).items():
        told = table[name].to_numpy(dtype=np.float64)[sourced]
        if not np.array_equal(told, column[sources[sourced]].astype(np.float64), equal_nan=True):
            raise ValueError(f"the column {name!r} is not what the rows of the data say")
    return np.where(sourced, sources, NO_SOURCE)


def _facts(table: pd.DataFrame, name: str, of: str, severity: int | None, *, paired: bool) -> SetFacts:
    facts = SetFacts(set=of, severity=severity, paired=paired, sources=0, about="")
    clusters = table["cluster"].to_numpy()[_inside(table, name, facts)]
    return replace(facts, sources=len(np.unique(clusters)))


def _inside(table: pd.DataFrame, name: str, facts: SetFacts) -> NDArray[np.bool_]:
    """(n,) the cases of a set, or of one severity of it where the slice is named otherwise than the set."""
    inside = (table["set"] == facts.set).to_numpy(dtype=np.bool_)
    part = name != facts.set
    return inside & (table["severity"] == facts.severity).to_numpy(dtype=np.bool_) if part else inside
