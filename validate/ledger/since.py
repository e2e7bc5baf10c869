"""Change since the last signed run: a value of its own beside the record, so that a report is the same every time."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from validate.decisions import content_of
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, sha256
from validate.ledger.entries import SliceSummary, summaries
from validate.ledger.runs import Run
from validate.outcome import Outcome

FILE = "since.json"  # beside the results.json that it is about

# 1: first format.
FORMAT_VERSION = 1

MOST = 24  # earlier runs that are listed


@dataclass(frozen=True, kw_only=True)
class Past:
    """An earlier run of the same compressed model's name in the same suite."""

    record_sha256: str
    finished: str  # ISO 8601, UTC
    gated: bool
    outcome: Outcome  # the verdict
    waived: int = 0  # checks that a waiver excuses
    comparable: bool  # judged by the same policy on the same examples
    signed: bool
    decision: str  # of a person; empty where none was recorded
    everything: SliceSummary | None  # all examples; None where nothing was compared


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One slice then and now; one of the two is None where the slice was not there."""

    before: SliceSummary | None
    now: SliceSummary | None


@dataclass(frozen=True, kw_only=True)
class Since:
    """What the ledger knew of earlier runs when a record was written."""

    __pydantic_config__: ClassVar = {"ser_json_inf_nan": "strings", "extra": "forbid"}

    format_version: int
    record_sha256: str  # of the results.json that it is about
    baseline: Past | None  # what is compared with
    reason: str  # why there is no baseline; empty where there is one
    shifts: tuple[Shift, ...]  # guarded slices, and those whose outcome is another or that were not in both
    past: tuple[Past, ...]  # the latest earlier runs, oldest first
    earlier: int  # how many there were


def since(record: EvidenceRecord, found: Sequence[Run], slices: Callable[[int], tuple[SliceSummary, ...]]) -> Since:
    """Compare a record with the last signed run of the same suite, policy and examples.

    Where no comparable run was signed it is the last one that was recorded; a run that did not gate is none. `slices`
    gives those of an entry by its number.
    """
    own = sha256(record)
    earlier = [run for run in found if _same(run, record) and run.entry.subject != own]
    fit = [run for run in earlier if not _differs(run, record)]
    signed = [run for run in fit if run.signed]
    chosen = signed[-1] if signed else fit[-1] if fit else None
    return Since(
        format_version=FORMAT_VERSION,
        record_sha256=own,
        baseline=None if chosen is None else _past(chosen, record),
        reason="" if chosen else _reason(earlier, record),
        shifts=() if chosen is None else tuple(_shifts(slices(chosen.entry.seq), summaries(record))),
        past=tuple(_past(run, record) for run in earlier[-MOST:]),
        earlier=len(earlier),
    )


def _same(run: Run, record: EvidenceRecord) -> bool:
    return (run.body.suite, run.body.compressed) == (record.suite.name, record.compressed_name)


def _differs(run: Run, record: EvidenceRecord) -> str:
    """Why a run cannot be compared with; nothing where it can."""
    if run.body.everything is None or not record.comparisons:
        return "nothing was compared in one of the two"
    if not run.body.gated:
        return "it did not gate"
    if (run.body.metric, run.body.policy_sha256) != (record.policy.metric, record.suite.policy_sha256):
        return "its policy was another"
    if record.data is None or run.body.data_sha256 != record.data.sha256:
        return "its examples were others"
    return ""


def _reason(earlier: Sequence[Run], record: EvidenceRecord) -> str:
    if not earlier:
        return "This is the first run of this model that the ledger holds."
    last = earlier[-1]
    return f"Not comparable: the last run ended {last.body.finished}, and {_differs(last, record)}."


def _past(run: Run, record: EvidenceRecord) -> Past:
    return Past(
        record_sha256=run.entry.subject,
        finished=run.body.finished,
        gated=run.body.gated,
        outcome=run.body.outcome,
        waived=run.body.waived,
        comparable=not _differs(run, record),
        signed=run.signed,
        decision=run.decisions[-1].decision if run.decisions else "",
        everything=run.body.everything,
    )


def _shifts(before: Sequence[SliceSummary], now: Sequence[SliceSummary]) -> Iterator[Shift]:
    then = {found.name: found for found in before}
    for found in now:
        old = then.pop(found.name, None)
        if found.guard or old is None or (old.outcome, old.flagged) != (found.outcome, found.flagged):
            yield Shift(before=old, now=found)
    yield from (Shift(before=old, now=None) for old in then.values())


def to_json(value: Since) -> bytes:
    """The content of a `since.json`, in canonical form."""
    import rfc8785

    return rfc8785.dumps(json.loads(_adapter().dump_json(value)))


def read_since(path: Path, record: EvidenceRecord) -> Since | None:
    """What a `since.json` says of the record; None where there is none, or it is about another record.

    Raises:
        OutputError: it is damaged, or of a newer format.
    """
    import pydantic

    raw = content_of(path)
    if raw is None:
        return None
    try:
        found: Since = _adapter().validate_json(raw)
    except pydantic.ValidationError as error:
        raise OutputError(str(path), "cannot be read: damaged, or written by a newer paritygate") from error
    if found.format_version != FORMAT_VERSION:
        raise OutputError(str(path), f"this paritygate reads format version {FORMAT_VERSION}", found.format_version)
    return found if found.record_sha256 == sha256(record) else None


@cache
def _adapter() -> Any:  # noqa: ANN401 - pydantic is imported only when the file is read or written
    from pydantic import TypeAdapter

    return TypeAdapter(Since)
