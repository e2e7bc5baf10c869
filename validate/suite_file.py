"""Read a suite file, and say all that is wrong with it: file, key, rule and value, one mistake a line."""

import dataclasses
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from validate.errors import SuiteError, did_you_mean, one_line
from validate.mistakes import Mistake, key_path
from validate.suite import (
    DEVICE,
    MODEL_KINDS,
    Data,
    DerivedColumn,
    Discover,
    Family,
    Gate,
    LoadedSuite,
    Models,
    NamedSlice,
    Population,
    Release,
    Statement,
    Suite,
)
from validate.suite_claims import Claim, CostPlan
from validate.suite_edge_cases import EDGE_CASE_KINDS, GeneratedCases
from validate.suite_lines import table_lines
from validate.suite_rules import mistakes
from validate.suite_sweep import SweepPlan
from validate.suite_words import FOLDER_NAME, HOOK, NOT_BLANK, SLICE_NAME, Table

MAX_BYTES = 1_000_000  # of a suite file
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Statements(Table):
    """A file of statements."""

    statements: tuple[Statement, ...] = ()


def load_suite(path: str | Path) -> LoadedSuite:
    """The suite in a file, or in the suite.toml of a folder.

    Raises:
        SuiteError: the file cannot be read, or breaks a rule; every mistake is listed.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "suite.toml"
    content = _content(file)
    suite = _checked(Suite, _toml(content, file.name), file.name)
    raise_any([*mistakes(suite), *_edge_case_mistakes(suite)], file.name)
    lines = table_lines(content.decode("utf-8-sig"))
    return LoadedSuite(suite=suite, path=file, sha256=hashlib.sha256(content).hexdigest(), lines=lines)


def load_statements(loaded: LoadedSuite) -> tuple[Statement, ...]:
    """What people state about the release; nothing where the suite names no file.

    Raises:
        SuiteError: as `load_suite`.
    """
    name = loaded.suite.release.statements
    if name is None:
        return ()
    statements = read_document(_Statements, loaded.folder / name, name).statements
    wrong = [
        Mistake(f"statements[{i}].date", "must be a date as in 2026-03-31", statement.date)
        for i, statement in enumerate(statements)
        if not _is_date(statement.date)
    ]
    raise_any(wrong, name)
    return statements


def read_document(kind: type[T], file: Path, name: str) -> T:
    """Another file of the suite as a value of this kind; SuiteError as `load_suite`."""
    return _checked(kind, _toml(_content(file), name), name)


def with_search(loaded: LoadedSuite, *, aim: str | None = None, depth: int | None = None) -> LoadedSuite:
    """The suite with a search, as it declares it itself but for what is given here.

    Raises:
        SuiteError: an aim or depth that is none, or an aim that the models cannot serve.
    """
    declared = dataclasses.asdict(loaded.suite.discover or Discover())
    given = {key: value for key, value in (("aim", aim), ("depth", depth)) if value is not None}
    suite = dataclasses.replace(loaded.suite, discover=_checked(Discover, declared | given, "discover"))
    raise_any(mistakes(suite), loaded.path.name)
    return dataclasses.replace(loaded, suite=suite)


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the suite file, for editors and forms."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TypeAdapter(Suite).json_schema(),
    }


def policy_sha256(suite: Suite) -> str:
    """Hash of what must stay the same from model to model: gate, slices, task and the roles of the data's columns."""
    import rfc8785

    policy = {
        "task": suite.task,
        "gate": dataclasses.asdict(suite.gate),
        "slices": [dataclasses.asdict(entry) for entry in suite.slices],
        "label": suite.data.label,
        "classes": [str(name) for name in suite.data.classes],
        "cluster": suite.data.cluster,
        **({"claims": [dataclasses.asdict(claim) for claim in suite.claims]} if suite.claims else {}),
    }
    if suite.edge_cases:
        policy["edge_cases"] = [dataclasses.asdict(entry) for entry in suite.edge_cases]
    return hashlib.sha256(rfc8785.dumps(policy)).hexdigest()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SuiteError(str(file), f"cannot be read: {reason or error}") from None
    if len(content) > MAX_BYTES:
        raise SuiteError(str(file), f"a suite's files have at most {MAX_BYTES:,} bytes")
    return content


