"""The evidence record: everything a run knows, from which every other file is rendered."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from validate.artifact_profile.cost import Cost
from validate.artifact_profile.stored import CompressionProfile
from validate.checks import BlindSpot, Note
from validate.comparison import Comparison
from validate.contract import ContractResult
from validate.declared import DeclaredTable
from validate.discovery import Discovery
from validate.disparity import Disparity
from validate.edge_cases.evidence import EdgeEvidence
from validate.edge_cases.review import ReviewQueue
from validate.errors import OutputError
from validate.gate import CheckResult, Verdict
from validate.methods import Method
from validate.populations import PopulationResult
from validate.predictions import ModelIdentity
from validate.preflight import NoiseFloor
from validate.suite import Gate, Release, Statement
from validate.suite_claims import Claim
from validate.suite_words import Task
from validate.waiver_file import Waiver
from validate.waivers import Assessed, Case

# 1: first format.
# 2: what a run can do beyond the gate: every field that version 1 lacks has a default, so its records are still read.
FORMAT_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What differs between two runs of the same inputs: times and commands live here and nowhere else."""

    id: str
    started: str  # ISO 8601, UTC
    finished: str
    command: str
    report_only: bool  # the run did not gate
    attempt: int | None  # which gate attempt on this test set, as far as the output folder remembers; None: not counted
    seconds: Mapping[str, float]  # wall time per stage
    reused: Mapping[str, int] = field(default_factory=dict)  # answers of each model that came from the cache
    cache_damaged: int = 0  # pieces of the cache that were found damaged, and computed again
    cost: Cost | None = None  # what answers cost on this machine; measured, so never the same twice
    suite_path: str = ""  # the suite file as its repository knows it, else as the working directory does


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A file of the suite's own that took part, or could have."""

    path: str  # relative to the suite's folder
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SuiteFacts:
    """Which suite, and what it declares."""

    name: str
    task: Task
    seed: int
    file: str  # name of the suite file
    sha256: str
    policy_sha256: str  # of gate, slices and data roles: what must not change between models
    release: Release
    statements: tuple[Statement, ...]
    hooks: tuple[Hook, ...]
    files: tuple[
        Hook, ...
    ] = ()  # what else lies beside the suite file, where hooks can read it; data and weights apart
    tables: tuple[DeclaredTable, ...] = ()  # of the suite file: where each check is declared
    claims: tuple[Claim, ...] = ()  # that are about this compressed model
    compressed_names: tuple[str, ...]  # all that the suite names: judging several and shipping the best is said


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Which examples."""

    source: str
    sha256: str
    n: int
    label: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    clusters: int | None  # how many sampled units, where rows are not independent
    train_n: int | None


@dataclass(frozen=True, kw_only=True)
class EvidenceRecord:
    """One compressed model's evidence."""

    # for pydantic: an interval that too few examples left open has infinite limits
    __pydantic_config__: ClassVar = {"ser_json_inf_nan": "strings", "extra": "forbid"}

    format_version: int
    tool: Mapping[str, str]  # name, version
    run: RunFacts
    suite: SuiteFacts
    policy: Gate
    data: DataFacts | None  # None when the data could not be read
    contract: tuple[ContractResult, ...]
    dense: ModelIdentity | None
    compressed: ModelIdentity | None
    compressed_name: str
    missing_answers: int  # of the compressed model, counted as wrong
    comparisons: tuple[Comparison, ...]  # "all" first, then guarded, then the others; empty when nothing was evaluated
    disparities: tuple[Disparity, ...]
    checks: tuple[CheckResult, ...]
    verdict: Verdict
    waivers: tuple[Assessed, ...] = ()  # of this model, with what became of each on the day when the run began
    blind_spots: tuple[BlindSpot, ...]
    notes: tuple[Note, ...]
    methods: tuple[Method, ...]
    review: ReviewQueue | None = None  # of all compressed models of the run; None for one alone, or a regression
    edge_cases: EdgeEvidence | None = None  # None where the suite has none, or they were not reached
    profile: CompressionProfile | None = None  # what was compressed; None where no model was opened
    environment: Mapping[str, str]  # python, platform, cpu, torch, … versions
    noise_floor: NoiseFloor | None = None  # of the dense model against itself; None where it could not be measured
    discovery: Discovery | None = None  # what a search found, where the suite asks for one; never gates
    populations: tuple[PopulationResult, ...] = ()  # several trainings per side, where named; never gates

    @cached_property
    def canonical(self) -> bytes:
        """The record in its canonical form, made once for all files that quote its hash."""
        import rfc8785

        return rfc8785.dumps(as_json(self))


