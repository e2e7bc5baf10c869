"""A judgement made again from a record and its rows, and where the two differ."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from validate.evidence import EvidenceRecord, as_json, case_of
from validate.exports.rows import Rows
from validate.gate import CheckKind
from validate.judgement import judge_pair, waive
from validate.metrics import needs_scores
from validate.slices import Kind, members

SAME = 1e-9  # relative: what another machine's floating point may move
_RESTING = frozenset(
    {CheckKind.INTEGRITY, CheckKind.EDGE_CASES, CheckKind.CLAIM}
)  # checks that rest on what is not in the rows
_NAMED_BY = ("slice", "id", "metric", "kind")  # keys that name an item of a list


def judged_again(record: EvidenceRecord, rows: Rows) -> EvidenceRecord:
    """The record with all that follows from its rows and its policy put in place of what it says."""
    given = [check for check in record.checks if check.kind in _RESTING]
    judgement = judge_pair(rows.paired, rows.membership, record.policy, seed=record.suite.seed, integrity=given)
    edge = record.edge_cases.comparisons if record.edge_cases else ()
    judgement = waive(judgement, [it.waiver for it in record.waivers], record.policy, case_of(record), edge)
    comparisons = judgement.comparisons
    if not rows.scores:  # answers alone give no Brier score: what is described beside the gate stays as it was recorded
        found = {c.slice.name: {score.metric: score for score in c.scores} for c in comparisons}
        recorded = {c.slice.name: c.scores for c in record.comparisons}
        comparisons = tuple(
            replace(c, scores=tuple(found[c.slice.name].get(s.metric, s) for s in recorded.get(c.slice.name, ())))
            for c in comparisons
        )
    return replace(
        _counted_again(record, rows),
        comparisons=comparisons,
        disparities=judgement.disparities,
        checks=judgement.checks,
        verdict=judgement.verdict,
        waivers=judgement.waivers,
        blind_spots=judgement.blind_spots,
        notes=judgement.notes,
    )


def not_recomputed(record: EvidenceRecord, rows: Rows | None) -> Iterator[str]:
    """What stands in the record and cannot be checked by its rows."""
    if rows is None:
        return
    yield "which slices are guarded, and their margins: declared by the suite file, of which the record has the hash"
    resting = [check.id for check in record.checks if check.kind in _RESTING]
    if resting:
        yield f"{', '.join(resting)}: rest on what the run saw of data and models"
    described = {score.metric for c in record.comparisons for score in c.scores} - _from_answers()
    if described and not rows.scores:
        yield f"{', '.join(sorted(described))}: described beside the gate, from scores that the rows do not hold"


def problems(record: EvidenceRecord, rows: Rows) -> tuple[str, ...]:
    """Everything in the record that does not follow from its rows and its policy."""
    if needs_scores(record.policy.metric) and not rows.scores:
        return (f"the gate's metric is {record.policy.metric}, and the rows hold no scores",)
    slices = (*_sizes(rows), *_implied(record))
    return slices or tuple(differences(as_json(record), as_json(judged_again(record, rows))))


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


def _sizes(rows: Rows) -> Iterator[str]:
    """Slices that hold another number of examples than the record says."""
    total = rows.membership.n
    for i, entry in enumerate(rows.membership.slices):
        n = int(members(rows.membership, i).sum())
        if n != entry.n or not _same(entry.share, n / max(1, total)):
            yield f"slice {entry.name}: recorded {entry.n:,} of {total:,} examples, counted {n:,}"


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
    from validate.metrics import METRICS, Needs

    return {metric.title for metric in METRICS.values() if metric.needs is not Needs.PROBABILITIES}
