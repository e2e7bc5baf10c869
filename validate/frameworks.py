"""Rows of a risk framework, each with what this run recorded about it and what only people can state.

A framework is a TOML file in `reports/frameworks`; the code knows none of them by name.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

from validate import wording
from validate.errors import SuiteError
from validate.evidence import EvidenceRecord
from validate.places import reports_dir
from validate.stats.results import Interval
from validate.suite import Statement

NOT_RECORDED = "not recorded in this run"
MOST_VALUES = 6  # values of one path that are written out
_STEP = re.compile(r"(?P<name>\w+)(?P<filters>(\[[\w.]+=[^\]]*\])*)(\.|$)")
_FILTER = re.compile(r"\[([\w.]+)=([^\]]*)\]")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where the record holds something that bears on a row."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    path: str  # "data.sha256", "checks[kind=policy].reason"; a list at its end is counted
    label: str
    section: str  # of the report, that shows it in full


@dataclass(frozen=True, kw_only=True)
class RowSpec:
    """A row as its file declares it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    level: str  # one of the framework's levels
    title: str
    paraphrase: str
    evidence: tuple[Evidence, ...]
    human_needed: tuple[str, ...] = ()
    out_of_scope: str = ""
    guard: str = ""  # how the row must not be read


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A framework's rows, in its own order."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    framework: str
    short: str
    framework_version: str
    footer: str  # whose mapping this is
    levels: Mapping[str, str]  # level -> what it means
    rows: tuple[RowSpec, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the record holds under one path, as text."""

    label: str
    text: str
    section: str


@dataclass(frozen=True, kw_only=True)
class FrameworkRow:
    """A row with what this run recorded, and what people stated; both may be empty."""

    spec: RowSpec
    found: tuple[Found, ...]
    statements: tuple[Statement, ...]


def frameworks(folder: Path | None = None) -> tuple[Framework, ...]:
    """All frameworks of a folder (else the shipped ones), by file name; SuiteError for a file that cannot be read."""
    files = sorted((folder or reports_dir() / "frameworks").glob("*.toml"))
    return tuple(read_framework(file) for file in files)


def read_framework(path: Path) -> Framework:
    """The framework in a TOML file; SuiteError with place and rule for a row that says something it cannot hold."""
    import pydantic

    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SuiteError(str(path), f"cannot be read as TOML: {error}") from error
    try:
        found = pydantic.TypeAdapter(Framework).validate_json(json.dumps(parsed, default=str), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = f"{path.name}: {'.'.join(str(part) for part in first['loc'])}"
        raise SuiteError(place, first["msg"], first["input"]) from error
    for row in found.rows:
        if row.level not in found.levels:
            raise SuiteError(f"{path.name}: {row.id}.level", f"must be one of {', '.join(found.levels)}", row.level)
    return found


def rows(framework: Framework, record: EvidenceRecord) -> tuple[FrameworkRow, ...]:
    """Every row, in the framework's order, with what the record holds; SuiteError for a path that leads nowhere."""
    return tuple(
        FrameworkRow(
            spec=spec,
            found=tuple(Found(label=e.label, text=_found(record, e.path), section=e.section) for e in spec.evidence),
            statements=tuple(s for s in record.suite.statements if s.id == spec.id),
        )
        for spec in framework.rows
    )


def unplaced(frameworks: Sequence[Framework], record: EvidenceRecord) -> tuple[Statement, ...]:
    """Statements whose id is no row of any framework: shown all the same."""
    known = {row.id for framework in frameworks for row in framework.rows}
    return tuple(s for s in record.suite.statements if s.id not in known)


def _found(record: EvidenceRecord, path: str) -> str:
    """The value at the path as text; of a list, how many there are (of how many, where a filter comes last)."""
    values: list[Any] = [record]
    listed: int | None = None  # size of the last list before its last filter, while nothing follows it
    for name, filters in _steps(path):
        values, listed = _step(values, name, path)
        for key, wanted in filters:
            listed = len(values)
            values = [value for value in values if _plain(_follow(value, key, path)) == wanted]
    filtered = path.endswith("]")
    if listed is not None and (not values or _is_value(values[0]) or filtered):
        return f"{wording.count(len(values))} of {wording.count(listed)}" if filtered else wording.count(len(values))
    return _text(values)


def _steps(path: str) -> list[tuple[str, list[tuple[str, str]]]]:
    found, end = [], 0
    for match in _STEP.finditer(path):
        if match.start() != end:
            break
        found.append((match["name"], _FILTER.findall(match["filters"])))
        end = match.end()
    if not found or end != len(path) or path.endswith("."):
        raise SuiteError(path, "is no path into the evidence record")
    return found


def _step(values: Sequence[Any], name: str, path: str) -> tuple[list[Any], int | None]:
    """One step into each of the values, lists laid flat; and the list's size where it is one."""
    found: list[Any] = []
    listed: int | None = None
    for value in values:
        inside = _follow(value, name, path)
        if isinstance(inside, tuple):
            found.extend(inside)
            listed = (listed or 0) + len(inside)
        elif inside is not None:
            found.append(inside)
    return found, listed


def _follow(value: Any, path: str, whole: str) -> Any:  # noqa: ANN401 - a record holds values of many types
    for name in path.split("."):
        if value is None:
            return None
        if isinstance(value, Mapping):
            value = value.get(name)
        elif is_dataclass(value) and name in value.__dataclass_fields__:
            value = getattr(value, name)
        else:
            raise SuiteError(whole, "is no path into the evidence record", name)
    return value


def _is_value(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, Interval)


def _text(values: Sequence[Any]) -> str:
    texts = [_plain(value) for value in values]
    return wording.listing([text for text in texts if text], MOST_VALUES) or NOT_RECORDED


def _plain(value: object) -> str:
    """A value as a filter and a reader see it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:,}" if isinstance(value, int) else f"{value:.6g}".replace("-", "−")
        case Interval():
            limits = f"{_plain(value.low)} to {_plain(value.high)}"
            return f"{_plain(value.estimate)} ({value.level:.0%} interval {limits}; {value.method})"
        case Mapping():
            return "; ".join(f"{key} {item}" for key, item in sorted(value.items()))
        case _:
            return "" if value is None else str(value)