def case_of(record: EvidenceRecord) -> Case:
    """What the record's waivers depend on beside what was found: it was judged on the day when its run began."""
    return Case(
        compressed=record.compressed_name,
        sha256=record.compressed.sha256 if record.compressed else None,
        author=record.suite.release.author,
        date=datetime.fromisoformat(record.run.started).date(),
    )


def rests_on(record: EvidenceRecord) -> tuple[Waiver, ...]:
    """The waivers that excuse a gating check of the record, the first to end first."""
    used = {name for check in record.checks if check.gates and check.excused for name in check.waived}
    return tuple(sorted((it.waiver for it in record.waivers if it.waiver.id in used), key=lambda it: it.expires))


def to_json(record: EvidenceRecord) -> bytes:
    """The record in the canonical form of RFC 8785: the same record has the same bytes, and so one hash.

    Infinite limits (of an interval that too few examples left open) are written as "Infinity" and "-Infinity".
    """
    return record.canonical


def as_json(record: EvidenceRecord) -> dict[str, Any]:
    """The record as JSON values."""
    document: dict[str, Any] = json.loads(
        _adapter().dump_json(replace(record, checks=tuple(map(_open, record.checks))))
    )
    return document


def _open(check: CheckResult) -> CheckResult:
    """The check with infinite numbers as text: in a union, pydantic would write null."""
    infinite = {name: _INFINITE_TEXT[x] for name, x in check.numbers.items() if x in _INFINITE_TEXT}
    return replace(check, numbers={**check.numbers, **infinite}) if infinite else check


def is_canonical(raw: bytes) -> bool:
    """Whether these are the bytes that RFC 8785 gives what they say."""
    import rfc8785

    return rfc8785.dumps(json.loads(raw)) == raw


def sha256(record: EvidenceRecord) -> str:
    """The hash of the record's canonical form, in hex."""
    return hashlib.sha256(to_json(record)).hexdigest()


def read_record(path: Path) -> EvidenceRecord:
    """The record in a `results.json`; OutputError where it is missing, damaged or of a newer format."""
    import pydantic

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise OutputError(str(path), f"cannot be read: {error.strerror or error}") from error
    try:
        version = json.loads(raw)["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(str(path), "is not an evidence record: truncated, or not written by paritygate") from error
    if version not in range(1, FORMAT_VERSION + 1):
        rule = f"has format version {version}; this paritygate reads versions 1 to {FORMAT_VERSION}"
        raise OutputError(str(path), rule)
    try:
        record: EvidenceRecord = _adapter().validate_json(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OutputError(f"{path}: {where}", f"does not fit the record's schema: {first['msg']}") from error
    try:
        case_of(record)
    except ValueError as error:
        raise OutputError(f"{path}: run.started", "must be a date and a time", record.run.started) from error
    return record


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of `results.json`."""
    schema = _adapter().json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "paritygate results",
        **_open_numbers(schema),
    }


_INFINITE_TEXT = {math.inf: "Infinity", -math.inf: "-Infinity"}
_INFINITE = {"enum": ["Infinity", "-Infinity", "NaN"]}


def _open_numbers(node: Any) -> Any:  # noqa: ANN401 - JSON is of any type
    """The schema with infinite numbers allowed in the form in which they are written."""
    if isinstance(node, list):
        return [_open_numbers(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "number":
        rest = {key: value for key, value in node.items() if key != "type"}
        return {"anyOf": [{"type": "number"}, _INFINITE], **rest}
    return {key: _open_numbers(value) for key, value in node.items()}


@cache
def _adapter() -> Any:  # noqa: ANN401 - pydantic is imported only when a record is read or written
    from pydantic import TypeAdapter

    return TypeAdapter(EvidenceRecord)
