"""A judgement made again from a record and its rows, and where the two differ."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from validate.calibration_set import KIND as CALIBRATION
from validate.claims import Known, claim_checks, retained
from validate.comparison import Comparison
from validate.edge_cases.checks import spared_check
from validate.edge_cases.evidence import EdgeEvidence, judge_edge_cases
from validate.evidence import EvidenceRecord, as_json, case_of
from validate.exports.edge_rows import EdgeRows
from validate.exports.rows import Rows
from validate.gate import NOTHING_SEEN, CheckKind, CheckResult, decide
from validate.judgement import judge_pair, waive
from validate.metrics import METRICS, MetricKind, Needs, needs_scores
from validate.outcome import Outcome
from validate.slices import Kind, Membership, implied, members

SAME = 1e-9  # relative: what another machine's floating point may move
_GONE = "its examples are in the rows, and it is not in the record"
_NAMED_BY = ("slice", "id", "metric", "kind")  # keys that name an item of a list


def judged_again(record: EvidenceRecord, rows: Rows, edge: EdgeRows | None = None) -> EvidenceRecord:
    """The record with all that follows from its rows and its policy put in place of what it says."""
    evidence, checks = _edge_cases_again(record, rows, edge)
    given = [check for check in record.checks if check.kind is CheckKind.INTEGRITY]
    given += [*_claims_again(record, rows), *checks]
    membership = replace(rows.membership, slices=implied(rows.membership.slices, record.policy))
    judgement = judge_pair(rows.paired, membership, record.policy, seed=record.suite.seed, integrity=given)
    sets = evidence.comparisons if evidence else ()
    judgement = waive(judgement, [it.waiver for it in record.waivers], record.policy, case_of(record), sets)
    return replace(
        _counted_again(record, rows),
        edge_cases=evidence,
        comparisons=_described(judgement.comparisons, record.comparisons, scores=rows.scores),
        disparities=judgement.disparities,
        checks=judgement.checks,
        verdict=judgement.verdict,
        waivers=judgement.waivers,
        blind_spots=judgement.blind_spots,
        notes=(*judgement.notes, *(note for note in record.notes if note.kind == CALIBRATION)),
    )


def _edge_cases_again(
    record: EvidenceRecord, rows: Rows, edge: EdgeRows | None
) -> tuple[EdgeEvidence | None, Sequence[CheckResult]]:
    """The edge cases judged again; where no set was compared there is nothing to judge."""
    recorded = record.edge_cases
    if recorded is None or edge is None:
        return recorded, spared_check(recorded.spared) if recorded else ()
    membership = edge.edge.membership
    described = {name for one in recorded.transfers for name in (one.set, one.slice)}  # attacks need not gate
    slices = [
        replace(again, screened=entry.screened and not again.guard) if entry.name in described else again
        for entry, again in zip(membership.slices, implied(membership.slices, record.policy), strict=True)
    ]
    membership = replace(membership, slices=tuple(slices))
    sets = replace(edge.edge, membership=membership)
    found, checks = judge_edge_cases(sets, edge.variants, rows.paired, record.policy, seed=record.suite.seed)
    comparisons = _described(found.comparisons, recorded.comparisons, scores=rows.scores)
    kept = replace(found, comparisons=comparisons, transfers=recorded.transfers, spared=recorded.spared)
    return kept, (*checks, *spared_check(recorded.spared))


def _claims_again(record: EvidenceRecord, rows: Rows) -> tuple[CheckResult, ...]:
    """The claims held again against the record's own profile and cost, and the accuracy that the rows give."""
    known = Known(
        profile=record.profile,
        cost=record.run.cost,
        retained=retained(rows.paired, level=record.policy.confidence),
    )
    return claim_checks(record.suite.claims, known)


def _described(found: Sequence[Comparison], recorded: Sequence[Comparison], *, scores: bool) -> tuple[Comparison, ...]:
    """The comparisons; what answers alone do not give, such as Brier scores beside the gate, stays as recorded."""
    if scores:
        return tuple(found)
    again = {c.slice.name: {score.metric: score for score in c.scores} for c in found}
    before = {c.slice.name: c.scores for c in recorded}
    return tuple(
        replace(c, scores=tuple(again[c.slice.name].get(s.metric, s) for s in before.get(c.slice.name, ())))
        for c in found
    )


def not_recomputed(record: EvidenceRecord, rows: Rows | None) -> Iterator[str]:
    """What stands in the record and cannot be checked by its rows."""
    if rows is None:
        return
    yield (
        "which slices, edge-case sets and claims there are, which of them are guarded, and their margins: declared by "
        "the suite file, of which the record has the hash"
    )
    sets = record.edge_cases.comparisons if record.edge_cases else ()
    if unjudged := [c.slice.name for c in sets if not c.slice.guard and not c.slice.screened]:
        yield f"not judged, as the suite file declares: {', '.join(unjudged)}"
    if record.policy.waivers:
        yield f"the waivers: as the run read them from {record.policy.waivers}"
    resting = [check.id for check in record.checks if check.kind is CheckKind.INTEGRITY]
    if resting:
        yield f"{', '.join(resting)}: rest on what the run saw of data and models"
    yield from _recorded(record)
    described = {score.metric for c in record.comparisons for score in c.scores} - _from_answers()
    if described and not rows.scores:
        yield f"{', '.join(sorted(described))}: described beside the gate, from scores that the rows do not hold"