def _toml(content: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SuiteError(name, "is not text in UTF-8", content[error.start : error.start + 8]) from None
    except RecursionError:
        raise SuiteError(name, "is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        line = re.search(r" \(at line (\d+), column \d+\)$", message)
        place = f"{name}: line {line[1]}" if line else name
        raise SuiteError(
            place, f"is not valid TOML: {one_line(message[: line.start()] if line else message)}"
        ) from None


def _checked(kind: type[T], document: dict[str, Any], name: str) -> T:
    """The document as a value of this kind: strict, and with every mistake well placed."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(document, default=str), strict=True)
    except RecursionError:
        raise SuiteError(name, "is nested too deeply") from None
    except ValidationError as error:
        raise_any(_mistakes(error.errors(include_url=False), document, kind), name)
        raise  # an error without a mistake would be pydantic's


def _edge_case_mistakes(suite: Suite) -> list[Mistake]:
    """What is wrong with the edge-case sets; their kinds are imported only where there are any."""
    if not suite.edge_cases:
        return []
    from validate.edge_kinds.catalogue import fitting
    from validate.edge_rules import edge_case_mistakes

    found = edge_case_mistakes(suite)
    for i, spec in enumerate(suite.edge_cases):
        kind = fitting(suite).get(spec.kind) if isinstance(spec, GeneratedCases) else None
        if kind is None or not isinstance(spec, GeneratedCases):
            continue
        try:
            TypeAdapter(kind.options).validate_json(json.dumps(spec.options), strict=True)
        except ValidationError as error:
            wrong = _mistakes(error.errors(include_url=False), dict(spec.options), kind.options)
            found += [it._replace(key=f"edge_cases[{i}].options.{it.key}".rstrip(".")) for it in wrong]
    return found


def raise_any(found: Sequence[Mistake], name: str) -> None:
    """Raise a SuiteError that lists a file's mistakes; nothing where there are none."""
    errors = [SuiteError(f"{name}: {it.key}" if it.key else name, it.rule, it.value) for it in found]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SuiteError(name, "\n  ".join([f"{len(errors)} mistakes", *map(str, errors)]))


def _mistakes(errors: Sequence[ErrorDetails], document: dict[str, Any], kind: type) -> list[Mistake]:
    """One mistake per place: what pydantic says of each branch of a union is joined, the deepest place wins."""
    rules: dict[tuple[str | int, ...], list[str]] = {}
    values: dict[tuple[str | int, ...], object] = {}
    for error in errors:
        place = _place(error, document)
        rules.setdefault(place, []).append(_rule(error, kind))
        values[place] = None if error["type"] in _ABSENT else error["input"]
    return [
        Mistake(key_path(*place), _joined(found), values[place])
        for place, found in rules.items()
        if not any(other[: len(place)] == place for other in rules if other != place)
    ]


def _joined(rules: Sequence[str]) -> str:
    first, *others = dict.fromkeys(rules)
    return " or ".join([first, *(other.removeprefix("must be ") for other in others)])


def _place(error: ErrorDetails, document: dict[str, Any]) -> tuple[str | int, ...]:
    """The keys and indices that lead to the mistake, without the branches of unions that pydantic names between."""
    place: list[str | int] = []
    here: Any = document
    for part in error["loc"]:
        found = here.get(part) if isinstance(here, dict) else None
        if isinstance(here, list) and isinstance(part, int):
            found = here[part]
        if found is not None:
            here = found
            place.append(part)
    if error["type"] == "missing":
        place.append(error["loc"][-1])
    return tuple(place)


def _rule(error: ErrorDetails, kind: type) -> str:
    """The rule in plain words."""
    facts = error.get("ctx", {})
    match error["type"]:
        case "unexpected_keyword_argument":
            return "unknown key" + did_you_mean(error["loc"][-1], _known_keys(error["loc"][:-1], kind))
        case "kind":
            keys = error["input"] if isinstance(error["input"], dict) else ()
            return error["msg"] + "".join(did_you_mean(key, _KIND_KEYS) for key in keys if key not in _KIND_KEYS)
        case "string_pattern_mismatch":
            return _PATTERNS[facts["pattern"]]
    rule = _RULES.get(error["type"])
    return rule.format(**facts) if rule else one_line(error["msg"])


def _known_keys(table: Sequence[str | int], kind: type) -> Iterable[str]:
    """The keys of the table at this place."""
    names = [part for part in table if isinstance(part, str)]
    return [it.name for it in dataclasses.fields(_TABLES.get(names[-1], kind) if names else kind)]


_TABLES: dict[str, Any] = {
    "release": Release,
    "data": Data,
    "columns": DerivedColumn,
    "models": Models,
    **{f"({key})": kind for key, kind in MODEL_KINDS.items()},
    "(by)": Family,
    "(where)": NamedSlice,
    **{f"({key})": kind for key, kind in EDGE_CASE_KINDS.items()},
    "gate": Gate,
    **dict.fromkeys(("populations",), Population),
    "discover": Discover,
    "claims": Claim,
    "cost": CostPlan,
    "sweep": SweepPlan,
    "statements": Statement,
}
_KIND_KEYS = (*MODEL_KINDS, "by", "where", *EDGE_CASE_KINDS)
_ABSENT = frozenset({"missing", "unexpected_keyword_argument"})
_PATTERNS = {
    FOLDER_NAME: "must begin with a letter or digit, and hold only letters, digits, _ - and .",
    HOOK: "must be 'file.py:function', in the suite's own folder",
    DEVICE: "must be auto, cpu, cuda, cuda:1, mps or xpu",
    SLICE_NAME: "must be text without spaces at its ends",
    NOT_BLANK: "must not be empty",
}
_RULES = {
    "missing": "is required",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "dataclass_type": "must be a table",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than": "must be less than {lt:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must not be empty",
}


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
