"""Edge cases in the report: curves by severity, costs beyond the sources, and all models on one map."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from validate import wording
from validate.comparison import Comparison
from validate.edge_cases.comparison import EdgeResult, Exemplar
from validate.edge_cases.evidence import EdgeEvidence
from validate.edge_cases.review import ReviewQueue
from validate.evidence import EvidenceRecord
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.report.attacks import AttackView, attack_view, bounds_of
from validate.report.facts import change_text, is_rate
from validate.report.tables import Status, status
from validate.report.waivers import waived_status, waivers_on
from validate.stats.rates import wilson_interval

WIDTH, HEIGHT = 220, 130  # of a curve's picture, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 8, 20
_APART = 3  # how far the two models' marks stand from each other, so that neither hides the other
QUEUED = 40  # examples of the review queue that the report lists


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One model at one severity."""

    x: float
    y: float
    low: float | None  # ends of the interval; none for a metric that is no rate
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One set's picture: both models against severity."""

    name: str
    about: tuple[str, ...]  # what each severity is
    dense: tuple[Mark, ...]
    compressed: tuple[Mark, ...]
    dense_path: str
    compressed_path: str
    xs: tuple[tuple[float, str], ...]
    ys: tuple[tuple[float, str], ...]
    label: str  # what a reader who cannot see it is told


@dataclass(frozen=True, kw_only=True)
class EdgeRow:
    """One set, or one severity of it."""

    name: str
    about: str
    status: Status
    n: str
    sources: str
    levels: str
    change: str
    clean: str
    interaction: str
    broken: str
    broken_change: str
    flagged: bool
    guarded: bool
    described: bool  # it gates nothing


@dataclass(frozen=True, kw_only=True)
class EdgeView:
    """What one model's section says of edge cases."""

    summary: str
    metric: str
    curves: tuple[Curve, ...]
    rows: tuple[EdgeRow, ...]
    methods: tuple[str, ...]
    exemplars: tuple[tuple[str, tuple[Exemplar, ...]], ...]  # by slice
    must_not_lose: tuple[str, ...]
    attacks: AttackView | None


class _Words(NamedTuple):
    """What is said of slices."""

    about: dict[str, str]  # what was done to the sources
    bounds: dict[str, str]  # of an attack, which stands on the axis in place of a severity


@dataclass(frozen=True, kw_only=True)
class MapCell:
    """One set and severity under one model."""

    mark: str
    word: str
    change: str
    css: str


@dataclass(frozen=True, kw_only=True)
class EdgeMap:
    """All models on all sets, and what waits for people."""

    models: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MapCell, ...]], ...]
    legend: tuple[tuple[str, str], ...]
    queue: ReviewQueue | None
    queued: int  # examples of it that are listed here


_MARKS = {  # mark, words, class
    "flagged": ("▼▼", "really worse, and beyond the margin", "fail"),
    "beyond": ("▼", "beyond the margin by itself", "fail"),
    "worse": ("▽", "worse, within or around the margin", "inconclusive"),
    "open": ("○", "not decided against the margin", "inconclusive"),
    "kept": ("●", "within the margin", "pass"),
    "better": ("△", "better", "pass"),
    "none": ("–", "not judged", "error"),
}


def edge_view(record: EvidenceRecord) -> EdgeView | None:
    """One model's edge cases; None where it has none."""
    found = record.edge_cases
    if found is None:
        return None
    by_name = {c.slice.name: c for c in found.comparisons}
    about = dict(found.about)
    told = [(result, by_name[result.slice]) for result in found.results]
    interactions = [r.interaction.method for r in found.results if r.interaction]
    breaks = [f"invariance: {r.invariance.change.method}" for r in found.results if r.invariance]
    return EdgeView(
        summary=_summary(found),
        metric=record.policy.metric,
        curves=tuple(_curves(found, by_name)),
        rows=tuple(_row(result, c, about.get(result.slice, ""), record) for result, c in told),
        methods=tuple(dict.fromkeys([*interactions, *breaks])),
        exemplars=tuple((r.slice, r.exemplars) for r in found.results if r.exemplars),
        must_not_lose=tuple(
            f"{one.set}: {len(one.lost):,} of {wording.plural(one.at_stake, 'case')} lost, a rate of at most "
            f"{wording.percent(one.rate.high, 1)} ({one.rate.method})"
            for one in found.must_not_lose
        ),
        attacks=attack_view(found),
    )


