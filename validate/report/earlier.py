"""What lies beside a record, in words: people's decisions, and the change since an earlier run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.decisions import Decision, Decisions, expired
from validate.gate import verdict_text
from validate.ledger.entries import SliceSummary
from validate.ledger.since import Past, Shift, Since
from validate.outcome import Outcome
from validate.report.tables import Status, status
from validate.report.trend import Trend, trend
from validate.report.waivers import verdict_status

MOST_SHIFTS = 60


@dataclass(frozen=True, kw_only=True)
class DecisionRow:
    """One person's decision."""

    decision: str
    counts: str  # whether it is the one that counts
    by: str
    role: str
    date: str
    until: str
    conditions: tuple[str, ...]
    reason: str
    other_than_author: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """What people decided about a model."""

    line: str  # the decision that counts, or that there is none
    conditions: tuple[str, ...]
    reason: str
    rows: tuple[DecisionRow, ...]  # the one that counts first


@dataclass(frozen=True, kw_only=True)
class ShiftRow:
    """A slice then and now."""

    slice: str
    n: str
    before: str
    before_status: Status | None
    now: str
    now_status: Status | None
    difference: str


@dataclass(frozen=True, kw_only=True)
class PastRow:
    """An earlier run."""

    ended: str
    status: Status
    change: str
    remark: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of a model's slices since an earlier run."""

    text: str
    rows: tuple[ShiftRow, ...]
    more: int
    trend: Trend | None  # of all examples, over the earlier runs
    past: tuple[PastRow, ...]  # newest first
    older: int  # earlier runs that are not listed


def person(found: Decisions | None) -> Person:
    """The decisions in words, the one that counts first."""
    if found is None:
        return Person(line="No decision recorded.", conditions=(), reason="", rows=())
    last = found.last
    rows = tuple(_row(one, found.as_of, counts=one is last) for one in reversed(found.decisions))
    until = rows[0].until
    line = f"{last.decision}, by {last.by} ({last.role}) on {last.date}; {until}."
    return Person(line=line, conditions=last.conditions, reason=last.reason, rows=rows)


def _row(one: Decision, as_of: str, *, counts: bool) -> DecisionRow:
    if one.expires is None:
        until = "without an end"
    else:
        until = f"expired after {one.expires}" if expired(one, as_of) else f"until {one.expires}"
    return DecisionRow(
        decision=one.decision,
        counts="this one counts" if counts else "replaced by a later one",
        by=one.by,
        role=one.role,
        date=one.date,
        until=until,
        conditions=one.conditions,
        reason=one.reason,
        other_than_author={None: "no author declared", True: "no", False: "yes"}[one.by_author],
    )


def change(found: Since | None, *, rate: bool) -> Change:
    """The change since the last signed run in words and rows."""
    if found is None:
        text = "No ledger was given to this run, so there is no earlier run to compare with."
        return Change(text=text, rows=(), more=0, trend=None, past=(), older=0)
    shifts = sorted(found.shifts, key=_standing_out)
    return Change(
        text=" ".join(_told(found)),
        rows=tuple(_shift_row(shift, rate=rate) for shift in shifts[:MOST_SHIFTS]),
        more=max(0, len(shifts) - MOST_SHIFTS),
        trend=_trend(found.past, rate=rate) if found.past else None,
        past=tuple(_past_row(past, rate=rate) for past in reversed(found.past)),
        older=found.earlier - len(found.past),
    )


def _told(found: Since) -> Iterator[str]:
    if found.baseline is None:
        yield found.reason
        return
    kind = "the last signed run" if found.baseline.signed else "the last run that the ledger holds; it was not signed"
    ended = wording.moment(found.baseline.finished)
    verdict = verdict_text(found.baseline.outcome, found.baseline.waived)
    yield f"Compared with {kind}, which ended {ended} with the verdict {verdict}."
    yield "Both were judged by the same policy on the same examples. The differences are described; nothing tests them."
    worse = sum(_harm(shift.before) < _harm(shift.now) for shift in found.shifts if shift.before and shift.now)
    better = sum(_harm(shift.before) > _harm(shift.now) for shift in found.shifts if shift.before and shift.now)
    yield f"{wording.plural(worse, 'slice')} with a worse outcome than then, {better:,} with a better one."


_HARM = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.ERROR)


def _harm(found: SliceSummary | None) -> tuple[int, bool]:
    return (0, False) if found is None else (_HARM.index(found.outcome), found.flagged)


def _standing_out(shift: Shift) -> tuple[bool, float]:
    """Slices whose outcome is another first; of these the largest loss."""
    if shift.before is None or shift.now is None:
        return False, 0.0
    return _harm(shift.before) == _harm(shift.now), shift.now.change - shift.before.change


def _shift_row(shift: Shift, *, rate: bool) -> ShiftRow:
    before, now = shift.before, shift.now
    shown = now or before
    assert shown is not None
    difference = wording.ABSENT
    if before is not None and now is not None:
        difference = wording.change(now.change - before.change, rate=rate) + wording.unit(rate=rate)
    return ShiftRow(
        slice=shown.name,
        n=wording.count(shown.n),
        before=summary_text(before, rate=rate),
        before_status=_status(before),
        now=summary_text(now, rate=rate),
        now_status=_status(now),
        difference=difference,
    )


def summary_text(found: SliceSummary | None, *, rate: bool) -> str:
    """`−1.20 (−2.00 to −0.40)`, or that the slice was not there."""
    if found is None:
        return "not among the slices"
    low, high = (wording.change(limit, rate=rate) for limit in (found.low, found.high))
    return f"{wording.change(found.change, rate=rate)} ({low} to {high})"


def _status(found: SliceSummary | None) -> Status | None:
    if found is None:
        return None
    return status(Outcome.FAIL, "flagged") if found.flagged else status(found.outcome)


def _past_row(past: Past, *, rate: bool) -> PastRow:
    remarks = ["signed" if past.signed else "not signed"]
    remarks += ["did not gate"] * (not past.gated) + ["not comparable"] * (not past.comparable)
    remarks += [f"decision: {past.decision}"] * bool(past.decision)
    return PastRow(
        ended=wording.moment(past.finished),
        status=verdict_status(past.outcome, past.waived),
        change=wording.ABSENT if past.everything is None else summary_text(past.everything, rate=rate),
        remark=", ".join(remarks),
    )


def _trend(past: Sequence[Past], *, rate: bool) -> Trend:
    found = [(one.everything, one.outcome) for one in past]
    return trend(found, rate=rate, what="Change on all examples and verdict of the earlier runs")
