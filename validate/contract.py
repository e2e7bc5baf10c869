"""The data contract: Great Expectations' expectations, run before any model."""

import logging
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from validate.errors import SuiteError, did_you_mean, one_line
from validate.outcome import Outcome

# Conditions are strings that pandas would evaluate, and a suite file never runs code.
CODE = frozenset({"row_condition", "condition_parser", "unexpected_rows_query"})
# Great Expectations' own bookkeeping, which would change nothing here or hide a failure.
BOOKKEEPING = frozenset(
    {"batch_id", "catch_exceptions", "id", "meta", "rendered_content", "result_format", "severity", "windows"}
)


# What is asked of each value or row and yet looks at others; and what is asked of a table's columns, not of its rows.
_ACROSS_ROWS = ("to_be_unique", "increasing", "decreasing", "z_scores")
_OF_COLUMNS = frozenset(
    {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)


@dataclass(frozen=True, kw_only=True)
class ContractResult:
    """One expectation of the data contract."""

    expectation: str  # "expect_column_values_to_not_be_null"
    subject: str  # the column, or "" for the table
    outcome: Outcome  # PASS | FAIL (does not hold) | ERROR (could not be evaluated)
    reason: str


def check_contract(frame: pd.DataFrame, path: Path) -> tuple[ContractResult, ...]:
    """Every expectation of a contract file on the data, in the file's order; nothing is written or sent anywhere.

    Raises:
        SuiteError: a file that is missing, malformed or without expectations, an unknown expectation, or arguments
            that it does not take.
    """
    place = path.name
    declared = _declared(path, place)
    with _quiet():
        import great_expectations as gx

        expectations = [_expectation(entry, f"{place}: expectations[{i}]", i) for i, entry in enumerate(declared)]
        suite = gx.ExpectationSuite(name=path.stem, expectations=expectations)
        try:
            results = _batch(frame).validate(suite).results
        except Exception as failure:  # such as a {"$PARAMETER": …}: what a single expectation raises comes as a result
            raise SuiteError(place, f"could not be run: {one_line(failure)}") from failure
    by_position = {result.expectation_config.meta["position"]: result for result in results}
    return tuple(_result(entry, by_position[i], frame) for i, entry in enumerate(declared))


def check_row_wise(path: Path) -> None:
    """Refuse what speaks of all rows together: batches can only be held to what holds of each row, or of the columns.

    Raises:
        SuiteError: as `check_contract`, and for an expectation whose answer is not that of all batches.
    """
    place = path.name
    declared = _declared(path, place)
    with _quiet():
        from great_expectations.expectations import expectation, registry

        bases = (
            expectation.ColumnMapExpectation,
            expectation.ColumnPairMapExpectation,
            expectation.MulticolumnMapExpectation,
        )
        for i, entry in enumerate(declared):
            _expectation(entry, f"{place}: expectations[{i}]", i)
            name = entry["type"]
            by_row = issubclass(registry.get_expectation_impl(name), bases)
            across = any(word in name for word in _ACROSS_ROWS) or entry.get("mostly", 1) < 1
            if name not in _OF_COLUMNS and (across or not by_row):
                rule = "speaks of all rows together, and [data] batch_rows reads a batch at a time: remove one of them"
                raise SuiteError(f"{place}: expectations[{i}]", rule, name)


def combined(known: Sequence[ContractResult], more: Sequence[ContractResult]) -> tuple[ContractResult, ...]:
    """The results of two batches together: the first that does not hold speaks for all."""
    if not known:
        return tuple(more)
    return tuple(b if a.outcome is Outcome.PASS else a for a, b in zip(known, more, strict=True))


def _declared(path: Path, place: str) -> Sequence[Mapping[str, Any]]:
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise SuiteError(place, f"could not be read: {failure.strerror}") from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SuiteError(place, f"is not TOML: {one_line(failure)}") from failure
    others = [key for key in parsed if key != "expectations"]
    if others:
        raise SuiteError(place, "a contract holds [[expectations]] and nothing else", others[0])
    declared = parsed.get("expectations")
    if not isinstance(declared, list) or not declared:
        raise SuiteError(place, "a contract needs at least one [[expectations]]")
    for i, entry in enumerate(declared):
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            raise SuiteError(f"{place}: expectations[{i}]", 'must be a table with type = "expect_…"', entry)
    return declared


def _expectation(entry: Mapping[str, Any], place: str, position: int) -> Any:  # noqa: ANN401  # its class is imported when called
    from great_expectations.expectations import registry
    from pydantic.v1 import ValidationError  # what Great Expectations validates its arguments with

    name, arguments = entry["type"], {key: _timestamp(value) for key, value in entry.items() if key != "type"}
    known = registry.list_registered_expectation_implementations()
    if name not in known:
        raise SuiteError(place, f"there is no such expectation{did_you_mean(name, known)}", name)
    if arguments.keys() & CODE:
        rule = "conditions that run as code are not allowed; use a derived column"
        raise SuiteError(place, rule, min(arguments.keys() & CODE))
    implementation = registry.get_expectation_impl(name)
    takes = implementation.__fields__.keys() - BOOKKEEPING
    unknown = [key for key in arguments if key not in takes]
    if unknown:
        raise SuiteError(place, f"{name} takes no argument {unknown[0]!r}{did_you_mean(unknown[0], takes)}")
    try:
        return implementation(**arguments, meta={"position": position})
    except (ValidationError, ValueError, TypeError) as failure:
        raise SuiteError(place, f"{name}: {_first_error(failure)}", arguments) from failure


def _timestamp(value: Any) -> Any:  # noqa: ANN401  # whatever TOML holds
    """A TOML date as the midnight that it begins with: columns hold timestamps."""
    if isinstance(value, list):
        return [_timestamp(item) for item in value]
    return datetime.combine(value, time()) if type(value) is date else value


def _first_error(failure: Exception) -> str:
    errors: list[dict[str, Any]] = getattr(failure, "errors", list)()
    if not errors:
        return one_line(failure)
    where = ".".join(str(part) for part in errors[0]["loc"] if part != "__root__")
    return f"{where}: {errors[0]['msg']}" if where else str(errors[0]["msg"])


def _batch(frame: pd.DataFrame) -> Any:  # noqa: ANN401  # its class is imported when called
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("data").add_dataframe_asset("data")
    return asset.add_batch_definition_whole_dataframe("data").get_batch({"dataframe": frame})


def _result(entry: Mapping[str, Any], result: Any, frame: pd.DataFrame) -> ContractResult:  # noqa: ANN401  # as above
    raised, column = _raised(result.exception_info), entry.get("column")
    if raised and column is not None and column not in frame:
        outcome, reason = Outcome.ERROR, f"there is no column {column!r}{did_you_mean(column, frame.columns)}"
    elif raised:
        outcome, reason = Outcome.ERROR, f"could not be evaluated: {one_line(raised)}"
    elif result.success:
        outcome, reason = Outcome.PASS, "holds"
    else:
        outcome, reason = Outcome.FAIL, f"does not hold{_observed(result.result)}{_asked(entry)}"
    subject = entry.get("column") or entry.get("column_list") or entry.get("column_set") or ""
    return ContractResult(
        expectation=entry["type"],
        subject=subject if isinstance(subject, str) else ", ".join(map(str, subject)),
        outcome=outcome,
        reason=reason,
    )


def _raised(info: Mapping[str, Any]) -> str:
    """The message of an exception: beside its flag, or under the id of the metric that raised it."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else ""
    return next((_raised(inner) for inner in info.values() if _raised(inner)), "")


def _observed(result: Mapping[str, Any]) -> str:
    """What was found instead, as Great Expectations reports it: a value, failing rows, or members of a set."""
    if result.get("observed_value") is not None:
        return f": observed {one_line(result['observed_value'], 200)}"
    unexpected = _some(result.get("partial_unexpected_list", []))
    if "element_count" in result:
        return f": {result['unexpected_count']:,} of {result['element_count']:,} values, such as {unexpected}"
    missing = _some(result.get("partial_missing_list", []))
    found = [f"{what} {values}" for what, values in (("unexpected", unexpected), ("missing", missing)) if values]
    return f": {', '.join(found)}" if found else ""


def _some(values: Sequence[object]) -> str:
    return one_line(", ".join(map(_shown, values[:3])), 100)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _asked(entry: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{key} = {_shown(value)}" for key, value in entry.items() if key not in {"type", "column"})
    return f"; asked was {one_line(arguments, 200)}" if arguments else ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Great Expectations and what it imports say nothing; the caller's settings come back after."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
