"""One compressed model's part of the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.comparison import Comparison
from validate.evidence import EvidenceRecord
from validate.ledger.beside import NOTHING, Beside
from validate.outcome import Outcome
from validate.predictions import ModelIdentity
from validate.report.bought import Bought, bought
from validate.report.decision import Decision, Doubt, Finding, decision, doubts, findings
from validate.report.discovery import DiscoveryView, discovery_view
from validate.report.earlier import Change, Person, change, person
from validate.report.edge_cases import EdgeView, edge_view
from validate.report.facts import is_rate
from validate.report.forest import Scale, scale
from validate.report.populations import PopulationView, population_views
from validate.report.scatter import Scatter, scatter
from validate.report.tables import (
    DisparityRow,
    RateRow,
    ScoreTable,
    SliceTable,
    Status,
    by_room,
    disparity_row,
    rate_rows,
    score_table,
    slice_table,
    status,
)
from validate.report.untested import untested
from validate.report.waivers import (
    WaiverRow,
    excused_disparities,
    excused_rows,
    marked,
    waived_status,
    waiver_rows,
    waivers_of,
)

FIRST = 12  # rows of the disparity register that are seen without opening it


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A check with its place in the appendix."""

    number: int
    anchor: str
    id: str
    status: Status
    gates: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BlindRow:
    """A category too small to be judged alone."""

    name: str
    n: str
    share: str
    margin: str
    pooled: str


@dataclass(frozen=True, kw_only=True)
class IdentityRow:
    """One fact about both models."""

    name: str
    dense: str
    compressed: str


