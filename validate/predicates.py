"""Predicates on the columns of a table: parse, check against the columns, evaluate.

What is missing is unknown (three-valued logic), and the unknown is never selected: not under `not`, `!=` or `not in`
either; `is None` is the only way to select it.
"""

import datetime
import decimal
import keyword
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validate.columns import Kind, Values, kind_of, values_of
from validate.errors import SuiteError, did_you_mean
from validate.where import (
    Among,
    Arithmetic,
    Column,
    Compare,
    Constant,
    Logic,
    Method,
    Missing,
    Node,
    Not,
    columns_of,
    read,
)

if TYPE_CHECKING:  # a suite file is read without pandas
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """A condition on the columns of a table."""

    source: str  # as written
    place: str  # where it was written, for errors
    tree: Node
    columns: tuple[str, ...]  # that it reads, in the order of first use


def parse(source: str, place: str) -> Predicate:
    """The predicate that a text says, without a look at any data.

    Raises:
        SuiteError: the text is too long, too deep, or not in the language.
    """
    tree = read(source, place)
    return Predicate(source=source, place=place, tree=tree, columns=tuple(dict.fromkeys(columns_of(tree))))


def kinds(frame: "pd.DataFrame") -> dict[str, Kind]:
    """What each column holds."""
    return {str(name): kind_of(series) for name, series in frame.items()}


def check(predicate: Predicate, frame_kinds: Mapping[str, Kind]) -> None:
    """Pass when the predicate can be evaluated on columns of these kinds.

    Raises:
        SuiteError: it reads an unknown column, mixes kinds, or is no condition on any column.
    """
    for name in predicate.columns:
        if name not in frame_kinds:
            raise SuiteError(predicate.place, f"unknown column{did_you_mean(name, frame_kinds)}", name)
    try:
        _condition(predicate.tree, frame_kinds)
    except _RefusedError as refused:
        raise SuiteError(predicate.place, str(refused), predicate.source) from None


def evaluate(predicate: Predicate, frame: "pd.DataFrame") -> NDArray[np.bool_]:
    """Which rows the predicate selects, shape (n,).

    Raises:
        SuiteError: as `check`.
    """
    known_columns = set(predicate.columns) <= set(frame.columns)
    frame_kinds = kinds(frame[list(predicate.columns)] if known_columns else frame)
    check(predicate, frame_kinds)
    return _values(predicate.tree, {name: values_of(frame[name], frame_kinds[name]) for name in predicate.columns}).data


def quote_column(name: str) -> str:
    """A column's name as a predicate spells it: as it is, or between backticks."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and not keyword.iskeyword(name):
        return name
    return "`" + name.replace("`", "``") + "`"


def equals(column: str, value: object) -> str:
    """A predicate, ready to paste, for the rows whose value in the column is this one; missing values included."""
    import pandas as pd  # a suite file is read without pandas

    name = quote_column(column)
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 NaN is unlike itself
        return f"{name} is None"
    if isinstance(value, np.generic):
        value = pd.Timestamp(value) if isinstance(value, np.datetime64) else value.item()
    if isinstance(value, (bool, int)):
        written = repr(value)
    elif isinstance(value, (float, decimal.Decimal)):
        written = repr(float(value)).replace("inf", "1e999")  # there is no other way to write it
    else:
        written = repr(value.isoformat() if isinstance(value, datetime.date) else str(value))
    return f"{name} == {written}"


class _RefusedError(Exception):
    """A predicate that does not fit the columns."""


def _condition(node: Node, frame_kinds: Mapping[str, Kind]) -> None:
    if isinstance(node, Constant) or _kind(node, frame_kinds) != "boolean":
        raise _RefusedError(f"{_described(node, frame_kinds)} is no condition")


def _kind(node: Node, frame_kinds: Mapping[str, Kind]) -> Kind:  # noqa: PLR0912 one case per kind of node
    """The kind of a node's values, after checking all that is in it."""
    match node:
        case Column(name):
            return frame_kinds[name]
        case Constant(value):
            return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
        case Arithmetic(_, left, right):
            for side in (left, right):
                if _kind(side, frame_kinds) != "number":
                    raise _RefusedError(f"arithmetic needs numbers, and {_described(side, frame_kinds)} is none")
            return "number"
        case Method(name, subject):
            if isinstance(subject, Constant) or _kind(subject, frame_kinds) != "text":
                raise _RefusedError(
                    f".{name}() is for a column of text, and {_described(subject, frame_kinds)} is none"
                )
            return "text" if name == "lower" else "boolean"
        case Compare(how, left, right):
            _comparable(left, right, frame_kinds)
            if how not in ("==", "!=") and _kind(left, frame_kinds) == "boolean":
                raise _RefusedError(f"{_described(left, frame_kinds)} has no order")
        case Among(subject, constants):
            for constant in constants:
                _comparable(subject, constant, frame_kinds)
        case Missing(subject):
            _kind(subject, frame_kinds)
            if not [*columns_of(subject)]:
                raise _RefusedError("a constant is never missing")
        case Not(operand):
            _condition(operand, frame_kinds)
        case Logic(_, operands):
            for operand in operands:
                _condition(operand, frame_kinds)
    return "boolean"


