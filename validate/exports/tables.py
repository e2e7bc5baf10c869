"""slices.parquet: one row per slice."""

import pandas as pd

from validate.evidence import EvidenceRecord


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
                    f"disparity of the {r.rate}{end}": value
                    for r in (disparity.rates if disparity else ())
                    for end, value in (
                        ("", r.difference.estimate),
                        (", low", r.difference.low),
                        (", high", r.difference.high),
                    )
                },
                **{
                    f"{score.metric}_{side}": getattr(score, side)
                    for score in c.scores
                    for side in ("dense", "compressed")
                },
            }
        )
    return pd.DataFrame(rows)
