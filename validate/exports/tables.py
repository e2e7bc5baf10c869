"""The tables of a run: one row per slice, and one row per example without its inputs."""

import pandas as pd

from validate.counts import outcomes
from validate.evidence import EvidenceRecord
from validate.predictions import PairedPredictions, answers, right
from validate.slices import Kind, Membership, members


def slice_table(record: EvidenceRecord) -> pd.DataFrame:
    """One row per slice: what it is, its counts, change, interval, p-values and label; and its disparity, if tested."""
    disparities = {d.slice: d for d in record.disparities}
    rows = []
    for c in record.comparisons:
        s, counts, disparity = c.slice, c.counts, disparities.get(c.slice.name)
        rows.append(
            {
                "slice": s.name,
                "kind": str(s.kind),
                "where": s.where,
                "n": s.n,
                "share": s.share,
                "train_share": s.train_share,
                "guard": s.guard,
                "screened": s.screened,
                "under_represented": s.under_represented,
                "metric": c.metric,
                "both_right": counts.both_right if counts else None,
                "gains": counts.gains if counts else None,
                "losses": counts.losses if counts else None,
                "both_wrong": counts.both_wrong if counts else None,
                "dense": c.dense,
                "compressed": c.compressed,
                "change": c.change.estimate,
                "low": c.change.low,
                "high": c.change.high,
                "level": c.change.level,
                "method": c.change.method,
                "margin": s.margin,
                "outcome": str(c.outcome),
                "regressed": c.regressed,
                "flagged": c.flagged,
                "p": c.p,
                "p_adjusted": c.p_adjusted,
                "p_fdr": c.p_fdr,
                "n_smallest": c.n_smallest,
                "n_needed": c.n_needed,
                "smallest_margin": c.smallest_margin,
                "disparity": disparity.difference.estimate if disparity else None,
                "disparity_low": disparity.difference.low if disparity else None,
                "disparity_high": disparity.difference.high if disparity else None,
                "disparity_p_adjusted": disparity.p_adjusted if disparity else None,
                **{
                    f"{score.metric}_{side}": getattr(score, side)
                    for score in c.scores
                    for side in ("dense", "compressed")
                },
            }
        )
    return pd.DataFrame(rows)


def row_table(paired: PairedPredictions, membership: Membership) -> pd.DataFrame:
    """One row per example: id, cluster, truth, both answers, outcome, and the slice codes; no inputs.

    The codes are the categories that the suite slices by: they can be sensitive.
    """
    dense, compressed = answers(paired.dense), answers(paired.compressed)
    table: dict[str, object] = {"id": paired.ids}
    if paired.clusters is not None:
        table["cluster"] = paired.clusters
    table |= {"truth": paired.labels, "dense": dense, "compressed": compressed}
    if paired.classes:
        table["outcome"] = outcomes(right(paired, "dense"), right(paired, "compressed"))
    for attribute in membership.attributes:
        codes = attribute.codes.astype("int32")
        codes[codes == len(attribute.levels)] = -1
        table[f"slice.{attribute.name}"] = pd.Categorical.from_codes(codes, categories=pd.Index(attribute.levels))
    for i, entry in enumerate(membership.slices):
        if entry.kind in {Kind.WHERE, Kind.RARE}:
            table[f"in.{entry.name}"] = members(membership, i)
    return pd.DataFrame(table)
