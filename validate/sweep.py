"""Many compressed models in the order of their size: how far compression can go before someone is hurt.

What a model weighs is what is left of the dense one: the bytes of all its numbers that are not zero, as a format made
for them would store them. A sweep describes; the gate of a run decides.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from validate.artifact_profile.stored import Artifact, CompressionProfile, Stored, totals
from validate.calibration_set import KIND as CALIBRATION
from validate.comparison import Comparison, slack
from validate.evidence import EvidenceRecord
from validate.forecast import Correlation
from validate.outcome import Outcome
from validate.slices import Kind
from validate.suite_sweep import Compressed


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One slice of one model."""

    slice: str
    outcome: Outcome
    change: float  # compressed - dense, oriented: negative means harm
    low: float
    high: float
    margin: float | None  # None where errors are judged by a ratio


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One compressed model in the sweep."""

    name: str
    series: str  # its own name where it is a step of none
    level: float | None
    round: int | None
    counted: bool  # False: a round on the way to its level
    left: float | None  # of the dense model's bytes, zeros not counted; None where it cannot be told
    memory: int | None  # bytes as it is stored
    nonzeros: int | None
    outcome: Outcome  # of the gate; claims about what answers cost are not held in a sweep
    waived: int = 0  # checks that a waiver excuses
    reason: str  # the first, where it is not a PASS
    everything: Seen | None  # on all examples; None where nothing was compared
    worst: Seen | None  # the guarded slice with the least room
    calibration: tuple[str, ...] = ()  # slices that are absent from its calibration set, or rare there


@dataclass(frozen=True, kw_only=True)
class Potential:
    """How far one slice, or the verdict, goes along with a series."""

    slice: str  # "" for the verdict
    guard: bool
    n: int
    highest: str | None  # the last model up to which all pass; None where the first does not
    left: float | None  # of that model
    stopped: str | None  # the first model that does not pass; None where all do
    outcome: Outcome | None  # of that model
    above: tuple[str, ...]  # models beyond it that pass all the same: said, not counted


@dataclass(frozen=True, kw_only=True)
class Series:
    """The steps of one method, the least compressed first."""

    name: str
    ordered: bool  # False: neither sizes nor levels tell the order, so there is no potential
    rungs: tuple[Rung, ...]  # rounds included
    verdict: Potential | None
    slices: tuple[Potential, ...]  # "all" first, then the guarded, then the others; not those too small to pass


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All that a sweep found."""

    suite: str
    system: str
    n: int
    metric: str
    rate: bool  # changes are shares of examples, told in points
    series: tuple[Series, ...]
    best: str | None  # the smallest model that its series goes up to; None where none passes
    too_small: int  # slices that are left out because no model could pass there
    unheld: int = 0  # claims about what answers cost, which only a run holds
    unforetold: str = ""  # why there is no forecast to compare with, where one was asked for
    correlations: tuple[Correlation, ...] = ()  # of the forecast from the dense model with what happened


def sweep(records: Sequence[EvidenceRecord], steps: Mapping[str, Compressed]) -> Sweep:
    """The records of one run in order; `steps` says of each compressed model what it is a step of."""
    first = records[0]
    rungs = [_rung(record, steps[record.compressed_name]) for record in records]
    found: dict[str, list[tuple[Rung, EvidenceRecord]]] = {}
    for rung, record in zip(_counted(rungs), records, strict=True):
        found.setdefault(rung.series, []).append((rung, record))
    series = tuple(_series(name, members) for name, members in found.items())
    known = {rung.name: rung for rung in rungs}
    reached = [known[one.verdict.highest] for one in series if one.verdict and one.verdict.highest]
    sized = [rung for rung in reached if rung.left is not None]
    compared = next((record.comparisons for record in records if record.comparisons), ())
    return Sweep(
        suite=first.suite.name,
        system=first.suite.release.system,
        n=0 if first.data is None else first.data.n,
        metric=first.policy.metric,
        rate=any(c.counts is not None for c in compared),
        series=series,
        best=min(sized, key=lambda rung: rung.left or 0.0).name if sized else None,
        too_small=len(compared) - len(_judgeable(records)),
    )


def size_left(profile: CompressionProfile | None) -> float | None:
    """What is left of the dense model's bytes, zeros not counted; of its files where a model's inside is not known."""
    if profile is None:
        return None
    dense, compressed = profile.dense, profile.compressed
    if dense.tensors and compressed.tensors:
        return _weight(compressed) / _weight(dense) if _weight(dense) else None
    return compressed.disk / dense.disk if dense.disk and compressed.disk else None


def _weight(model: Artifact) -> float:
    return sum(_tensor_weight(tensor) for _, tensor in model.tensors)


