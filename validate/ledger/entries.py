"""What the ledger keeps of a run, a decision or a signature, and the hash that binds each entry to the one before."""

import hashlib
import json
import zlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from validate.attempts import Attempt
from validate.comparison import Comparison
from validate.decisions import Decision
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, to_json
from validate.outcome import Outcome
from validate.slices import Kind
from validate.waivers import State

Which = Literal["attempt", "run", "decision", "signature"]
ORIGIN = "0" * 64  # what the first entry is bound to
_LARGEST = 512 * 1024 * 1024  # bytes of a record that is unpacked again


class _Body:
    # for pydantic: an interval that too few examples left open has infinite limits
    __pydantic_config__: ClassVar = {"ser_json_inf_nan": "strings"}


@dataclass(frozen=True, kw_only=True)
class SliceSummary(_Body):
    """One slice of a run: enough to follow it over time."""

    name: str
    guard: bool
    flagged: bool
    n: int
    change: float
    low: float
    high: float
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class RunBody(_Body):
    """The facts of one compressed model's run."""

    suite: str
    compressed: str
    run_id: str
    finished: str  # ISO 8601, UTC
    gated: bool  # not a run with --report-only
    attempt: int | None
    metric: str
    rate: bool  # changes are shares of examples
    suite_sha256: str
    policy_sha256: str
    data_sha256: str | None  # None where the data could not be read
    dense_sha256: str | None
    artifact_sha256: str | None  # of the compressed model's weights or recorded answers
    n: int | None  # examples
    outcome: Outcome  # the verdict
    exit_code: int
    line: str
    everything: SliceSummary | None  # all examples; None where nothing was compared
    waived: int = 0  # gating checks that a waiver excuses
    waivers: tuple[str, ...] = ()  # ids of those in force
    waivers_over: tuple[str, ...] = ()  # ids of those that the file still has and that no longer hold
    slices_sha256: str  # of the entry's slices


@dataclass(frozen=True, kw_only=True)
class DecisionBody(_Body):
    """A person's decision about a record."""

    suite: str
    compressed: str
    decision: Decision


@dataclass(frozen=True, kw_only=True)
class SignatureBody(_Body):
    """That a record's evidence was signed."""

    suite: str
    compressed: str
    key: str  # the key's id
    date: str  # ISO 8601


@dataclass(frozen=True, kw_only=True)
class AttemptBody(_Body):
    """That a run began to judge an artifact on a test set: entered before its result is known, so that it counts."""

    attempt: Attempt


