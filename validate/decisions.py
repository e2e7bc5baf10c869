"""What people decide about a model: a field of its own beside the tool's verdict, kept next to the evidence."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from validate.errors import OutputError, SuiteError
from validate.evidence import EvidenceRecord, rests_on, sha256
from validate.outcome import Outcome
from validate.wording import same_person

FILE = "decision.json"  # beside the results.json that it is about

# 1: first format.
FORMAT_VERSION = 1

Answer = Literal["go", "conditional", "no-go"]
ANSWERS: tuple[Answer, ...] = ("go", "conditional", "no-go")
_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a named person decided about one compressed model."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    decision: Answer
    by: _Text
    role: _Text
    date: _Day  # when it was decided
    conditions: tuple[_Text, ...] = ()
    expires: _Day | None = None  # its last day; None: it does not expire
    reason: str = ""
    author: str = ""  # of the compressed model, as the suite named it; empty where it named none

    @property
    def by_author(self) -> bool | None:
        """Whether the author decided; None where no author is declared."""
        return same_person(self.by, self.author) if self.author else None


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """All decisions about one record, oldest first: the last one counts."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    format_version: int
    record_sha256: str  # of the results.json that they are about
    as_of: _Day  # the day of the latest one: what had expired by then is said to be expired
    decisions: Annotated[tuple[Decision, ...], Field(min_length=1)]

    @property
    def last(self) -> Decision:
        """The one that counts."""
        return self.decisions[-1]


def expired(decision: Decision, as_of: str) -> bool:
    """Whether the decision's last day lies before the given day."""
    return decision.expires is not None and decision.expires < as_of


def decide(record: EvidenceRecord, decision: Decision, earlier: Decisions | None) -> Decisions:
    """The decisions about a record with one more.

    Raises:
        SuiteError: a decision that this record, its policy or the rules of a decision do not allow.
    """
    for place, rule, value in _refusals(record, decision):
        raise SuiteError(place, rule, value)
    before = () if earlier is None else earlier.decisions
    return Decisions(
        format_version=FORMAT_VERSION,
        record_sha256=sha256(record),
        as_of=decision.date,
        decisions=(*before, decision),
    )


def _refusals(record: EvidenceRecord, decision: Decision) -> Iterator[tuple[str, str, object]]:
    """What speaks against a decision, as place, rule and value."""
    released = decision.decision != "no-go"
    if released and record.run.report_only:
        yield "--decision", "a run that did not gate is no ground for a release: run without", "--report-only"
    if released and record.verdict.outcome is Outcome.ERROR:
        yield "--decision", "nothing can be released on evidence that could not be evaluated", record.verdict.line
    if released and record.verdict.outcome is not Outcome.PASS and not decision.reason.strip():
        rule = f"a release against the verdict {record.verdict.outcome} needs its reason in words"
        yield "--reason", rule, decision.reason or None
    first = next(iter(rests_on(record)), None)
    if released and first is not None and first.expires < decision.date:
        rule = f"the verdict rests on waiver {first.id}, which expired on {first.expires}: run again"
        yield "--decision", rule, decision.decision
    if decision.decision == "conditional" and not decision.conditions:
        yield "--condition", "a conditional decision names at least one condition", None
    if decision.decision == "go" and decision.conditions:
        yield "--condition", "a go has no conditions; with conditions it is", "conditional"
    if decision.expires is not None and decision.expires < decision.date:
        yield "--expires", f"must not lie before today, {decision.date}", decision.expires
    if record.policy.author_may_not_decide:
        if not decision.author:
            yield "[release] author", "must name the author: the policy lets the author not decide", None
        elif decision.by_author:
            yield "--by", "the policy lets the author of the compressed model not decide", decision.by


def read_decisions(path: Path, record: EvidenceRecord) -> Decisions | None:
    """The decisions in a `decision.json`; None where there is none.

    Raises:
        OutputError: it is damaged, of a newer format, or about another record than the given one.
    """
    import pydantic

    raw = content_of(path)
    if raw is None:
        return None
    _refuse_version(path, raw)
    try:
        found: Decisions = _adapter().validate_json(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OutputError(f"{path}: {where}", f"does not fit its schema: {first['msg']}") from error
    if found.record_sha256 != sha256(record):
        rule = "is about another results.json than the one beside it; move it away, then decide again"
        raise OutputError(str(path), rule, found.record_sha256)
    return found


def content_of(path: Path) -> bytes | None:
    """What a file holds; None where there is no such file. OutputError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(str(path), f"cannot be read: {error.strerror or error}") from error


def _refuse_version(path: Path, raw: bytes) -> None:
    try:
        version = json.loads(raw)["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(str(path), "is no file of decisions: truncated, or not written by paritygate") from error
    if version != FORMAT_VERSION:
        rule = f"has format version {version}; this paritygate reads version {FORMAT_VERSION}"
        raise OutputError(str(path), rule)


def to_json(decisions: Decisions) -> bytes:
    """The content of a `decision.json`, in canonical form."""
    import rfc8785

    return rfc8785.dumps(json.loads(_adapter().dump_json(decisions)))


@cache
def _adapter() -> Any:  # noqa: ANN401 - pydantic is imported only when a decision is read or written
    from pydantic import TypeAdapter

    return TypeAdapter(Decisions)