def _tensor_weight(tensor: Stored) -> float:
    """Bytes of the numbers that are not zero, of four bits where whole bytes hold them."""
    bits = re.match(r"u?int([1-7]) in ", tensor.dtype)
    spare = tensor.numbers * (1 - int(bits[1]) / 8) if bits and tensor.bytes >= tensor.numbers else 0.0
    share = 1.0 if tensor.zeros is None or not tensor.numbers else 1 - tensor.zeros / tensor.numbers
    return (tensor.bytes - spare) * share


def _rung(record: EvidenceRecord, step: Compressed) -> Rung:
    profile, guarded = record.profile, [c for c in record.comparisons if c.slice.guard]
    inside = totals(profile.compressed) if profile and profile.compressed.tensors else None
    everything = next((c for c in record.comparisons if c.slice.kind is Kind.ALL), None)
    worst = min(guarded, key=slack, default=None)
    return Rung(
        name=record.compressed_name,
        series=step.series or record.compressed_name,
        level=step.level,
        round=step.round,
        counted=True,
        left=size_left(profile),
        memory=inside.memory if inside else None,
        nonzeros=inside.nonzeros if inside else None,
        outcome=record.verdict.outcome,
        waived=record.verdict.waived,
        reason=record.verdict.reasons[0] if record.verdict.reasons else "",
        everything=_seen(everything) if everything else None,
        worst=_seen(worst) if worst else None,
        calibration=tuple(": ".join(filter(None, (n.slice, n.text))) for n in record.notes if n.kind == CALIBRATION),
    )


def _seen(c: Comparison) -> Seen:
    margin = c.slice.margin if c.slice.margin_ratio is None and math.isfinite(c.slice.margin) else None
    found = c.change
    return Seen(
        slice=c.slice.name, outcome=c.outcome, change=found.estimate, low=found.low, high=found.high, margin=margin
    )


def _counted(rungs: Sequence[Rung]) -> Iterator[Rung]:
    """Of the rounds of one level only the last is a step of its series."""
    last: dict[tuple[str, float | None], int] = {}
    for rung in rungs:
        key = rung.series, rung.level
        last[key] = max(last.get(key, 0), rung.round or 0)
    for rung in rungs:
        on_the_way = rung.level is not None and rung.round is not None and rung.round < last[rung.series, rung.level]
        yield replace(rung, counted=not on_the_way)


def _series(name: str, members: Sequence[tuple[Rung, EvidenceRecord]]) -> Series:
    steps = [rung for rung, _ in members if rung.counted]
    if all(rung.left is not None for rung in steps):
        key = {rung.name: (-(rung.left or 0.0), rung.level or 0.0) for rung, _ in members}
    elif all(rung.level is not None for rung in steps):
        key = {rung.name: (rung.level or 0.0, 0.0) for rung, _ in members}
    else:
        key = {}
    ordered = bool(key) or len(steps) == 1
    if ordered and key:
        members = sorted(members, key=lambda it: (key[it[0].name], it[0].round or 0, it[0].name))
    rungs = tuple(rung for rung, _ in members)
    if not ordered:
        return Series(name=name, ordered=False, rungs=rungs, verdict=None, slices=())
    counted = [(rung, record) for rung, record in members if rung.counted]
    verdict = potential("", [(rung, rung.outcome) for rung, _ in counted], guard=True, n=0)
    return Series(name=name, ordered=True, rungs=rungs, verdict=verdict, slices=tuple(_slices(counted)))


def _slices(counted: Sequence[tuple[Rung, EvidenceRecord]]) -> Iterator[Potential]:
    """The potential of every slice that is guarded, or large enough to be able to pass in some model."""
    tables = [(rung, {c.slice.name: c for c in record.comparisons}) for rung, record in counted]
    first, able = next((table for _, table in tables if table), {}), _judgeable([record for _, record in counted])
    for name, c in first.items():
        if name in able:
            outcomes = [(rung, table[name].outcome if name in table else Outcome.ERROR) for rung, table in tables]
            yield potential(name, outcomes, guard=c.slice.guard, n=c.slice.n)


def _judgeable(records: Sequence[EvidenceRecord]) -> set[str]:
    """Names of slices; how many examples it takes differs from model to model where examples come in clusters."""
    found = (c for record in records for c in record.comparisons)
    return {c.slice.name for c in found if c.slice.guard or c.slice.n >= c.n_smallest}


def potential(name: str, steps: Sequence[tuple[Rung, Outcome]], *, guard: bool, n: int) -> Potential:
    """How far a slice goes along: up to the last step before the first that does not pass."""
    passing = [outcome is Outcome.PASS for _, outcome in steps]
    reach = passing.index(False) if False in passing else len(steps)
    highest = steps[reach - 1][0] if reach else None
    return Potential(
        slice=name,
        guard=guard,
        n=n,
        highest=highest.name if highest else None,
        left=highest.left if highest else None,
        stopped=steps[reach][0].name if reach < len(steps) else None,
        outcome=steps[reach][1] if reach < len(steps) else None,
        above=tuple(rung.name for (rung, _), passes in zip(steps[reach:], passing[reach:], strict=True) if passes),
    )