def edge_map(records: Sequence[EvidenceRecord]) -> EdgeMap | None:
    """All models against all sets; None where no record has any, and nothing waits for people."""
    found = [record.edge_cases for record in records]
    queue = next((record.review for record in records if record.review), None)
    names = list(dict.fromkeys(result.slice for one in found if one for result in one.results))
    if not names and queue is None:
        return None
    cells = [{c.slice.name: _cell(c) for c in one.comparisons} if one else {} for one in found]
    absent = _marked("none", wording.ABSENT)
    return EdgeMap(
        models=tuple(record.compressed_name for record in records),
        rows=tuple((name, tuple(column.get(name, absent) for column in cells)) for name in names),
        legend=tuple((mark, words) for mark, words, _ in _MARKS.values()),
        queue=queue,
        queued=QUEUED,
    )


def _summary(found: EdgeEvidence) -> str:
    if not found.results:
        return "No set by which this model is judged"
    sets = len({result.set for result in found.results})
    costs = [r for r in found.results if r.interaction and r.interaction.high < 0]
    breaks = [r for r in found.results if r.invariance and r.invariance.change.high < 0]
    text = f"{wording.plural(found.n, 'variant')} of {wording.plural(found.sources, 'source')}"
    text += f" in {wording.plural(sets, 'set')}"
    text += f"; compression shown to cost more than on the sources in {len(costs):,} of {len(found.results):,} rows"
    return f"{text}, and to change more answers than the dense model does in {len(breaks):,}"


def _row(result: EdgeResult, c: Comparison, about: str, record: EvidenceRecord) -> EdgeRow:
    waived = waivers_on(CheckKind.EDGE_CASES, c.slice.name, record)
    rate = is_rate(c)
    clean = wording.ABSENT
    if result.clean_dense is not None and result.clean_compressed is not None:
        clean = f"{wording.level(result.clean_dense, rate=rate)} → {wording.level(result.clean_compressed, rate=rate)}"
    broken = change = interaction = wording.ABSENT
    if result.interaction is not None:
        interaction = wording.change(result.interaction.estimate, rate=rate)
        interaction += f" ({wording.interval(result.interaction, rate=rate)})"
    if result.invariance is not None:
        found = result.invariance
        broken = f"{wording.percent(found.dense, 1)} → {wording.percent(found.compressed, 1)}"
        change = f"{wording.change(found.change.estimate, rate=True)} ({wording.interval(found.change, rate=True)})"
    return EdgeRow(
        name=result.slice,
        about=about,
        status=waived_status(c.outcome) if waived else status(c.outcome),
        n=wording.count(result.n),
        sources=wording.count(result.sources),
        levels=f"{wording.level(c.dense, rate=rate)} → {wording.level(c.compressed, rate=rate)}",
        change=change_text(c),
        clean=clean,
        interaction=interaction,
        broken=broken,
        broken_change=change,
        flagged=c.flagged,
        guarded=c.slice.guard,
        described=not c.slice.guard and not c.slice.screened,
    )


def _cell(c: Comparison) -> MapCell:
    if c.flagged:
        kind = "flagged"
    elif c.outcome is Outcome.FAIL:
        kind = "beyond"
    elif c.change.high < 0:
        kind = "worse"
    elif c.change.low > 0:
        kind = "better"
    else:
        kind = "kept" if c.outcome is Outcome.PASS else "open"
    return _marked(kind, wording.change(c.change.estimate, rate=is_rate(c), limit=-c.slice.margin))


def _marked(kind: str, change: str) -> MapCell:
    mark, words, css = _MARKS[kind]
    return MapCell(mark=mark, word=words, change=change, css=css)


