"""What must be known of all rows before the first is counted: levels, their sizes, the cells of intersections."""

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.attributes import Census, Coding, edges_between, encode, finite_counts, is_number
from validate.data import Dataset
from validate.errors import SuiteError, did_you_mean
from validate.predicates import Predicate, equals, evaluate, parse
from validate.suite import Family, NamedSlice, Suite

MOST_SLICES = 100_000  # of one suite
MOST_VALUES = 1_000  # distinct values of a text column
MOST_NUMBERS = 200  # distinct values of a column of whole numbers
MOST_FOR_QUANTILES = 5_000_000  # distinct values of a column of numbers
_K = TypeVar("_K", np.int64, np.float64)
_DENSE = 2**20  # cells of a table that is filled rather than sorted
_SHIFT = 20  # bits of one column's position in the key of a cell

Edges = tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """A column of the data, with the families that use it and the size of its levels."""

    name: str  # in the data
    coding: Coding
    families: tuple[int, ...]  # positions in suite.slices; empty for the label
    n: NDArray[np.int64]  # (levels,) examples
    train_share: NDArray[np.float64] | None  # (levels,)
    rare: NDArray[np.bool_]  # (levels,) under-represented


class Quantiles:
    """The edges of bins that are to be about equally filled, learnt batch by batch before the survey."""

    def __init__(self, suite: Suite) -> None:
        self._bins = {
            (i, name): bins
            for i, family in enumerate(suite.slices)
            if isinstance(family, Family)
            for name, bins in family.quantiles.items()
        }
        none = np.zeros(0), np.zeros(0, dtype=np.int64)
        self._counts = {name: none for _, name in self._bins}

    def __bool__(self) -> bool:
        return bool(self._bins)

    def add(self, frame: pd.DataFrame) -> None:
        """Take in some rows."""
        for i, name in self._bins:
            _check_column(frame, i, name, numbers=True)
        for name, (values, n) in self._counts.items():
            self._counts[name] = _merged(values, n, *finite_counts(frame[name]))
            if len(self._counts[name][0]) > MOST_FOR_QUANTILES:
                rule = f"quantiles of more than {MOST_FOR_QUANTILES:,} distinct numbers: give it bins instead"
                raise SuiteError("slices", rule, name)

    def edges(self) -> Mapping[tuple[int, str], tuple[float, ...]]:
        """The edges that each family gives a column."""
        return {(i, name): edges_between(*self._counts[name], bins) for (i, name), bins in self._bins.items()}


