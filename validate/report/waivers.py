"""What every rendering says of waivers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from validate import wording
from validate.evidence import EvidenceRecord
from validate.gate import CheckKind, CheckResult, verdict_text
from validate.outcome import Outcome
from validate.report.tables import DisparityRow, SliceRow, SliceTable, Status, status
from validate.waiver_file import Waiver
from validate.waivers import Assessed


def waivers_of(check: CheckResult, record: EvidenceRecord) -> tuple[Waiver, ...]:
    """The waivers that excuse a check."""
    return tuple(it.waiver for it in record.waivers if it.waiver.id in check.waived)


def waivers_on(kind: CheckKind, name: str, record: EvidenceRecord) -> tuple[Waiver, ...]:
    """The waiver in force for what this kind of check found on one slice, if there is one."""
    held = (it.waiver for it in record.waivers if it.state == "in force")
    return tuple(waiver for waiver in held if (waiver.check, waiver.slice) == (kind, name))


def until(waivers: tuple[Waiver, ...]) -> str:
    """The day on which the first of them ends."""
    return min(waiver.expires for waiver in waivers)


def marked(text: str, waivers: tuple[Waiver, ...]) -> str:
    """A reason with `[WAIVED until 2026-12-31]` before it and the waivers' names after it; as it is without any."""
    if not waivers:
        return text
    return f"[WAIVED until {until(waivers)}] {text} (waived by {wording.listing([it.id for it in waivers])})"


def days(found: Assessed) -> str:
    """`5 days left`, `its last day`, or `3 days ago`."""
    if found.days_left == 0:
        return "its last day"
    count = wording.plural(abs(found.days_left), "day")
    return f"{count} left" if found.days_left > 0 else f"{count} ago"


def told(found: Assessed) -> str:
    """A waiver in a line: what it is for, what became of it, until when, and whose it is."""
    waiver = found.waiver
    ticket = f", {waiver.ticket}" if waiver.ticket else ""
    return (
        f"{waiver.id}: {waiver.check} of {waiver.slice}: {found.state}, until {waiver.expires} ({days(found)}): "
        f"{found.text}. {waiver.reason} (risk of {waiver.risk_owner}, allowed by {waiver.approved_by}{ticket})"
    )


def ending(record: EvidenceRecord) -> Iterator[str]:
    """A warning for each waiver that ends soon."""
    for found in record.waivers:
        if found.ends_soon:
            waiver = found.waiver
            yield (
                f"{waiver.id} ({waiver.check} of {waiver.slice}) ends on {waiver.expires}, {days(found)}: "
                f"from then on its check counts, and the gate stops until {waiver.id} is taken out or replaced"
            )


@dataclass(frozen=True, kw_only=True)
class WaiverRow:
    """One waiver, and what became of it."""

    id: str
    ticket: str
    check: str
    slice: str
    status: Status
    until: str
    left: str  # days, in words
    found: str
    reason: str
    owner: str
    allowed: str  # by whom


_CSS = {"in force": "waived", "not needed": "pass", "lapsed": "fail", "expired": "error", "refused": "error"}


def waived_status(word: str) -> Status:
    """The status of what a waiver excuses: `FAIL, waived`."""
    return Status(word=f"{word}, waived", css="waived")


def verdict_status(outcome: Outcome, waived: int) -> Status:
    """The status of a verdict; a PASS that rests on waivers is not drawn like one that does not."""
    shown = status(outcome, verdict_text(outcome, waived))
    return replace(shown, css="waived") if waived and outcome is Outcome.PASS else shown


def waiver_rows(record: EvidenceRecord) -> Iterator[WaiverRow]:
    """Every waiver of the model."""
    for found in record.waivers:
        waiver = found.waiver
        yield WaiverRow(
            id=waiver.id,
            ticket=waiver.ticket,
            check=waiver.check,
            slice=waiver.slice,
            status=Status(word=found.state, css=_CSS[found.state]),
            until=waiver.expires,
            left=days(found),
            found=found.text,
            reason=waiver.reason,
            owner=waiver.risk_owner,
            allowed=waiver.approved_by,
        )


def excused_disparities(rows: Sequence[DisparityRow], record: EvidenceRecord) -> tuple[DisparityRow, ...]:
    """The rows with what is waived in them marked as such."""
    kind = CheckKind.DISPARITY
    return tuple(
        replace(row, status=waived_status(row.status.word)) if waivers_on(kind, row.name, record) else row
        for row in rows
    )


def excused_rows(table: SliceTable, record: EvidenceRecord) -> SliceTable:
    """The table with what is waived in it marked as such."""
    guarded = {c.slice.name for c in record.comparisons if c.slice.guard}
    return replace(table, rows=tuple(_excused(row, record, guarded=row.name in guarded) for row in table.rows))


def _excused(row: SliceRow, record: EvidenceRecord, *, guarded: bool) -> SliceRow:
    """A guarded slice that the screen flags as well needs a waiver for each."""
    kinds = [CheckKind.NON_INFERIORITY] * guarded + [CheckKind.SCREEN] * ("flagged" in row.status.word)
    found = [waivers_on(kind, row.name, record) for kind in kinds]
    held = tuple(waiver for waivers in found for waiver in waivers)
    if not held:
        return row
    word = row.status.word
    shown = waived_status(word) if all(found) else replace(row.status, word=f"{word}, waived in part")
    remark = f"waived until {until(held)} by {wording.listing([waiver.id for waiver in held])}"
    return replace(row, status=shown, remarks=(*row.remarks, remark))