def _recorded(record: EvidenceRecord) -> Iterator[str]:
    """What was found out by the run and cannot be found out again from its files."""
    beside = {
        "what a search found": record.discovery,
        "the populations": record.populations,
        "the noise floor": record.noise_floor,
        "the review queue": record.review,
    }
    if record.edge_cases and record.edge_cases.transfers:
        yield "what carries over of attacks: as the run recorded it"
    measured = {"what was compressed": record.profile, "what answers cost": record.run.cost}
    if known := [name for name, value in measured.items() if value]:
        claims = ", also where a claim was held against it" if record.suite.claims else ""
        yield f"{' and '.join(known)}: as the run recorded it{claims}"
    if known := [name for name, value in beside.items() if value]:
        yield f"{', '.join(known)}: recorded, without a say in the verdict"


def undecided(record: EvidenceRecord) -> Iterator[str]:
    """What is wrong with the verdict of a record without rows: it must at least be that of its checks."""
    verdict = decide(record.checks, NOTHING_SEEN, inconclusive=record.policy.inconclusive)
    for key in ("outcome", "exit_code", "reasons", "waived"):
        yield from differences(getattr(record.verdict, key), getattr(verdict, key), f"verdict.{key}")
    if not record.comparisons and record.verdict.outcome is not Outcome.ERROR:
        yield f"nothing was compared, and the verdict is {record.verdict.outcome}"


def problems(record: EvidenceRecord, rows: Rows, edge: EdgeRows | None = None) -> tuple[str, ...]:
    """Everything in the record that does not follow from its rows and its policy."""
    if needs_scores(record.policy.metric) and not rows.scores:
        return (f"the gate's metric is {record.policy.metric}, and the rows hold no scores",)
    slices = [*_sizes(rows.membership), *_left_out(record, rows), *_implied(record)]
    if edge is not None:
        slices += [*_sizes(edge.edge.membership), *(f"slice {name}: {_GONE}" for name in edge.beyond)]
    return tuple(slices) or tuple(differences(as_json(record), as_json(judged_again(record, rows, edge))))


def differences(recorded: Any, found: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON is of any type
    """Each place where two JSON values differ by more than rounding."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*recorded, *found]):
            inside = f"{place}.{key}" if place else key
            yield from differences(recorded.get(key), found.get(key), inside)
    elif isinstance(recorded, list) and isinstance(found, list):
        one, two = _named(recorded), _named(found)
        for key in dict.fromkeys([*one, *two]):
            yield from differences(one.get(key), two.get(key), f"{place}[{key}]")
    elif not _same(recorded, found):
        yield f"{place}: recorded {_short(recorded)}, recomputed {_short(found)}"


def _counted_again(record: EvidenceRecord, rows: Rows) -> EvidenceRecord:
    """The record with its counts of examples, classes, clusters and missing answers as the rows have them."""
    paired, data = rows.paired, record.data
    if data is None:
        return record
    k = len(paired.classes)
    counts = np.bincount(paired.labels.astype(np.int64), minlength=k).tolist() if k else []
    clusters = None if paired.clusters is None else len(np.unique(paired.clusters))
    counted = replace(data, n=len(paired.ids), class_counts=tuple(counts), clusters=clusters)
    return replace(record, data=counted, missing_answers=paired.missing)


def _sizes(membership: Membership) -> Iterator[str]:
    """Slices that hold another number of examples than the record says."""
    total = membership.n
    for i, entry in enumerate(membership.slices):
        n = int(members(membership, i).sum())
        if n != entry.n or not _same(entry.share, n / max(1, total)):
            yield f"slice {entry.name}: recorded {entry.n:,} of {total:,} examples, counted {n:,}"


def _left_out(record: EvidenceRecord, rows: Rows) -> Iterator[str]:
    """Slices that the rows tell of and the record is silent about; some metrics are not told of intersections."""
    without = METRICS[record.policy.metric].kind is MetricKind.AGGREGATE
    yield from (f"slice {name}: {_GONE}" for name, crossed in rows.beyond.items() if not (without and crossed))


def _implied(record: EvidenceRecord) -> Iterator[str]:
    """Slices that the policy implies, with another margin than the policy's, or not guarded."""
    gate = record.policy
    margins = {Kind.ALL: gate.margin, Kind.CLASS: gate.class_margin}
    for entry in (c.slice for c in record.comparisons):
        if entry.margin != margins.get(entry.kind, entry.margin):
            yield f"slice {entry.name}: its margin {entry.margin:g} is not the policy's {margins[entry.kind]:g}"
    if not any(c.slice.kind is Kind.ALL and c.slice.guard for c in record.comparisons):
        yield "the slice of all examples is missing, or not guarded"


def _named(items: list[Any]) -> dict[str, Any]:
    """The items of a list by what they are called, else by their place."""
    named: dict[str, Any] = {}
    for i, item in enumerate(items):
        key = str(i)
        if isinstance(item, dict):
            names = [item[name] for name in _NAMED_BY if item.get(name) is not None]
            key = str(names[0].get("name") if isinstance(names[0], dict) else names[0]) if names else key
        named[f"{key} ({i})" if key in named else key] = item
    return named


def _same(one: object, two: object) -> bool:
    if isinstance(one, float) and isinstance(two, float | int) and not isinstance(two, bool):
        return math.isclose(one, two, rel_tol=SAME, abs_tol=SAME * SAME)
    return one == two


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _from_answers() -> set[str]:
    """Titles of the described metrics that answers are enough for."""
    return {metric.title for metric in METRICS.values() if metric.needs is not Needs.PROBABILITIES}
