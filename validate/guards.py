"""Which slices can be guarded by what the data turn out to hold: a pool of copies, or without errors, cannot pass.

Decided by the dense model and the data alone, before any compressed model is looked at.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from validate.changes import policy_level
from validate.checks import BlindSpot
from validate.slices import Kind, Slice, enough, independent, index, members
from validate.stats.ratio import smallest_errors
from validate.suite import Gate
from validate.totals import Totals


def able(totals: Totals, gate: Gate) -> Totals:
    """The totals, with classes and pools guarded only where they could pass; what a suite guards itself stays guarded.

    Clusters count as one example each, and what is judged by a ratio of errors needs errors of the dense model.
    """
    if gate.margin_ratio is None and not _clustered(totals):
        return totals
    slices = tuple(_judgeable(totals, i, gate) for i in range(len(totals)))
    rows = totals.rows
    if rows is not None:
        rows = replace(rows, membership=replace(rows.membership, slices=slices))
    return replace(totals, slices=slices, rows=rows)


def blind_share(totals: Totals, spots: Sequence[BlindSpot], gate: Gate) -> float:
    """The share of examples in one blind spot or another."""
    if totals.rows is None or (gate.margin_ratio is None and not _clustered(totals)):
        return totals.blind / max(1, totals.n)
    membership = totals.rows.membership
    blind = np.zeros(membership.n, dtype=np.bool_)
    for spot in spots:
        blind |= members(membership, index(membership, spot.slice))
    return float(blind.mean()) if membership.n else 0.0


def _judgeable(totals: Totals, i: int, gate: Gate) -> Slice:
    """Slice i, guarded if it could pass, where the policy rather than the suite guards it."""
    entry = totals.slices[i]
    if entry.kind is not Kind.RARE and not (entry.kind is Kind.CLASS and entry.guard):
        return entry
    n, worth = max(entry.n, 1), float(entry.n)
    if totals.rows is not None:
        worth = independent(members(totals.rows.membership, i), totals.rows.paired.clusters)
    if entry.margin_ratio is None:
        return replace(entry, guard=entry.guard and enough(worth, entry.margin, gate))
    counts = totals.counts
    errors = float(counts.both_wrong[i] + counts.gains[i]) * worth / n
    return replace(entry, guard=errors >= smallest_errors(entry.margin_ratio, level=policy_level(gate)))


def _clustered(totals: Totals) -> bool:
    return totals.rows is not None and totals.rows.paired.clusters is not None