Body = RunBody | DecisionBody | SignatureBody | AttemptBody
_KINDS: dict[str, Hashable] = {
    "attempt": AttemptBody,
    "run": RunBody,
    "decision": DecisionBody,
    "signature": SignatureBody,
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is to become an entry, once it has a place in the chain."""

    kind: Which
    subject: str  # SHA-256 of the evidence record that it is about; of an attempt: of the test set
    body: str  # JSON
    slices: str | None = None  # JSON; of a run
    record: bytes | None = None  # of a run: its results.json, packed


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the ledger; slices and record are read on their own."""

    seq: int  # 1, 2, 3, … without gaps
    at: str  # when it was appended: ISO 8601, UTC
    kind: str
    subject: str
    body: str
    prev_sha256: str  # of the entry before; 64 zeros for the first
    sha256: str


def run_draft(record: EvidenceRecord) -> Draft:
    """What is kept of a record."""
    content = to_json(record)
    slices = _dump(tuple[SliceSummary, ...], summaries(record))
    return Draft(
        kind="run",
        subject=hashlib.sha256(content).hexdigest(),
        body=_dump(RunBody, _run_body(record, _sha256(slices))),
        slices=slices,
        record=zlib.compress(content, 9),
    )


def attempt_draft(attempt: Attempt) -> Draft:
    """What is kept of an attempt on a test set."""
    body = _dump(AttemptBody, AttemptBody(attempt=attempt))
    return Draft(kind="attempt", subject=attempt.data_sha256, body=body)


def decision_draft(record: EvidenceRecord, subject: str, decision: Decision) -> Draft:
    """What is kept of a decision about the record with this hash."""
    body = DecisionBody(suite=record.suite.name, compressed=record.compressed_name, decision=decision)
    return Draft(kind="decision", subject=subject, body=_dump(DecisionBody, body))


def signature_draft(record: EvidenceRecord, subject: str, *, key: str, date: str) -> Draft:
    """What is kept of a signature on the evidence of the record with this hash."""
    body = SignatureBody(suite=record.suite.name, compressed=record.compressed_name, key=key, date=date)
    return Draft(kind="signature", subject=subject, body=_dump(SignatureBody, body))


def summaries(record: EvidenceRecord) -> tuple[SliceSummary, ...]:
    """The record's slices in short, in its order."""
    return tuple(_summary(c) for c in record.comparisons)


def _summary(c: Comparison) -> SliceSummary:
    return SliceSummary(
        name=c.slice.name,
        guard=c.slice.guard,
        flagged=c.flagged,
        n=c.slice.n,
        change=c.change.estimate,
        low=c.change.low,
        high=c.change.high,
        outcome=c.outcome,
    )


def body_of(entry: Entry) -> Body:
    """The entry's body; OutputError where it cannot be read."""
    import pydantic

    try:
        body: Body = _adapter(_KINDS[entry.kind]).validate_json(entry.body)
    except (KeyError, pydantic.ValidationError) as error:
        raise OutputError(f"ledger entry {entry.seq}", "cannot be read; see `paritygate history --check`") from error
    return body


def read_slices(text: str) -> tuple[SliceSummary, ...]:
    """The slices of a run; ValueError where they cannot be read."""
    slices: tuple[SliceSummary, ...] = _adapter(tuple[SliceSummary, ...]).validate_json(text)
    return slices


def chained(draft: Draft, *, seq: int, at: str, prev_sha256: str) -> Entry:
    """The draft as the entry with this number, bound to the entry before."""
    digest = _entry_sha256(seq=seq, at=at, kind=draft.kind, subject=draft.subject, body=draft.body, prev=prev_sha256)
    return Entry(
        seq=seq,
        at=at,
        kind=draft.kind,
        subject=draft.subject,
        body=draft.body,
        prev_sha256=prev_sha256,
        sha256=digest,
    )


def faults(entry: Entry, before: Entry | None, slices: str | None, record: bytes | None) -> Iterator[str]:
    """What shows that the entry, or its place after the entry before, is not what was written."""
    last, bound = (0, ORIGIN) if before is None else (before.seq, before.sha256)
    if entry.seq != last + 1:
        gap = f"entry {last + 1} is" if entry.seq == last + 2 else f"entries {last + 1} to {entry.seq - 1} are"
        yield f"{gap} missing"
    elif entry.prev_sha256 != bound:
        yield f"entry {last} is not the one that entry {entry.seq} was bound to: it was changed or replaced"
    digest = _entry_sha256(
        seq=entry.seq, at=entry.at, kind=entry.kind, subject=entry.subject, body=entry.body, prev=entry.prev_sha256
    )
    if digest != entry.sha256:
        yield f"entry {entry.seq} was changed: its hash is not that of its content"
    else:
        yield from _faults_of_parts(entry, slices, record)


def _faults_of_parts(entry: Entry, slices: str | None, record: bytes | None) -> Iterator[str]:
    try:
        body = body_of(entry)
    except OutputError:
        yield f"entry {entry.seq} cannot be read"
        return
    if not isinstance(body, RunBody):
        return
    if slices is None or _sha256(slices) != body.slices_sha256:
        yield f"entry {entry.seq} was changed: its slices are not those that it was written with"
    if record is None or _record_sha256(record) != entry.subject:
        yield f"entry {entry.seq} was changed: its evidence record is not the one that it was written with"


def unpack(record: bytes) -> bytes:
    """The results.json of an entry; ValueError where it cannot be unpacked."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(record, _LARGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof:
        raise ValueError("cut short, or too large")
    return content


def _record_sha256(record: bytes) -> str:
    try:
        return hashlib.sha256(unpack(record)).hexdigest()
    except ValueError:
        return ""


def _run_body(record: EvidenceRecord, slices_sha256: str) -> RunBody:
    data, compressed, dense = record.data, record.compressed, record.dense
    everything = next((c for c in record.comparisons if c.slice.kind is Kind.ALL), None)
    return RunBody(
        suite=record.suite.name,
        compressed=record.compressed_name,
        run_id=record.run.id,
        finished=record.run.finished,
        gated=not record.run.report_only,
        attempt=record.run.attempt,
        metric=record.policy.metric,
        rate=everything is not None and everything.counts is not None,
        suite_sha256=record.suite.sha256,
        policy_sha256=record.suite.policy_sha256,
        data_sha256=None if data is None else data.sha256,
        dense_sha256=None if dense is None else dense.sha256,
        artifact_sha256=None if compressed is None else compressed.sha256,
        n=None if data is None else data.n,
        outcome=record.verdict.outcome,
        exit_code=record.verdict.exit_code,
        line=record.verdict.line,
        everything=None if everything is None else _summary(everything),
        waived=record.verdict.waived,
        waivers=_ids(record, {"in force"}),
        waivers_over=_ids(record, {"expired", "lapsed", "refused"}),
        slices_sha256=slices_sha256,
    )


def _ids(record: EvidenceRecord, states: set[State]) -> tuple[str, ...]:
    return tuple(found.waiver.id for found in record.waivers if found.state in states)


def _entry_sha256(*, seq: int, at: str, kind: str, subject: str, body: str, prev: str) -> str:
    """The hash of an entry's canonical form, to the byte: the body goes in as the text that it is stored as."""
    import rfc8785

    bound: dict[str, int | str] = {
        "seq": seq,
        "at": at,
        "kind": kind,
        "subject": subject,
        "body": body,
        "prev_sha256": prev,
    }
    return hashlib.sha256(rfc8785.dumps(bound)).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _dump(kind: Any, value: object) -> str:  # noqa: ANN401 - a type, or an alias of one
    import rfc8785

    return rfc8785.dumps(json.loads(_adapter(kind).dump_json(value))).decode()


@cache
def _adapter(kind: Any) -> Any:  # noqa: ANN401 - pydantic is imported only when an entry is read or written
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