def _comparable(left: Node, right: Node, frame_kinds: Mapping[str, Kind]) -> None:
    one, other = _kind(left, frame_kinds), _kind(right, frame_kinds)
    if not [*columns_of(left), *columns_of(right)]:
        raise _RefusedError("constants are not compared with each other; a column's name has no quotes")
    if "time" in (one, other):
        for side in (left, right):
            if isinstance(side, Constant) and isinstance(side.value, str):
                _instant(side.value)
                return
    if one != other or one == "other":
        raise _RefusedError(f"{_described(left, frame_kinds)} and {_described(right, frame_kinds)} cannot be compared")


def _described(node: Node, frame_kinds: Mapping[str, Kind]) -> str:
    kind = _kind(node, frame_kinds)
    what = "of mixed or unsupported values" if kind == "other" else kind
    match node:
        case Column(name):
            return f"column {name!r} ({what})"
        case Constant(value):
            return f"{value!r} ({what})"
    return f"the {what}"


def _instant(text: str) -> np.datetime64:
    """An ISO 8601 date or time; without a zone it is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise _RefusedError(f"a time is compared with an ISO date such as '2026-03-31', and {text!r} is none") from None
    return np.datetime64(moment, "us")


_ARITHMETIC: dict[str, Callable[..., Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_COMPARING: dict[str, Callable[..., Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _values(node: Node, columns: Mapping[str, Values]) -> Values:  # noqa: PLR0911 one case per kind of node
    """A node's values; conditions have no true value that is not known."""
    match node:
        case Column(name):
            return columns[name]
        case Constant(value):
            return Values(np.asarray(value, dtype=object if isinstance(value, str) else None), np.asarray(True))
        case Arithmetic(how, left, right):
            return _calculated(how, _values(left, columns), _values(right, columns))
        case Compare(how, left, right):
            return _compared(how, _values(left, columns), _values(right, columns))
        case Among(subject, constants):
            of = _values(subject, columns)
            hits = [_compared("==", of, _values(constant, columns)).data for constant in constants]
            return Values(np.logical_or.reduce(hits), of.known)
        case Missing(subject):
            known = _values(subject, columns).known
            return Values(~known, np.ones_like(known))
        case Method(name, subject, argument):
            return _text_method(name, _values(subject, columns), argument)
        case Not(operand):
            of = _values(operand, columns)
            return Values(~of.data & of.known, of.known)
        case Logic(word, operands):
            parts = [_values(operand, columns) for operand in operands]
            return _joined(word, parts)


def _calculated(how: str, left: Values, right: Values) -> Values:
    """Arithmetic in double precision; what has no result, such as a division by zero, is missing."""
    with np.errstate(all="ignore"):
        data = _ARITHMETIC[how](left.data.astype(np.float64), right.data.astype(np.float64))
    known = left.known & right.known & ~np.isnan(data)
    return Values(data, known & (right.data != 0) if how == "/" else known)


def _compared(how: str, left: Values, right: Values) -> Values:
    one, other = left.data, right.data
    if one.dtype.kind == "M" and other.dtype == object:
        other = np.asarray(_instant(other.item()))
    elif other.dtype.kind == "M" and one.dtype == object:
        one = np.asarray(_instant(one.item()))
    known = left.known & right.known
    return Values(np.asarray(_COMPARING[how](one, other), dtype=np.bool_) & known, known)


def _text_method(name: str, of: Values, argument: str) -> Values:
    texts: list[str] = of.data.tolist()
    if name == "lower":
        lowered = np.empty(len(texts), dtype=object)
        lowered[:] = [text.lower() for text in texts]
        return Values(lowered, of.known)
    hits = [argument in text for text in texts] if name == "contains" else [t.startswith(argument) for t in texts]
    return Values(np.asarray(hits, dtype=np.bool_) & of.known, of.known)


def _joined(word: str, parts: list[Values]) -> Values:
    """Kleene's logic: one false decides an `and`, one true decides an `or`, whatever is unknown."""
    true, known = parts[0]
    for part in parts[1:]:
        both = known & part.known
        if word == "and":
            true, known = true & part.data, both | (known & ~true) | (part.known & ~part.data)
        else:
            true, known = true | part.data, both | true | part.data
    return Values(true, known)
