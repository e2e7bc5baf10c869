"""What each slice is, and what it could show, before any model runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from validate.changes import policy_level
from validate.data import Dataset, load_dataset
from validate.edge_cases.attacked import build_attacks
from validate.edge_cases.build import build_edge_cases
from validate.edge_cases.sets import EdgeCases
from validate.metrics import METRICS, MetricKind
from validate.sample_size import POWER, fewest, needed
from validate.slices import Kind, Membership, Slice, members
from validate.slicing import build_membership
from validate.stats.paired import tango_interval
from validate.stats.power import power_for_each, tango_power
from validate.stats.ratio import smallest_errors
from validate.suite import Gate, LoadedSuite

CHURN = 0.02  # share of examples that flip, where no earlier run tells
MOST_ENUMERATED = 2_000  # examples up to which power is enumerated: more only add to it
TOGETHER = 0.90  # power that all guarded slices PASS together


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One slice as it stands in the data."""

    slice: Slice
    labels: tuple[tuple[str, int], ...]  # examples of each class; empty for a regression
    ids: tuple[str, ...]  # up to three of its examples
    n_smallest: int  # examples without which it cannot PASS unless it gains
    n_power: int | None  # to PASS with 80 % power if nothing changed, at the assumed churn; None for other metrics
    n_together: int | None  # of a guarded slice: so that all of them PASS together with 90 % power
    power: float | None  # of a guarded slice: probability that it PASSes if nothing changed, at this churn
    smallest_margin: float | None  # that it could PASS without a single flip; None for other metrics
    suggestion: str  # TOML that would guard it at a margin that it could pass; "" where it is guarded already


@dataclass(frozen=True, kw_only=True)
class PlannedSet:
    """One edge-case set, or one severity of it."""

    name: str
    about: str  # what is done to its sources
    n: int  # variants
    sources: int  # that count as independent
    guard: bool
    screened: bool  # neither: it is described only
    n_smallest: int  # sources without which it cannot PASS unless it gains


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All slices of a suite before any model runs."""

    suite: str
    n: int  # examples
    churn: float  # share of examples that flip
    churn_source: str  # "assumed", "as given", or the earlier run that showed it
    power: float | None  # that all guarded slices PASS together if nothing changed: at least this much
    rows: tuple[PlanRow, ...]  # `all` first, then guarded slices, then the others; intersections last
    edge_cases: tuple[PlannedSet, ...] = ()  # natural ones apart, which the dense model's answers make


def plan(loaded: LoadedSuite, *, churn: float = CHURN, source: str = "assumed") -> Plan:
    """What every slice of the suite could show at this churn; no model runs.

    Raises:
        DataError: data that cannot be read, or a declared slice that matches nothing.
    """
    dataset = load_dataset(loaded)
    membership = build_membership(dataset, loaded.suite)
    rows = [_row(i, membership, dataset, loaded.suite.gate, churn) for i in range(len(membership.slices))]
    rows.sort(key=lambda r: (r.slice.kind is not Kind.ALL, not r.slice.guard, r.slice.kind is Kind.CROSS))
    return Plan(
        suite=loaded.suite.suite,
        n=len(dataset),
        churn=churn,
        churn_source=source,
        power=_together([row.power for row in rows if row.power is not None]),
        rows=tuple(rows),
        edge_cases=(
            *_planned_sets(build_edge_cases(loaded, dataset), loaded.suite.gate),
            *_planned_sets(build_attacks(loaded, dataset), loaded.suite.gate),
        ),
    )


def _planned_sets(edge: EdgeCases | None, gate: Gate) -> tuple[PlannedSet, ...]:
    if edge is None:
        return ()
    return tuple(
        PlannedSet(
            name=entry.name,
            about=facts.about,
            n=entry.n,
            sources=facts.sources,
            guard=entry.guard,
            screened=entry.screened,
            n_smallest=fewest(entry.margin, gate),
        )
        for entry, facts in zip(edge.membership.slices, edge.facts, strict=True)
    )


def as_json(made: Plan) -> Mapping[str, Any]:
    """The plan for machines."""
    return asdict(made)


def _row(i: int, membership: Membership, dataset: Dataset, gate: Gate, churn: float) -> PlanRow:
    entry, inside = membership.slices[i], members(membership, i)
    labels = dataset.labels[inside]
    rates = METRICS[gate.metric].kind is MetricKind.BINARY and entry.margin_ratio is None
    guarded = sum(s.guard for s in membership.slices)
    margin = _smallest_margin(entry.n, gate) if rates else None
    return PlanRow(
        slice=entry,
        labels=tuple((name, int((labels == code).sum())) for code, name in enumerate(dataset.classes)),
        ids=tuple(dataset.ids[np.flatnonzero(inside)[:3]]),
        n_smallest=fewest(entry.margin, gate) if entry.margin_ratio is None else _errors(entry.margin_ratio, gate),
        n_power=needed(entry.margin, churn, gate, POWER) if rates else None,
        n_together=needed(entry.margin, churn, gate, power_for_each(TOGETHER, guarded))
        if rates and entry.guard
        else None,
        power=_power(entry, churn, gate) if rates and entry.guard else None,
        smallest_margin=margin,
        suggestion="" if entry.guard or margin is None else _suggestion(entry, margin),
    )


def _errors(ratio: float, gate: Gate) -> int:
    """Examples that a slice judged by a ratio needs at the very least: the errors of the dense model among them."""
    return smallest_errors(ratio, level=policy_level(gate))


def _power(entry: Slice, churn: float, gate: Gate) -> float:
    """Exact probability that a slice PASSes if gains and losses are equally likely; at least that, for a large one."""
    return tango_power(min(entry.n, MOST_ENUMERATED), churn / 2, churn / 2, entry.margin, level=policy_level(gate))


def _together(powers: Sequence[float]) -> float | None:
    """The least probability that all PASS together, however the slices overlap (Bonferroni); None without any."""
    return max(0.0, 1 - sum(1 - power for power in powers)) if powers else None


def _smallest_margin(n: int, gate: Gate) -> float:
    """The margin above which a slice of n examples passes without a single flip."""
    return float(-tango_interval([0], [0], [n], level=policy_level(gate)).low[0])


def _suggestion(entry: Slice, margin: float) -> str:
    """A slice table that would guard this slice, with the declared margin or the smallest one that it could pass."""
    offered = max(entry.margin, float(np.ceil(margin * 1.0001 * 1000) / 1000))
    name, where = (json.dumps(text, ensure_ascii=False) for text in (f"guarded {entry.name}", entry.where))
    return f"[[slices]]\nname = {name}\nwhere = {where}\nguard = true\nmargin = {offered:g}\n"
