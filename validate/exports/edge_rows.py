"""edge_rows.parquet: what each edge case and its source were answered, from which its statistics can be made again."""

import pandas as pd

from validate.counts import outcomes
from validate.edge_cases.sets import NO_SOURCE, EdgeCases
from validate.predictions import PairedPredictions, answers, right


def edge_row_table(edge: EdgeCases, variants: PairedPredictions, clean: PairedPredictions) -> pd.DataFrame:
    """One row per edge case: set, severity, source, cluster, truth, both answers, and both to its source; no inputs."""
    table = edge.dataset.frame.assign(id=variants.ids, cluster=variants.clusters, truth=variants.labels)
    sourced = edge.sources != NO_SOURCE
    for which in ("dense", "compressed"):
        table[which] = answers(getattr(variants, which))
    table["source_truth"] = pd.Series(clean.labels[edge.sources]).where(sourced)
    for which in ("dense", "compressed"):
        table[f"source_{which}"] = pd.Series(answers(getattr(clean, which))[edge.sources]).where(sourced)
    if variants.classes:
        table["outcome"] = outcomes(right(variants, "dense"), right(variants, "compressed"))
    table["must_not_lose"] = edge.critical
    return table