class Survey:
    """All that the slices of a suite need to know of the rows, learnt batch by batch."""

    def __init__(self, suite: Suite, quantiles: Mapping[tuple[int, str], tuple[float, ...]]) -> None:
        self.suite = suite
        self.n = 0  # examples
        self.classes: tuple[str, ...] = ()
        self.class_n = np.zeros(0, dtype=np.int64)  # (k,) examples of each class
        self.label_numbers = False  # the classes are numbers in the data
        self.predicates: dict[int, Predicate] = {}  # by position in suite.slices
        self.predicate_n: dict[int, int] = {}
        self.families: dict[tuple[str, Edges], tuple[int, ...]] = {}  # of each column in each way of binning it
        for i, entry in enumerate(suite.slices):
            if isinstance(entry, NamedSlice):
                self.predicates[i], self.predicate_n[i] = parse(entry.where, f"slices[{i}].where"), 0
                continue
            for name in entry.by:
                key = name, entry.bins.get(name) or quantiles.get((i, name))
                self.families[key] = (*self.families.get(key, ()), i)
        self._census = [Census(name, edges) for name, edges in self.families]
        self.cells = {combination: (np.zeros(0, np.int64), np.zeros(0, np.int64)) for combination in self._crossed()}

    def add(self, dataset: Dataset) -> None:
        """Take in a batch.

        Raises:
            SuiteError: a column that is not there, or has too many values; too many intersections.
            DataError: a column of values that cannot be told apart.
        """
        if not self.n:
            self._check(dataset.frame)
        self.n += len(dataset)
        if dataset.classes:
            label = self.suite.data.label
            self.classes = dataset.classes
            self.label_numbers = label in dataset.frame and is_number(dataset.frame[label])
            found = np.bincount(dataset.labels.astype(np.int64), minlength=len(self.classes))
            self.class_n = found + self.class_n if len(self.class_n) else found
        codes = [census.add(dataset.frame[census.name]) for census in self._census]
        for census in self._census:
            self._check_values(census)
        for combination, (known, n) in self.cells.items():
            keys, more = _keys([codes[at] for at in combination])
            self.cells[combination] = _merged(known, n, keys, more)
        self._check_cells()
        for i, predicate in self.predicates.items():
            self.predicate_n[i] += int(evaluate(predicate, dataset.frame).sum())

    def columns(self, train: pd.DataFrame | None) -> tuple[Column, ...]:
        """The label's classes first, where there are any; then each column of a family, once per way of binning it."""
        columns = []
        if self.classes:
            label = self.suite.data.label
            where = tuple(equals(label, float(text) if self.label_numbers else text) for text in self.classes)
            position: dict[Hashable, int] = {text: code for code, text in enumerate(self.classes)}
            coding = Coding(name="label", edges=None, levels=self.classes, where=where, position=position)
            columns.append(self._column(label, coding, self.class_n, (), train))
        for census, families in zip(self._census, self.families.values(), strict=True):
            columns.append(self._column(census.name, census.coding(), census.n[census.order], families, train))
        return tuple(columns)

    def levels(self, combination: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cells of some of the columns that are not empty: levels (cells, columns), in order, and examples."""
        keys, n = self.cells[tuple(combination)]
        found = []
        for place, at in enumerate(combination):
            census = self._census[at]
            rank = np.empty(len(census.n), dtype=np.int64)
            rank[census.order] = np.arange(len(census.n))
            found.append(rank[(keys >> _SHIFT * (len(combination) - 1 - place)) & (2**_SHIFT - 1)])
        levels = np.stack(found, axis=1)
        order = np.lexsort(levels.T[::-1])
        return levels[order], n[order]

    def crossed(self, i: int) -> list[tuple[int, ...]]:
        """The combinations of columns whose intersections a family asks for."""
        family = self.suite.slices[i]
        assert isinstance(family, Family)
        positions = [at for at, families in enumerate(self.families.values()) if i in families]
        return [c for size in range(2, family.cross + 1) for c in itertools.combinations(positions, size)]

    def _crossed(self) -> list[tuple[int, ...]]:
        families = [i for i, entry in enumerate(self.suite.slices) if isinstance(entry, Family)]
        return list(dict.fromkeys(combination for i in families for combination in self.crossed(i)))

    def _column(
        self, name: str, coding: Coding, n: NDArray[np.int64], families: tuple[int, ...], train: pd.DataFrame | None
    ) -> Column:
        share, train_share = n / max(1, self.n), None
        if train is not None and name in train:
            seen = encode(train[name], coding.edges)
            shares = dict(zip(seen.levels, seen.sizes / max(1, len(train)), strict=False))
            share = train_share = np.array([shares.get(level, 0.0) for level in coding.levels])
        rare = share < self.suite.gate.under_represented
        return Column(name=name, coding=coding, families=families, n=n, train_share=train_share, rare=rare)

    def _check(self, frame: pd.DataFrame) -> None:
        for i, family in enumerate(self.suite.slices):
            if not isinstance(family, Family):
                continue
            for name in family.by:
                _check_column(frame, i, name, numbers=name in family.bins or name in family.quantiles)
                if self.suite.task == "classification" and name == self.suite.data.label:
                    raise SuiteError(f"slices[{i}].by", "the label's classes are slices already: leave it out", name)

    def _check_values(self, census: Census) -> None:
        """Refuse what would make no readable slices."""
        distinct, name = len(census.position), census.name
        place = f"slices[{self.families[name, census.edges][0]}].by"
        if census.edges is None and census.numbers and (distinct > MOST_NUMBERS or not census.whole):
            rule = f"{name!r} is a number with many values: give it bins.{name} = […] or quantiles.{name} = 4"
            raise SuiteError(place, rule, f"{distinct:,} distinct values")
        if census.edges is None and distinct > MOST_VALUES:
            rule = f"{name!r} has more than {MOST_VALUES:,} distinct values: group them in a derived column"
            raise SuiteError(place, rule, f"{distinct:,} distinct values")

    def _check_cells(self) -> None:
        for i, family in enumerate(self.suite.slices):
            if isinstance(family, Family) and sum(len(self.cells[c][0]) for c in self.crossed(i)) > MOST_SLICES:
                rule = f"more than {MOST_SLICES:,} intersections: lower cross, or use bins"
                raise SuiteError(f"slices[{i}].cross", rule, family.cross)


def surveyed(dataset: Dataset, suite: Suite) -> Survey:
    """The survey of examples that are all in memory."""
    quantiles = Quantiles(suite)
    quantiles.add(dataset.frame)
    survey = Survey(suite, quantiles.edges())
    survey.add(dataset)
    return survey


def _check_column(frame: pd.DataFrame, i: int, name: str, *, numbers: bool) -> None:
    if name not in frame:
        rule = f"no such column{did_you_mean(name, map(str, frame.columns))}"
        raise SuiteError(f"slices[{i}].by", rule, name)
    if numbers and not is_number(frame[name]):
        raise SuiteError(f"slices[{i}].by", "bins and quantiles need a column of numbers", name)


def _keys(codes: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells that some rows fill, as one number each, and how many rows fill each."""
    sizes = [int(code.max(initial=-1)) + 2 for code in codes]  # the first place is for what is missing
    if math.prod(sizes) > _DENSE:
        present = np.all([code >= 0 for code in codes], axis=0)
        keys = np.zeros(int(present.sum()), dtype=np.int64)
        for code in codes:
            keys = (keys << _SHIFT) | code[present]
        return np.unique(keys, return_counts=True)
    cells = np.zeros(len(codes[0]), dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        cells = cells * size + (code + 1)
    n = np.bincount(cells, minlength=math.prod(sizes)).reshape(sizes)[(slice(1, None),) * len(sizes)]
    filled = np.nonzero(n)
    keys = np.zeros(len(filled[0]), dtype=np.int64)
    for code in filled:
        keys = (keys << _SHIFT) | code
    return keys, n[filled]


def _merged(
    keys: NDArray[_K], n: NDArray[np.int64], more: NDArray[_K], more_n: NDArray[np.int64]
) -> tuple[NDArray[_K], NDArray[np.int64]]:
    """Sorted keys and their counts of two shards together."""
    if not len(keys):
        return more, more_n
    found, same = np.unique(np.concatenate([keys, more]), return_inverse=True)
    total = np.zeros(len(found), dtype=np.int64)
    np.add.at(total, same, np.concatenate([n, more_n]))
    return found, total
