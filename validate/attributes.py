"""A column of the data as small integer codes: its values, or bins of its numbers."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import DataError, SuiteError, did_you_mean
from validate.predicates import equals, quote_column
from validate.suite import Family, Suite

Codes = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]
MOST_VALUES = 1_000  # distinct values of a text column
MOST_NUMBERS = 200  # distinct values of a column of whole numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """A column as small integer codes."""

    name: str  # the column's; "label" for the true class
    codes: Codes  # (n,) index into levels; len(levels) where the value is missing
    levels: tuple[str, ...]  # values or bins as text, in their natural order
    where: tuple[str, ...]  # per level, the predicate that selects it

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.where):
            raise ValueError("levels and where must have one length")
        self.codes.setflags(write=False)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Examples per level, and last those where the value is missing: (len(levels) + 1,)."""
        return np.bincount(self.codes, minlength=len(self.levels) + 1)

    def at(self, rows: NDArray[np.intp]) -> "Attribute":
        """The same levels, on some examples."""
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """A column of the data, coded, with the families that use it and the size of its levels."""

    name: str  # in the data
    attribute: Attribute
    families: tuple[int, ...]  # positions in suite.slices; empty for the label
    n: NDArray[np.int64]  # (levels,) examples
    train_share: NDArray[np.float64] | None  # (levels,)
    rare: NDArray[np.bool_]  # (levels,) under-represented


def coded_columns(dataset: Dataset, suite: Suite) -> tuple[Column, ...]:
    """The label's classes first, where there are any; then each column of a family, once per way of binning it."""
    columns = []
    if dataset.classes:
        attribute = _class_attribute(dataset, suite.data.label)
        columns.append(_column(dataset, suite, suite.data.label, attribute=attribute))
    users: dict[tuple[str, tuple[float, ...] | None], list[int]] = {}
    for i, family in enumerate(suite.slices):
        if isinstance(family, Family):
            for name in family.by:
                users.setdefault((name, _edges(dataset, suite, i, name)), []).append(i)
    for (name, edges), families in users.items():
        attribute = encode(dataset.frame[name], edges)
        columns.append(_column(dataset, suite, name, attribute=attribute, edges=edges, families=tuple(families)))
    return tuple(columns)


def encode(series: pd.Series, edges: Sequence[float] | None = None) -> Attribute:
    """Code a column by its values, or by intervals [a, b) between `edges` with an open one at either end.

    Only values and bins that occur become levels; a missing value (NaN, None) belongs to none.
    Raises DataError where edges are given for what are no numbers.
    """
    return _by_value(series) if edges is None else _by_bin(series, edges)


def is_number(series: pd.Series) -> bool:
    """Whether the column holds numbers; booleans are none."""
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def is_whole(series: pd.Series) -> bool:
    """Whether every number of the column is whole, as of integers that became floats because some are missing."""
    if not pd.api.types.is_float_dtype(series):
        return True
    values = series.dropna().to_numpy(dtype=np.float64)
    return bool(np.all(np.isfinite(values)) and np.all(values == np.floor(values)))


def quantile_edges(series: pd.Series, bins: int) -> tuple[float, ...]:
    """Edges of about equally filled bins, as round as they can be without merging two of them."""
    values = series.dropna().to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    exact = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    for digits in (3, 4, 5, 6, 8, 10, 12):
        rounded = np.unique([float(f"{edge:.{digits}g}") for edge in exact])
        if len(rounded) == len(exact):
            return tuple(rounded.tolist())
    return tuple(exact.tolist())