def _curves(found: EdgeEvidence, by_name: dict[str, Comparison]) -> Iterator[Curve]:
    """A picture for each set with several severities, all on one scale."""
    words = _Words(about=dict(found.about), bounds=bounds_of(found))
    sets = dict.fromkeys(result.set for result in found.results)
    several = {
        name: sorted((r for r in found.results if r.set == name and r.severity), key=lambda r: r.severity or 0)
        for name in sets
    }
    several = {name: results for name, results in several.items() if len(results) > 1}
    levels = [x for results in several.values() for r in results for x in _levels(r, by_name[r.slice]) if x is not None]
    if not levels or not all(math.isfinite(x) for x in levels):
        return
    bottom, top = min(levels), max(levels)
    room = 0.08 * (top - bottom) or 0.01
    rate = is_rate(by_name[next(iter(several.values()))[0].slice])
    low, high = bottom - room, min(top + room, 1.0) if rate else top + room
    for name, results in several.items():
        yield _curve(name, results, by_name, (low, high), words)


def _levels(result: EdgeResult, c: Comparison) -> tuple[float | None, ...]:
    return c.dense, c.compressed, result.clean_dense, result.clean_compressed


def _curve(
    name: str,
    results: Sequence[EdgeResult],
    by_name: dict[str, Comparison],
    ends: tuple[float, float],
    words: _Words,
) -> Curve:
    own = [by_name[r.slice] for r in results]
    first, rate, slices = results[0], is_rate(own[0]), {r.severity: r.slice for r in results}
    dense = [(r.severity or 0, c.dense, r.sources) for r, c in zip(results, own, strict=True)]
    compressed = [(r.severity or 0, c.compressed, r.sources) for r, c in zip(results, own, strict=True)]
    if first.clean_dense is not None and first.clean_compressed is not None:
        dense.insert(0, (0, first.clean_dense, first.sources))
        compressed.insert(0, (0, first.clean_compressed, first.sources))
    dense_marks = tuple(_mark(point, ends, -_APART, rate=rate) for point in dense)
    compressed_marks = tuple(_mark(point, ends, _APART, rate=rate) for point in compressed)
    shown = "; ".join(
        f"{'sources' if s == 0 else f'severity {s}'}: {wording.level(d, rate=rate)} → {wording.level(k, rate=rate)}"
        for (s, d, _), (_, k, _) in zip(dense, compressed, strict=True)
    )
    return Curve(
        name=name,
        about=tuple(f"{r.severity}: {words.about.get(r.slice, '')}" for r in results if words.about.get(r.slice)),
        dense=dense_marks,
        compressed=compressed_marks,
        dense_path=_path(dense_marks),
        compressed_path=_path(compressed_marks),
        xs=tuple((_x(s), "source" if s == 0 else words.bounds.get(slices.get(s, ""), str(s))) for s, _, _ in dense),
        ys=tuple((_y(v, ends), wording.percent(v, 0) if rate else f"{v:.3g}") for v in _ticks(ends)),
        label=f"{name}, dense to compressed; {shown}",
    )


def _mark(point: tuple[int, float, int], ends: tuple[float, float], shift: float, *, rate: bool) -> Mark:
    severity, level, units = point
    limits = wilson_interval([level * units], [units])[0] if rate else None
    return Mark(
        x=_x(severity) + shift,
        y=_y(level, ends),
        low=None if limits is None else _y(limits.low, ends),
        high=None if limits is None else _y(limits.high, ends),
    )


def _x(severity: int) -> float:
    return round(_LEFT + 12 + severity / 5 * (WIDTH - _LEFT - _RIGHT - 24), 1)


def _y(level: float, ends: tuple[float, float]) -> float:
    """The place of a level, kept inside the picture."""
    inside = min(max((level - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    return round(HEIGHT - _BOTTOM - inside * (HEIGHT - _TOP - _BOTTOM), 1)


def _path(marks: Sequence[Mark]) -> str:
    return "M" + " L".join(f"{mark.x:g} {mark.y:g}" for mark in marks)


def _ticks(ends: tuple[float, float]) -> list[float]:
    """Three to six round levels between the ends."""
    span = ends[1] - ends[0]
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= 6)
    return [i * step for i in range(math.ceil(ends[0] / step), math.floor(ends[1] / step) + 1)]