@dataclass(frozen=True, kw_only=True)
class Residual:
    """Risk that stays whatever the verdict says."""

    title: str
    items: tuple[str, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class NoteRow:
    """Something listed that never gates."""

    kind: str
    slice: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """All that the template lays out for one compressed model."""

    anchor: str  # prefix of its ids
    name: str
    decision: Decision
    doubts: tuple[Doubt, ...]
    findings: tuple[Finding, ...]
    tables: tuple[SliceTable, ...]  # guarded, flagged, noted; empty where nothing was compared
    rest: SliceTable | None  # the other slices
    blind: tuple[BlindRow, ...]
    axis: Scale  # shared by the tables
    register: tuple[DisparityRow, ...]  # flagged, and those with the largest differences
    register_rest: tuple[DisparityRow, ...]
    register_more: int
    rates: tuple[RateRow, ...]  # error rates against the rest
    rates_more: int
    scores: ScoreTable  # of guarded slices
    scores_rest: ScoreTable
    discovery: DiscoveryView | None
    edge_cases: EdgeView | None
    identities: tuple[IdentityRow, ...]
    bought: Bought
    scatter: Scatter | None  # all slices; none where there is nothing to draw
    waivers: tuple[WaiverRow, ...]
    waived: tuple[str, ...]  # the checks that a waiver excuses
    residual: tuple[Residual, ...]
    untested: tuple[str, ...]
    most: int  # rows of a table that is cut short
    notes: tuple[NoteRow, ...]
    populations: tuple[PopulationView, ...]
    checks: tuple[CheckRow, ...]
    person: Person
    since: Change


def model_view(record: EvidenceRecord, anchor: str, *, most: int, beside: Beside = NOTHING) -> ModelView:
    """The view of one record and what lies beside it.

    `most` limits the rows of tables other than of guarded, flagged and blind slices; of what is
    only described, half as many.
    """
    checks = tuple(_check_rows(record, anchor))
    guarded, flagged, noted, rest = _sorted_out(record)
    on = scale([*guarded, *flagged] or list(record.comparisons))
    told = any(is_rate(c) for c in record.comparisons)
    register = sorted(record.disparities, key=lambda d: (not d.flagged, d.difference.estimate))
    rates = rate_rows(record.disparities)
    first = max(FIRST, sum(d.flagged for d in register))
    return ModelView(
        anchor=anchor,
        name=record.compressed_name,
        decision=decision(record),
        doubts=tuple(doubts(record, beside.since)),
        findings=findings(record, anchor),
        tables=(
            excused_rows(slice_table("guarded", "Guarded slices: each must PASS", by_room(guarded), on), record),
            excused_rows(slice_table("flagged", "Flagged by the screen", by_room(flagged), on), record),
            slice_table(
                "noted", "Not flagged, yet listed as worse or as beyond the margin", by_room(noted), on, most=most
            ),
        ),
        rest=slice_table("rest", "All other slices", by_room(rest), on, most=most) if rest else None,
        blind=tuple(_blind_rows(record, rate=told)),
        axis=on,
        register=excused_disparities([disparity_row(d, record, on) for d in register[:first]], record),
        register_rest=tuple(disparity_row(d, record, on) for d in register[first : first + most // 2]),
        register_more=max(0, len(register) - first - most // 2),
        rates=tuple(rates[: most // 2]),
        rates_more=max(0, len(rates) - most // 2),
        scores=score_table(guarded, len(guarded)),
        scores_rest=score_table([c for c in record.comparisons if not c.slice.guard], most // 2),
        discovery=discovery_view(record),
        edge_cases=edge_view(record),
        identities=tuple(_identity_rows(record)),
        bought=bought(record),
        scatter=scatter(record.comparisons),
        waivers=tuple(waiver_rows(record)),
        waived=tuple(f"{c.id} ({wording.listing(c.waived)})" for c in record.checks if c.excused),
        residual=tuple(_residual(record)),
        untested=tuple(untested(record)),
        most=most,
        notes=tuple(NoteRow(kind=n.kind, slice=n.slice or "", text=n.text) for n in record.notes),
        populations=tuple(population_views(record)),
        checks=checks,
        person=person(beside.decisions),
        since=change(beside.since, rate=told),
    )


def _sorted_out(record: EvidenceRecord) -> tuple[list[Comparison], ...]:
    """Guarded slices, flagged ones, those that a note or their own outcome makes stand out, and the others."""
    listed = {note.slice for note in record.notes if note.kind in {"loss", "disparity"}}
    guarded: list[Comparison] = []
    flagged: list[Comparison] = []
    noted: list[Comparison] = []
    rest: list[Comparison] = []
    for c in record.comparisons:
        if c.slice.guard:
            guarded.append(c)
        if c.flagged:
            flagged.append(c)
        elif not c.slice.guard:
            stands_out = c.outcome in {Outcome.FAIL, Outcome.ERROR} or c.slice.name in listed
            (noted if stands_out else rest).append(c)
    return guarded, flagged, noted, rest


def _check_rows(record: EvidenceRecord, anchor: str) -> Iterator[CheckRow]:
    for i, check in enumerate(record.checks, start=1):
        yield CheckRow(
            number=i,
            anchor=f"{anchor}-check-{i}",
            id=check.id,
            status=waived_status(check.outcome) if check.excused else status(check.outcome),
            gates="yes" if check.gates else "no",
            reason=marked(check.reason, waivers_of(check, record)),
        )


def _blind_rows(record: EvidenceRecord, *, rate: bool) -> Iterator[BlindRow]:
    for spot in record.blind_spots:
        yield BlindRow(
            name=spot.slice,
            n=wording.count(spot.n),
            share=wording.share(spot.share),
            margin=wording.enough(spot.smallest_margin, rate=rate),
            pooled=spot.pooled or "",
        )


def _identity_rows(record: EvidenceRecord) -> Iterator[IdentityRow]:
    """What is known of both models, fact by fact, and how much of a change the dense model is by itself."""
    dense, compressed = record.dense, record.compressed
    facts = [dict(_identity(model)) for model in (dense, compressed)]
    for name in dict.fromkeys([*facts[0], *facts[1]]):
        yield IdentityRow(name=name, dense=facts[0].get(name, ""), compressed=facts[1].get(name, ""))
    if dense and compressed and dense.bytes and compressed.bytes:
        ratio = compressed.bytes / dense.bytes
        yield IdentityRow(name="Size against dense", dense="1", compressed=f"{ratio:.3g} times")
    if floor := record.noise_floor:
        flips = f"{floor.flips:,} of {wording.plural(floor.n, 'answer')} other {floor.how}"
        told = f"{flips}; a score differs by at most {floor.largest:.2g}"
        yield IdentityRow(name="Noise floor (nothing is subtracted)", dense=told, compressed="")


def _identity(model: ModelIdentity | None) -> Iterator[tuple[str, str]]:
    if model is None:
        return
    yield "Kind", model.kind
    yield "Source", model.source
    yield "SHA-256", model.sha256 or wording.ABSENT
    yield "File", f"{model.bytes:,} bytes" if model.bytes is not None else wording.ABSENT
    yield from model.details


def _residual(record: EvidenceRecord) -> Iterator[Residual]:
    """What is not shown to be harmless: open, unmeasured, or lost inside the margin."""
    found = record.comparisons
    spots = {spot.slice for spot in record.blind_spots}
    open_slices = [c for c in found if c.outcome is Outcome.INCONCLUSIVE]
    inside = [c for c in found if c.outcome is Outcome.PASS and c.regressed]
    beyond = [c for c in found if c.outcome is Outcome.FAIL and not c.flagged and not c.slice.guard]
    yield _group("Guarded slices that this run could not decide", [c for c in open_slices if c.slice.guard])
    yield _group("Worse than before, inside the margin", inside)
    yield _group("Worse than the margin by itself, not after adjustment for looking at many", beyond)
    others = [c for c in open_slices if not c.slice.guard and c.slice.name not in spots]
    able, small = [c for c in others if c.slice.n >= c.n_smallest], [c for c in others if c.slice.n < c.n_smallest]
    yield _group("Undecided slices without a say, large enough to be judged", able)
    yield _group("Undecided intersections and other slices, too small to be judged", small)


def _group(title: str, found: Sequence[Comparison], most: int = 12) -> Residual:
    worst = sorted(found, key=lambda c: c.change.low)
    named = tuple(f"{c.slice.name} (n {c.slice.n:,})" for c in worst[:most])
    return Residual(title=title, items=named, more=len(found) - len(named))