def number_text(value: float) -> str:
    """A number as people write it: 30, 0.5, 1e-07."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _distinct(series: pd.Series) -> int:
    try:
        return int(series.nunique())
    except TypeError:  # unhashable
        raise DataError(f"column {series.name!r}", "holds values that are neither text, numbers nor booleans") from None


def _by_value(series: pd.Series) -> Attribute:
    codes, uniques = pd.factorize(series)
    values: list[Hashable] = uniques.tolist()
    if isinstance(uniques, pd.CategoricalIndex):
        order = np.argsort(uniques.codes, kind="stable")
    else:
        order = np.array(sorted(range(len(values)), key=lambda i: _sort_key(values[i])), dtype=np.int64)
    rank = np.empty(len(values) + 1, dtype=np.int64)
    rank[order] = np.arange(len(values))
    rank[-1] = len(values)  # factorize codes a missing value as -1
    ordered = [_plain(values[i]) for i in order]
    return Attribute(
        name=str(series.name),
        codes=_compact(rank[codes], len(values)),
        levels=tuple(str(value) for value in ordered),
        where=tuple(equals(str(series.name), value) for value in ordered),
    )


def _by_bin(series: pd.Series, edges: Sequence[float]) -> Attribute:
    if not is_number(series):
        raise DataError(f"column {series.name!r}", "bins and quantiles need numbers", str(series.dtype))
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    bins[np.isnan(values)] = len(edges) + 1
    filled = np.flatnonzero(np.bincount(bins, minlength=len(edges) + 2)[:-1])
    rank = np.full(len(edges) + 2, len(filled))
    rank[filled] = np.arange(len(filled))
    texts = [number_text(edge) for edge in edges]
    column = quote_column(str(series.name))
    names, where = zip(*(_interval(column, texts, int(i)) for i in filled), strict=True) if len(filled) else ((), ())
    return Attribute(name=str(series.name), codes=_compact(rank[bins], len(filled)), levels=names, where=where)


def _interval(column: str, texts: Sequence[str], i: int) -> tuple[str, str]:
    """Name and predicate of the i-th of the intervals between the edges."""
    if not texts:
        return "any", f"{column} is not None"
    if i == 0:
        return f"below {texts[0]}", f"{column} < {texts[0]}"
    if i == len(texts):
        return f"{texts[-1]} and over", f"{column} >= {texts[-1]}"
    return f"{texts[i - 1]}–{texts[i]}", f"{texts[i - 1]} <= {column} < {texts[i]}"


def _plain(value: Hashable) -> str | int | float | bool:
    """A value as plain Python: whole floats become integers, whatever else is text."""
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return str(value)


def _sort_key(value: Hashable) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, bool | int | float) else (1, 0.0, str(value))


def _compact(codes: NDArray[np.integer], levels: int) -> Codes:
    """Codes in the fewest bytes, so that more rows stay in cache."""
    if levels < 2**8:
        return codes.astype(np.uint8)
    return codes.astype(np.uint16) if levels < 2**16 else codes.astype(np.int32)


def _column(
    dataset: Dataset,
    suite: Suite,
    name: str,
    *,
    attribute: Attribute,
    edges: tuple[float, ...] | None = None,
    families: tuple[int, ...] = (),
) -> Column:
    n = attribute.sizes[:-1]
    share = n / max(1, len(dataset))
    train_share = None
    if dataset.train is not None and name in dataset.train:
        train = encode(dataset.train[name], edges)
        shares = dict(zip(train.levels, train.sizes / max(1, len(dataset.train)), strict=False))
        share = train_share = np.array([shares.get(level, 0.0) for level in attribute.levels])
    return Column(
        name=name,
        attribute=attribute,
        families=families,
        n=n,
        train_share=train_share,
        rare=share < suite.gate.under_represented,
    )


def _class_attribute(dataset: Dataset, label: str) -> Attribute:
    numbers = label in dataset.frame and is_number(dataset.frame[label])
    return Attribute(
        name="label",
        codes=_compact(dataset.labels.astype(np.int64), len(dataset.classes)),
        levels=dataset.classes,
        where=tuple(equals(label, float(text) if numbers else text) for text in dataset.classes),
    )


def _edges(dataset: Dataset, suite: Suite, i: int, name: str) -> tuple[float, ...] | None:
    """The edges that a family gives a column, None for its values; refuses what would make no readable slices."""
    family, place = suite.slices[i], f"slices[{i}].by"
    assert isinstance(family, Family)
    if name not in dataset.frame:
        raise SuiteError(place, f"no such column{did_you_mean(name, map(str, dataset.frame.columns))}", name)
    if dataset.classes and name == suite.data.label:
        raise SuiteError(place, "the label's classes are slices already: leave it out", name)
    series = dataset.frame[name]
    if name in family.bins or name in family.quantiles:
        if not is_number(series):
            raise SuiteError(place, "bins and quantiles need a column of numbers", name)
        return family.bins.get(name) or quantile_edges(series, family.quantiles[name])
    distinct = _distinct(series)
    if is_number(series) and (distinct > MOST_NUMBERS or not is_whole(series)):
        rule = f"{name!r} is a number with many values: give it bins.{name} = […] or quantiles.{name} = 4"
        raise SuiteError(place, rule, f"{distinct:,} distinct values")
    if distinct > MOST_VALUES:
        rule = f"{name!r} has more than {MOST_VALUES:,} distinct values: group them in a derived column"
        raise SuiteError(place, rule, f"{distinct:,} distinct values")
    return None
