"""A column of the data as small integer codes: its values, or bins of its numbers."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.errors import DataError
from validate.predicates import equals, quote_column

Codes = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]


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
class Coding:
    """How the values of a column become codes: learnt once, the same for every batch of rows."""

    name: str  # the column's; "label" for the true class
    edges: tuple[float, ...] | None  # of bins; None where the values themselves are coded
    levels: tuple[str, ...]  # values or bins as text, in their natural order
    where: tuple[str, ...]  # per level, the predicate that selects it
    position: Mapping[Hashable, int]  # of each value, or of each bin that is filled

    def attribute(self, series: pd.Series) -> Attribute:
        """The codes of some rows. Raises DataError for a value that was not there when the levels were learnt."""
        codes, values = _distinct(series, self.edges)
        try:
            ranks = [self.position[value] for value in values]
        except KeyError as unknown:
            raise DataError(f"column {self.name!r}", "changed while it was read", unknown.args[0]) from None
        rank = np.array([*ranks, len(self.levels)], dtype=np.int64)
        return Attribute(
            name=self.name, codes=compact(rank[codes], len(self.levels)), levels=self.levels, where=self.where
        )


class Census:
    """What is learnt of a column batch by batch: its values, in the order in which they come, and how often."""

    def __init__(self, name: str, edges: tuple[float, ...] | None) -> None:
        self.name = name
        self.edges = edges
        self.position: dict[Hashable, int] = {}
        self.n = np.zeros(0, dtype=np.int64)  # (values,) how often
        self.numbers = True  # holds numbers
        self.whole = True  # … and only whole ones
        self._categories: dict[Hashable, None] | None = {}  # in their order; None where the column is no categorical

    def add(self, series: pd.Series) -> NDArray[np.int64]:
        """Take in some rows: their values' positions so far, -1 where the value is missing."""
        codes, values = _distinct(series, self.edges)
        numbers = is_number(series)
        self.numbers &= numbers
        self.whole &= not numbers or is_whole(series)
        if self._categories is not None and isinstance(series.dtype, pd.CategoricalDtype):
            self._categories.update(dict.fromkeys(series.dtype.categories))
        else:
            self._categories = None
        at = np.array([*(self.position.setdefault(value, len(self.position)) for value in values), -1], dtype=np.int64)
        found = at[codes]
        n = np.bincount(found[found >= 0], minlength=len(self.position))
        n[: len(self.n)] += self.n
        self.n = n
        return found

    @property
    def order(self) -> list[int]:
        """Positions in the natural order of the values."""
        values = list(self.position)
        if self._categories:
            places = {value: place for place, value in enumerate(self._categories)}
            return sorted(range(len(values)), key=lambda i: places[values[i]])
        return sorted(range(len(values)), key=lambda i: _sort_key(values[i]))

    def coding(self) -> Coding:
        """The levels in their natural order."""
        values = list(self.position)
        ordered = [values[i] for i in self.order]
        if self.edges is None:
            levels = [str(_plain(value)) for value in ordered]
            where = [equals(self.name, _plain(value)) for value in ordered]
        else:
            texts, column = [number_text(edge) for edge in self.edges], quote_column(self.name)
            named = [_interval(column, texts, i) for i in ordered if isinstance(i, int)]
            levels, where = [level for level, _ in named], [predicate for _, predicate in named]
        position = {value: i for i, value in enumerate(ordered)}
        return Coding(name=self.name, edges=self.edges, levels=tuple(levels), where=tuple(where), position=position)


def encode(series: pd.Series, edges: Sequence[float] | None = None) -> Attribute:
    """Code a column by its values, or by intervals [a, b) between `edges` with an open one at either end.

    Only values and bins that occur become levels; a missing value (NaN, None) belongs to none.
    Raises DataError where edges are given for what are no numbers.
    """
    census = Census(str(series.name), None if edges is None else tuple(edges))
    found = census.add(series)
    coding = census.coding()
    rank = np.full(len(census.position) + 1, len(coding.levels))
    rank[census.order] = np.arange(len(coding.levels))
    return Attribute(
        name=coding.name, codes=compact(rank[found], len(coding.levels)), levels=coding.levels, where=coding.where
    )


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
    return edges_between(*finite_counts(series), bins)


def finite_counts(series: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distinct finite numbers of a column, sorted, and how often each occurs."""
    values = series.dropna().to_numpy(dtype=np.float64)
    return np.unique(values[np.isfinite(values)], return_counts=True)


def edges_between(values: NDArray[np.float64], n: NDArray[np.int64], bins: int) -> tuple[float, ...]:
    """The same edges, for sorted numbers that each occur n times."""
    if not len(values):
        return ()
    ends = np.cumsum(n)
    exact = np.unique(values[np.searchsorted(ends, np.arange(1, bins) / bins * ends[-1])])
    for digits in (3, 4, 5, 6, 8, 10, 12):
        rounded = np.unique([float(f"{edge:.{digits}g}") for edge in exact])
        if len(rounded) == len(exact):
            return tuple(rounded.tolist())
    return tuple(exact.tolist())


def number_text(value: float) -> str:
    """A number as people write it: 30, 0.5, 1e-07."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _distinct(series: pd.Series, edges: Sequence[float] | None) -> tuple[NDArray[np.intp], list[Hashable]]:
    """Codes (n,) of the values, or bins, of a column in the order of their coming, -1 where missing; and these."""
    if edges is None:
        try:
            codes, uniques = pd.factorize(series)
        except TypeError:  # unhashable
            rule = "holds values that are neither text, numbers nor booleans"
            raise DataError(f"column {series.name!r}", rule) from None
        return codes, uniques.tolist()
    if not is_number(series):
        raise DataError(f"column {series.name!r}", "bins and quantiles need numbers", str(series.dtype))
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right")
    filled = np.flatnonzero(np.bincount(bins[~np.isnan(values)], minlength=len(edges) + 1))
    rank = np.zeros(len(edges) + 1, dtype=np.intp)
    rank[filled] = np.arange(len(filled))
    known: list[Hashable] = [*filled.tolist()]
    return np.where(np.isnan(values), -1, rank[bins]), known


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


def compact(codes: NDArray[np.integer], levels: int) -> Codes:
    """Codes in the fewest bytes, so that more rows stay in cache."""
    if levels < 2**8:
        return codes.astype(np.uint8)
    return codes.astype(np.uint16) if levels < 2**16 else codes.astype(np.int32)
