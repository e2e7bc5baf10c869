"""The ledger as one HTML page: verdicts over time, trends per slice, attempts per test set, every number in a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from validate import wording
from validate.decisions import expired
from validate.ledger.entries import Entry
from validate.ledger.runs import Run
from validate.ledger.trends import Line, SetUse, SliceTrend
from validate.outcome import Outcome
from validate.report.earlier import summary_text
from validate.report.page import layout
from validate.report.tables import Status, status
from validate.report.trend import STEP, Trend, trend
from validate.report.waivers import verdict_status

BAR = 48  # height of the tallest bar


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run of a model."""

    entry: str
    ended: str
    status: Status
    change: str
    attempt: str
    signed: str
    waivers: str
    decision: str
    record: str  # first digits of its hash


@dataclass(frozen=True, kw_only=True)
class TrendRow:
    """One slice over time."""

    name: str
    guard: str
    first: str  # its change when it was first seen
    last: str
    status: Status | None  # none where the last run did not have it
    trend: Trend


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a run's bar."""

    x: float
    y: float
    height: float
    css: str


@dataclass(frozen=True, kw_only=True)
class BurnDown:
    """A picture of waivers, one bar for each run, oldest on the left."""

    width: int
    bars: tuple[Bar, ...]
    words: tuple[str, ...]  # of the key
    now: str  # where they stand
    label: str  # what a reader who cannot see it is told


@dataclass(frozen=True, kw_only=True)
class LineView:
    """One compressed model of one suite over time."""

    anchor: str
    title: str
    strip: Trend
    runs: tuple[RunRow, ...]
    trends: tuple[TrendRow, ...]
    unit: str
    left_out: int
    burnt_down: BurnDown | None  # none where no run had a waiver


@dataclass(frozen=True, kw_only=True)
class SetRow:
    """One test set."""

    digest: str
    suites: str
    n: str
    attempts: str
    runs: str


@dataclass(frozen=True, kw_only=True)
class HistoryView:
    """The whole page."""

    title: str
    as_of: str
    head: str
    lines: tuple[LineView, ...]
    sets: tuple[SetRow, ...]


def render_history(lines: Sequence[Line], sets: Sequence[SetUse], *, head: Entry | None, as_of: str) -> str:
    """The page of a ledger whose last entry is `head`; what had expired on the day `as_of` is said to be."""
    view = HistoryView(
        title="History of sign-offs",
        as_of=as_of,
        head="no entry" if head is None else f"entry {head.seq:,}, SHA-256 {head.sha256}",
        lines=tuple(_line(line, f"l{i}", as_of) for i, line in enumerate(lines, start=1)),
        sets=tuple(_set(found) for found in sets),
    )
    return layout("history.html.j2", view)


def _line(line: Line, anchor: str, as_of: str) -> LineView:
    found = [(run.body.everything, run.body.outcome) for run in line.recent]
    told = any(run.body.rate for run in line.runs)
    return LineView(
        anchor=anchor,
        title=f"{line.suite}: {line.compressed}",
        strip=trend(found, rate=told, what="Change on all examples, and verdict, run by run"),
        runs=tuple(_run(run, as_of) for run in reversed(line.runs)),
        trends=tuple(_trend(one, rate=told) for one in line.slices),
        unit=wording.unit(rate=told).strip(),
        left_out=line.left_out,
        burnt_down=_burnt_down(line),
    )


def _burnt_down(line: Line) -> BurnDown | None:
    """The picture of a line's waivers; none where no run had one."""
    counts = [{word: len(ids) for word, ids in vars(found).items()} for found in line.waivers]
    most = max((sum(count.values()) for count in counts), default=0)
    if not most:
        return None
    bars, told = [], []
    for i, count in enumerate(counts):
        below = 0.0
        told.append(", ".join(f"{n} {word}" for word, n in count.items()))
        for word, n in count.items():
            height = round(BAR * n / most, 1)
            below += height
            if n:
                bars.append(Bar(x=STEP * i + 5, y=round(BAR - below, 1), height=height, css=f"waivers-{word}"))
    words = tuple(word for word in counts[-1] if any(count[word] for count in counts))
    label = f"Waivers, run by run, oldest first: {'; '.join(told)}"
    return BurnDown(width=STEP * len(counts), bars=tuple(bars), words=words, now=line.waivers[-1].text, label=label)


def _run(run: Run, as_of: str) -> RunRow:
    body = run.body
    return RunRow(
        entry=wording.count(run.entry.seq),
        ended=wording.moment(body.finished),
        status=verdict_status(body.outcome, body.waived),
        change=wording.ABSENT if body.everything is None else summary_text(body.everything, rate=body.rate),
        attempt=wording.count(body.attempt)
        if body.attempt is not None
        else "not counted"
        if body.gated
        else "did not gate",
        signed="yes" if run.signed else "no",
        waivers=", ".join(
            [f"{len(body.waivers):,} open"] * bool(body.waivers)
            + [f"{len(body.waivers_over):,} expired"] * bool(body.waivers_over)
        )
        or "none",
        decision=_decision(run, as_of),
        record=run.entry.subject[:12],
    )


def _decision(run: Run, as_of: str) -> str:
    if not run.decisions:
        return "none recorded"
    last = run.decisions[-1]
    text = f"{last.decision}, by {last.by} ({last.role})"
    if last.expires is not None:
        text += f", {'expired after' if expired(last, as_of) else 'until'} {last.expires}"
    return text


def _trend(found: SliceTrend, *, rate: bool) -> TrendRow:
    there = [value for value in found.values if value is not None]
    last = found.values[-1]
    drawn = [(one, None if one is None else _shown(one.outcome, flagged=one.flagged)) for one in found.values]
    return TrendRow(
        name=found.name,
        guard="guarded" if found.guard else "screened",
        first=summary_text(there[0], rate=rate),
        last=summary_text(last, rate=rate),
        status=None if last is None else _status(last.outcome, flagged=last.flagged),
        trend=trend(drawn, rate=rate, what=f"Change of {found.name}, run by run"),
    )


def _shown(outcome: Outcome, *, flagged: bool) -> Outcome:
    return Outcome.FAIL if flagged else outcome


def _status(outcome: Outcome, *, flagged: bool) -> Status:
    return status(Outcome.FAIL, "flagged") if flagged else status(outcome)


def _set(found: SetUse) -> SetRow:
    return SetRow(
        digest=found.data_sha256,
        suites=", ".join(found.suites),
        n=wording.ABSENT if found.n is None else wording.count(found.n),
        attempts=wording.count(found.attempts),
        runs=wording.count(found.runs),
    )
